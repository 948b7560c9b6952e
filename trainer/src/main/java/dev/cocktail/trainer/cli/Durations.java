package dev.cocktail.trainer.cli;

import java.time.Duration;
import java.util.Locale;

/** Times as people read them. */
final class Durations {
  private Durations() {}

  /** Such as {@code 3.2 s}, {@code 4 min 10 s}, {@code 2 h 5 min}. */
  static String text(long nanos) {
    Duration time = Duration.ofNanos(nanos);
    if (time.toHours() > 0) {
      return time.toHours() + " h " + time.toMinutesPart() + " min";
    }
    return time.toMinutes() > 0
        ? time.toMinutes() + " min " + time.toSecondsPart() + " s"
        : String.format(Locale.ROOT, "%.1f s", nanos / 1e9);
  }
}
