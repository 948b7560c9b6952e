package dev.cocktail.trainer;

import dev.cocktail.eval.Evaluation;
import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.metric.Metric;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.Function;

/** What an evaluation comes to, as JSON has it. */
public final class EvaluationSummary {
  private EvaluationSummary() {}

  /**
   * Number of items, each metric and the share of unreadable answers read strictly and leniently, answers that were
   * cut, and the loss with the tokens it is a mean of.
   */
  public static Map<String, Object> of(Evaluation evaluation) {
    Map<String, Object> summary = new LinkedHashMap<>();
    summary.put("items", evaluation.items().size());
    Map<String, Object> values = new LinkedHashMap<>();
    for (Metric metric : evaluation.task().metrics()) {
      values.put(metric.label(), both(reading -> evaluation.value(metric, reading)));
    }
    summary.put("metrics", values);
    summary.put("unreadable", both(evaluation::unreadable));
    summary.put("cut", evaluation.cut());
    summary.put("loss", number(evaluation.loss()));
    summary.put("loss_tokens", evaluation.lossTokens());
    return summary;
  }

  private static Map<String, Double> both(Function<Reading, OptionalDouble> value) {
    Map<String, Double> both = new LinkedHashMap<>();
    both.put("strict", number(value.apply(Reading.STRICT)));
    both.put("lenient", number(value.apply(Reading.LENIENT)));
    return both;
  }

  /** JSON has no word for what is no number. */
  private static Double number(OptionalDouble value) {
    return value.isPresent() && Double.isFinite(value.getAsDouble()) ? value.getAsDouble() : null;
  }
}
