package dev.cocktail.trainer.study;

import dev.cocktail.eval.AnsweredItem;
import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.metric.Metric;
import dev.cocktail.eval.metric.Outcome;
import dev.cocktail.eval.statistics.SeedSummary;
import java.util.List;

/**
 * What an arm scored on a task's items.
 *
 * @param arm the arm
 * @param scores of each of its runs, in the seeds' order, answers read strictly
 * @param summary of these scores
 * @param lenient the mean over runs of the score of leniently read answers
 * @param unreadable the mean over runs of the share of answers that could not be read strictly
 */
public record ArmResult(Arm arm, List<Double> scores, SeedSummary summary, double lenient, double unreadable) {
  public ArmResult {
    scores = List.copyOf(scores);
  }

  /**
   * Sums up what an arm's runs answered.
   *
   * @param runs each run's answers
   * @param level of the interval over seeds
   */
  static ArmResult of(Arm arm, Metric metric, List<List<AnsweredItem>> runs, double level) {
    List<Double> scores = runs.stream().map(run -> metric.of(outcomes(run, Reading.STRICT)).orElseThrow()).toList();
    return new ArmResult(
        arm,
        scores,
        SeedSummary.of(scores.stream().mapToDouble(Double::doubleValue).toArray(), level),
        runs.stream()
            .mapToDouble(run -> metric.of(outcomes(run, Reading.LENIENT)).orElseThrow())
            .average()
            .orElseThrow(),
        runs.stream()
            .mapToDouble(run -> Metric.unreadable(outcomes(run, Reading.STRICT)).orElseThrow())
            .average()
            .orElseThrow());
  }

  static List<Outcome> outcomes(List<AnsweredItem> items, Reading reading) {
    return items.stream().map(item -> item.outcome(reading)).toList();
  }
}
