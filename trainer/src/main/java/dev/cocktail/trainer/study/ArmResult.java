package dev.cocktail.trainer.study;

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
}
