package dev.cocktail.tensor;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;
import java.util.function.Consumer;

/** Opens devices by the names that users give. */
public final class Devices {
  private Devices() {}

  /** All providers on the class path, best first. */
  public static List<DeviceProvider> providers() {
    List<DeviceProvider> providers = new ArrayList<>();
    ServiceLoader.load(DeviceProvider.class).forEach(providers::add);
    providers.sort(Comparator.comparingInt(DeviceProvider::priority).reversed());
    return providers;
  }

  /** Opens the device of the given name with the precision of its own choice. */
  public static Device open(String name, Consumer<String> explain) {
    return open(name, Precision.AUTO, explain);
  }

  /**
   * Opens the device of the given name.
   *
   * @param name {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}
   * @param precision of activations
   * @param explain told, for {@code auto}, what was chosen and why anything better was refused
   * @throws InvalidInputException when the name is unknown or the device cannot be opened
   */
  public static Device open(String name, Precision precision, Consumer<String> explain) {
    return open(providers(), name, precision, explain);
  }

  static Device open(List<DeviceProvider> providers, String name, Precision precision, Consumer<String> explain) {
    return name.equals("auto") ? openBest(providers, precision, explain) : openNamed(providers, name, precision);
  }

  private static Device openBest(List<DeviceProvider> providers, Precision precision, Consumer<String> explain) {
    List<String> refusals = new ArrayList<>();
    for (DeviceProvider provider : providers) {
      String reason = provider.unavailableReason();
      if (reason.isEmpty()) {
        try {
          Device device = provider.open(0, precision);
          explain.accept("device " + device.name() + ": " + device.description());
          return device;
        } catch (InvalidInputException e) {
          reason = e.getMessage();
        }
      }
      refusals.add(provider.kind() + ": " + reason);
      explain.accept("device " + provider.kind() + " not used: " + reason);
    }
    throw new InvalidInputException("no device can be opened on this machine; " + String.join("; ", refusals));
  }

  private static Device openNamed(List<DeviceProvider> providers, String name, Precision precision) {
    int colon = name.indexOf(':');
    String kind = colon < 0 ? name : name.substring(0, colon);
    int ordinal = 0;
    if (colon >= 0) {
      try {
        ordinal = Integer.parseInt(name.substring(colon + 1));
      } catch (NumberFormatException e) {
        ordinal = -1;
      }
    }
    for (DeviceProvider provider : providers) {
      if (provider.kind().equals(kind) && ordinal >= 0) {
        String reason = provider.unavailableReason();
        if (!reason.isEmpty()) {
          throw new InvalidInputException("device " + name + " cannot be used: " + reason);
        }
        return provider.open(ordinal, precision);
      }
    }
    List<String> known = new ArrayList<>(List.of("auto"));
    providers.forEach(provider -> known.add(provider.kind()));
    throw new InvalidInputException("unknown device '" + name + "'; known: " + String.join(", ", known));
  }
}
