package dev.cocktail.trainer.cli;

import java.util.List;
import java.util.Locale;

/** Numbers of bytes as people read them. */
final class Sizes {
  private static final List<String> UNITS = List.of("bytes", "KiB", "MiB", "GiB", "TiB");

  private Sizes() {}

  /** Such as {@code 512 bytes}, {@code 1.5 MiB}. */
  static String binary(long bytes) {
    double value = bytes;
    int unit = 0;
    while (value >= 1024 && unit < UNITS.size() - 1) {
      value /= 1024;
      unit++;
    }
    return unit == 0 ? bytes + " bytes" : String.format(Locale.ROOT, "%.1f %s", value, UNITS.get(unit));
  }
}
