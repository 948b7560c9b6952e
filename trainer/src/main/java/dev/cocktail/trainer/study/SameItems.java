package dev.cocktail.trainer.study;

import dev.cocktail.eval.AnsweredItem;
import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.metric.Metric;
import dev.cocktail.eval.metric.Outcome;
import dev.cocktail.eval.statistics.ArmRuns;
import dev.cocktail.eval.statistics.ClusterSums;
import dev.cocktail.eval.statistics.Clusters;
import java.util.ArrayList;
import java.util.List;

/** Arms that answered the same items, as statistics compare them. */
final class SameItems {
  private SameItems() {}

  /**
   * The arms' runs, in order, over one set of clusters.
   *
   * @param arms for each arm, each run's answers, read strictly
   */
  static List<ArmRuns> runs(Metric metric, List<List<List<AnsweredItem>>> arms) {
    List<List<Outcome>> all = new ArrayList<>();
    arms.forEach(arm -> arm.forEach(run -> all.add(ArmResult.outcomes(run, Reading.STRICT))));
    Clusters clusters = Clusters.of(arms.getFirst().getFirst().stream().map(AnsweredItem::cluster).toList());
    List<ClusterSums> sums = metric.statistics(all).stream().map(clusters::sums).toList();
    List<ArmRuns> runs = new ArrayList<>();
    int first = 0;
    for (List<List<AnsweredItem>> arm : arms) {
      runs.add(new ArmRuns(clusters, sums.subList(first, first + arm.size())));
      first += arm.size();
    }
    return runs;
  }
}
