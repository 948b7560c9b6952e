package dev.cocktail.trainer;

import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.metric.Metric;
import dev.cocktail.trainer.TrainingListener.EvaluationReport;
import dev.cocktail.trainer.config.BestCriterion;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/** Finds the best of a run's evaluations, and when there has been no better one for too long. */
final class Selection {
  /**
   * The best evaluation.
   *
   * @param step number of steps taken before it
   * @param value the criterion's
   */
  record Best(int step, double value) {}

  private final Optional<BestCriterion> criterion;
  private final int patience;
  private Best best;
  private int since;

  /**
   * Goes on from what was found so far.
   *
   * @param criterion empty where nothing is chosen
   * @param patience how many evaluations in a row may be no better than the best; {@link Integer#MAX_VALUE} for any
   * @param best null for none yet
   * @param since how many evaluations there were since the best
   */
  Selection(Optional<BestCriterion> criterion, int patience, Best best, int since) {
    this.criterion = criterion;
    this.patience = patience;
    this.best = best;
    this.since = since;
  }

  /** Takes an evaluation, and says whether it is the best so far; the first of equals stays the best. */
  boolean consider(EvaluationReport report) {
    OptionalDouble found = criterion.map(by -> value(by, report)).orElse(OptionalDouble.empty());
    if (found.isEmpty()) {
      return false; // What decides was not measured this time.
    }
    double value = found.getAsDouble();
    boolean better = best == null || (criterion.get().isLoss() ? value < best.value() : value > best.value());
    if (better) {
      best = new Best(report.step(), value);
    }
    since = better ? 0 : since + 1;
    return better;
  }

  private static OptionalDouble value(BestCriterion criterion, EvaluationReport report) {
    List<OptionalDouble> values = new ArrayList<>();
    if (criterion.isLoss()) {
      report
          .tasks()
          .forEach((task, loss) -> {
            if (criterion.task().map(task::equals).orElse(true)) {
              values.add(OptionalDouble.of(loss.mean()));
            }
          });
    } else {
      report
          .evaluations()
          .forEach((task, evaluation) -> {
            Metric metric = criterion.metric().orElse(evaluation.task().metrics().getFirst());
            boolean isAsked = criterion.task().map(task::equals).orElse(true);
            if (isAsked && evaluation.task().metrics().contains(metric)) {
              values.add(evaluation.value(metric, Reading.STRICT));
            }
          });
    }
    return values.stream().flatMapToDouble(OptionalDouble::stream).average();
  }

  /** The best so far; null where there was none. */
  Best best() {
    return best;
  }

  /** Evaluations since the best. */
  int since() {
    return since;
  }

  int patience() {
    return patience;
  }

  /** Whether there has been no better one for as long as is allowed. */
  boolean isExhausted() {
    return since >= patience;
  }
}
