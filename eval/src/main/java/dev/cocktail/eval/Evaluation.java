package dev.cocktail.eval;

import static java.util.Objects.requireNonNull;

import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.metric.Metric;
import dev.cocktail.eval.metric.Outcome;
import java.util.List;
import java.util.OptionalDouble;

/**
 * A model's results on a task.
 *
 * @param task what was asked
 * @param items one result for each of its items, in their order
 */
public record Evaluation(EvaluationTask task, List<ItemResult> items) {
  public Evaluation {
    requireNonNull(task, "task");
    items = List.copyOf(items);
  }

  /** A metric of the task's answers; empty when there are no items. */
  public OptionalDouble value(Metric metric, Reading reading) {
    return metric.of(outcomes(reading));
  }

  /** The share of answers that could not be read. */
  public OptionalDouble unreadable(Reading reading) {
    return Metric.unreadable(outcomes(reading));
  }

  /** The mean cross-entropy in nats of all tokens of right answers; empty when there are none. */
  public OptionalDouble loss() {
    long tokens = lossTokens();
    return tokens == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of(items.stream().mapToDouble(ItemResult::loss).sum() / tokens);
  }

  /** How many tokens the loss is the mean of. */
  public long lossTokens() {
    return items.stream().mapToLong(ItemResult::lossTokens).sum();
  }

  /** How many answers ended for want of tokens. */
  public long cut() {
    return items.stream().filter(item -> item.finish().equals("length")).count();
  }

  private List<Outcome> outcomes(Reading reading) {
    return items.stream().map(item -> item.outcome(reading)).toList();
  }
}
