package dev.cocktail.trainer.study;

import dev.cocktail.eval.report.LineChart.Point;
import dev.cocktail.trainer.RunMetrics;
import java.util.ArrayList;
import java.util.List;

/**
 * How a run learnt one of its tasks.
 *
 * @param run its name
 * @param task which
 * @param set training or validation
 * @param steps of the losses, ascending
 * @param losses mean cross-entropy of the answers' tokens, in nats
 */
record LossCurve(String run, String task, String set, List<Long> steps, List<Double> losses) {
  /** Training losses are means over so many stretches of a run. */
  private static final int STRETCHES = 20;

  /** Of every run that is there, the curves of each of its tasks. */
  static List<LossCurve> of(StudyResults results) {
    List<LossCurve> curves = new ArrayList<>();
    for (PlannedRun run : results.plan().runs()) {
      if (!results.failures().containsKey(run.name())) {
        RunMetrics metrics = RunMetrics.read(run.run().output());
        for (String task : run.arm().tasks()) {
          curves.add(of(run, task, "training", training(metrics, task)));
          curves.add(of(run, task, "validation", metrics.validationLoss(task)));
        }
      }
    }
    return curves;
  }

  private static LossCurve of(PlannedRun run, String task, String set, List<Point> points) {
    List<Point> finite = points.stream().filter(point -> Double.isFinite(point.y())).toList();
    return new LossCurve(
        run.name(),
        task,
        set,
        finite.stream().map(point -> (long) point.x()).toList(),
        finite.stream().map(Point::y).toList());
  }

  /** The training losses of a task. */
  static List<Point> training(RunMetrics metrics, String task) {
    return metrics.trainingLoss(task, Math.max(1, metrics.steps().size() / STRETCHES));
  }
}
