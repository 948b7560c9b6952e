package dev.cocktail.trainer.config;

import dev.cocktail.trainer.data.DataPart;
import java.util.Optional;

/** {@code split} of a task: parts of its training file that are kept for validation and test. */
public record SplitSection(
    @Key(
            value = "About this share of the file is for validation; records of one cluster stay together.",
            defaultsTo = "0",
            atLeast = 0,
            below = 1)
        double validation,
    @Key(value = "About this share of the file is for tests.", defaultsTo = "0", atLeast = 0, below = 1) double test,
    @Key(value = "Decides which records; the same ones in every run.", defaultsTo = "42") long seed)
    implements Checked {
  /** The part of the training file, or of one that is no part of it; empty when the file is taken whole. */
  Optional<DataPart> part(DataPart.Kind kind, boolean ofTrain) {
    return ofTrain && (validation > 0 || test > 0)
        ? Optional.of(new DataPart(kind, validation, test, seed))
        : Optional.empty();
  }

  @Override
  public void check(Place place) {
    if (validation + test >= 1) {
      throw place.wrong("test", "with validation, nothing is left to learn from; lower one of them");
    }
  }
}
