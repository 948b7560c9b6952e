package dev.cocktail.tensor;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;
import java.util.function.Consumer;
import java.util.stream.Collectors;

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
   * Opens the device of the given name. {@code auto} and a kind without a number try the devices in turn.
   *
   * @param name {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}
   * @param precision of activations
   * @param explain told, where there is a choice, what was chosen and why anything better was refused
   * @throws InvalidInputException when the name is unknown or the device cannot be opened
   */
  public static Device open(String name, Precision precision, Consumer<String> explain) {
    return open(providers(), name, precision, explain);
  }

  /**
   * Refuses what names no device, whether or not it could be opened.
   *
   * @throws InvalidInputException naming the devices there are
   */
  public static void requireKnown(String name) {
    List<DeviceProvider> providers = providers();
    int colon = name.indexOf(':');
    String kind = colon < 0 ? name : name.substring(0, colon);
    boolean hasKind = providers.stream().anyMatch(provider -> provider.kind().equals(kind));
    if (!name.equals("auto") && (!hasKind || colon >= 0 && ordinal(name.substring(colon + 1)) < 0)) {
      throw unknown(providers, name);
    }
  }

  private static InvalidInputException unknown(List<DeviceProvider> providers, String name) {
    List<String> known = new ArrayList<>(List.of("auto"));
    providers.forEach(provider -> known.addAll(provider.names()));
    return new InvalidInputException("unknown device '" + name + "'; known: " + String.join(", ", known));
  }

  static Device open(List<DeviceProvider> providers, String name, Precision precision, Consumer<String> explain) {
    if (name.equals("auto")) {
      return openBest(providers, precision, explain);
    }
    int colon = name.indexOf(':');
    String kind = colon < 0 ? name : name.substring(0, colon);
    int ordinal = colon < 0 ? 0 : ordinal(name.substring(colon + 1));
    for (DeviceProvider provider : providers) {
      if (provider.kind().equals(kind) && ordinal >= 0) {
        String reason = provider.unavailableReason();
        if (!reason.isEmpty()) {
          throw new InvalidInputException("device " + name + " cannot be used: " + reason);
        }
        return colon < 0 ? openFirst(provider, precision, explain) : provider.open(ordinal, precision);
      }
    }
    throw unknown(providers, name);
  }

  /** A device's number, or a negative number where the text is none. */
  private static int ordinal(String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException _) {
      return -1;
    }
  }

  private static Device openBest(List<DeviceProvider> providers, Precision precision, Consumer<String> explain) {
    List<String> refusals = new ArrayList<>();
    for (DeviceProvider provider : providers) {
      String reason = provider.unavailableReason();
      if (reason.isEmpty()) {
        try {
          return openFirst(provider, precision, explain);
        } catch (InvalidInputException e) {
          reason = e.getMessage();
        }
      }
      refusals.add(provider.kind() + ": " + reason);
      explain.accept("device " + provider.kind() + " not used: " + reason);
    }
    throw new InvalidInputException("no device can be opened on this machine; " + String.join("; ", refusals));
  }

  /** The first of a kind that can be opened. */
  private static Device openFirst(DeviceProvider provider, Precision precision, Consumer<String> explain) {
    List<InvalidInputException> refusals = new ArrayList<>();
    for (int ordinal = 0; ordinal < provider.count(); ordinal++) {
      try {
        Device device = provider.open(ordinal, precision);
        for (int before = 0; before < ordinal; before++) {
          explain.accept(
              "device %s:%d not used: %s".formatted(provider.kind(), before, refusals.get(before).getMessage()));
        }
        explain.accept("device " + device.name() + ": " + device.description());
        return device;
      } catch (InvalidInputException e) {
        refusals.add(e);
      }
    }
    if (refusals.size() == 1) {
      throw refusals.getFirst();
    }
    throw new InvalidInputException(
        "none of the %d %s devices can be opened: %s"
            .formatted(
                provider.count(),
                provider.kind(),
                refusals.stream().map(Throwable::getMessage).collect(Collectors.joining("; "))));
  }
}
