package dev.cocktail.tensor;

import java.util.List;

/**
 * Finds and opens devices of one kind; found through {@link java.util.ServiceLoader}, so that a program without CUDA's
 * classes still runs on the CPU.
 */
public interface DeviceProvider {
  /** The part of a device's name before the colon: {@code cpu}, {@code cuda}. */
  String kind();

  /** How users name devices of this kind: {@code cuda} and {@code cuda:N}, with N for an ordinal. */
  default List<String> names() {
    return List.of(kind());
  }

  /** How many there are, whether they can be opened or not; their ordinals are the numbers below. */
  default int count() {
    return 1;
  }

  /** Rank in the automatic choice; the highest available wins. */
  int priority();

  /** What this machine has of this kind, one line each for {@code doctor}; empty when nothing can be opened. */
  List<String> available();

  /** Why nothing can be opened, or an empty string when something can. */
  String unavailableReason();

  /**
   * What else {@code doctor} should tell, one line each: libraries found and refused, also when nothing can be opened.
   */
  default List<String> details() {
    return List.of();
  }

  /**
   * Opens a device.
   *
   * @param ordinal which of several, from 0
   * @param precision of activations
   * @throws InvalidInputException with the cause and the way out when it cannot be opened
   */
  Device open(int ordinal, Precision precision);
}
