package dev.cocktail.trainer.config;

import dev.cocktail.eval.EvaluationSettings;
import dev.cocktail.tensor.InvalidInputException;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * {@code evaluation}: how often the validation sets are scored, and which of what was scored the run is to end with.
 * They are scored at the start and the end in any case.
 */
public record EvaluationSection(
    @Key(value = "How often in between: such as '0.25 epochs', '100 steps', or never.", defaultsTo = "1 epochs")
        Interval every,
    @Key(value = "How often the tasks' metrics are taken, with the losses.", whenAbsent = "every")
        Optional<Interval> metricsEvery,
    @Key(
            value = "Metrics look only at so many validation examples of each task, evenly from its first to its last.",
            whenAbsent = "all",
            atLeast = 1)
        OptionalInt maxExamples,
    @Key(
            value = "Most tokens of a generated answer.",
            defaultsTo = "" + EvaluationSettings.DEFAULT_NEW_TOKENS,
            atLeast = 1)
        int maxNewTokens,
    @Key(
            value = "Tokens computed, or kept for answers that are being written, at once.",
            whenAbsent = "as many as training computes at once",
            atLeast = 1)
        OptionalInt batchTokens,
    @Key(
            value =
                "Which of the evaluated states the run ends with: last, or the best by mean_loss (the mean of the"
                    + " tasks' validation losses), mean_metric (of their own metrics), mean_METRIC, TASK.loss or"
                    + " TASK.METRIC. The last one is kept beside it.",
            defaultsTo = "last")
        String best,
    @Key(
            value =
                "What is scored on the test sets after training, losses and metrics: best (what the run ends with),"
                    + " last, both or none.",
            defaultsTo = "best")
        Tested test,
    @Key(
            value = "Stop when so many evaluations in a row were no better than the best.",
            whenAbsent = "no early stop",
            atLeast = 1)
        OptionalInt patience)
    implements Checked {
  /** What is scored on the test sets. */
  public enum Tested {
    NONE,
    BEST,
    LAST,
    BOTH
  }

  /** What the run chooses by; empty where it ends with its last state. */
  public Optional<BestCriterion> criterion() {
    return BestCriterion.parse(best);
  }

  /**
   * Tokens that an evaluation computes, or keeps, at once: what the file says, or as many as training computes at once,
   * so that an evaluation needs no more memory; but then no fewer than a whole example and an answer have.
   */
  public int tokensAtOnce(TrainingSection training) {
    int computed = Math.min(training.microBatchTokens(), training.tokensPerStep());
    return batchTokens.orElse(Math.max(computed, training.maxLength() + maxNewTokens));
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
