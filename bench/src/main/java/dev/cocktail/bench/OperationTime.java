package dev.cocktail.bench;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * How long an operation took.
 *
 * @param seconds of one call, the median
 * @param bytes that it must move at least; 0 for an operation that is judged by its arithmetic
 * @param arithmetic floating-point operations; 0 for one that is judged by its bytes
 * @param shareOfFloor the time that the device needs at least, over the time it took
 */
record OperationTime(String operation, double seconds, long bytes, double arithmetic, double shareOfFloor) {
  Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("operation", operation);
    map.put("microseconds", seconds * 1e6);
    if (arithmetic == 0) {
      map.put("gb_per_s", bytes / seconds / 1e9);
    } else {
      map.put("tflop_per_s", arithmetic / seconds / 1e12);
    }
    map.put("share_of_floor", shareOfFloor);
    return map;
  }

  /** A line of a table. */
  @Override
  public String toString() {
    String rate =
        arithmetic == 0
            ? String.format(Locale.ROOT, "%.1f GB/s", bytes / seconds / 1e9)
            : String.format(Locale.ROOT, "%.2f TFLOP/s", arithmetic / seconds / 1e12);
    return String.format(
        Locale.ROOT, "%-34s %12.1f us %16s %5.0f %%", operation, seconds * 1e6, rate, 100 * shareOfFloor);
  }
}
