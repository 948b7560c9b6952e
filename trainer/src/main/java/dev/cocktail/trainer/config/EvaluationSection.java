package dev.cocktail.trainer.config;

import dev.cocktail.tensor.InvalidInputException;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * {@code evaluation}: how often the validation sets are scored, and which of what was scored the run is to end with.
 * They are scored at the start and the end in any case.
 */
@Planned("max_examples")
public record EvaluationSection(
    @Key(value = "How often in between: such as '0.25 epochs', '100 steps', or never.", defaultsTo = "1 epochs")
        Interval every,
    @Key(value = "Tokens computed at once.", defaultsTo = "4096", atLeast = 1) int batchTokens,
    @Key(
            value =
                "Which of the evaluated states the run ends with: last, or the best by mean_loss (the mean of the"
                    + " tasks' validation losses) or TASK.loss. The last one is kept beside it.",
            defaultsTo = "last")
        String best,
    @Key(
            value = "Stop when so many evaluations in a row were no better than the best.",
            whenAbsent = "no early stop",
            atLeast = 1)
        OptionalInt patience)
    implements Checked {
  /** What the run chooses by; empty where it ends with its last state. */
  public Optional<BestCriterion> criterion() {
    return BestCriterion.parse(best);
  }

  @Override
  public void check(Place place) {
    Optional<BestCriterion> criterion;
    try {
      criterion = criterion();
    } catch (InvalidInputException e) {
      throw place.wrong("best", e.getMessage());
    }
    if (criterion.isEmpty() && patience.isPresent()) {
      throw place.wrong("patience", "needs something to watch; give evaluation.best, such as 'best: mean_loss'");
    }
  }
}
