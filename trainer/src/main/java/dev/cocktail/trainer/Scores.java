package dev.cocktail.trainer;

import dev.cocktail.eval.Evaluation;
import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.metric.Metric;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What one state of a run came to on the validation or on the test sets.
 *
 * @param step number of steps that the state has behind it
 * @param loss of all tasks together, the same kind of mean as a step's
 * @param losses mean cross-entropy of each task that has such a set, by name, in nats a token
 * @param metrics of each task that has a metric, by its name and the metric's, read strictly; empty where the metrics
 *     were not due
 */
public record Scores(int step, double loss, Map<String, Double> losses, Map<String, Map<String, Double>> metrics) {
  public Scores {
    // In their order, so that equal scores are written as equal texts.
    losses = Collections.unmodifiableMap(new LinkedHashMap<>(losses));
    metrics = Collections.unmodifiableMap(new LinkedHashMap<>(metrics));
  }

  static Scores of(int step, double loss, Map<String, TaskLoss> tasks, Map<String, Evaluation> evaluations) {
    Map<String, Double> losses = new LinkedHashMap<>();
    tasks.forEach((task, ofTask) -> losses.put(task, ofTask.mean()));
    Map<String, Map<String, Double>> metrics = new LinkedHashMap<>();
    evaluations.forEach((task, evaluation) -> {
      Map<String, Double> values = new LinkedHashMap<>();
      for (Metric metric : evaluation.task().metrics()) {
        evaluation.value(metric, Reading.STRICT).ifPresent(value -> values.put(metric.label(), value));
      }
      metrics.put(task, values);
    });
    return new Scores(step, loss, losses, metrics);
  }
}
