package dev.cocktail.trainer.study;

import static dev.cocktail.trainer.study.ReportWords.points;

import dev.cocktail.eval.report.Html;
import dev.cocktail.eval.report.IntervalChart;
import dev.cocktail.eval.report.LineChart;
import dev.cocktail.eval.report.LineChart.Point;
import dev.cocktail.eval.report.LineChart.Series;
import dev.cocktail.eval.report.ShareChart;
import dev.cocktail.eval.statistics.Interval;
import dev.cocktail.trainer.RunMetrics;
import dev.cocktail.trainer.study.StudyFindings.BestOfCurves;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToLongBiFunction;

/** The charts of a study's report. */
final class ReportCharts {
  private final StudyResults results;
  private final StudyPlan plan;
  private final Map<Arm, RunMetrics> metrics = new HashMap<>();

  ReportCharts(StudyResults results) {
    this.results = results;
    this.plan = results.plan();
  }

  /** A forest plot of a family of comparisons. */
  Html forest(String title, List<ArmComparison> comparisons) {
    List<IntervalChart.Row> rows = new ArrayList<>();
    for (ArmComparison one : comparisons) {
      var difference = one.comparison().difference();
      Interval where = difference.interval();
      rows.add(
          new IntervalChart.Row(
              one.arm().name() + " less " + one.control().name(),
              100 * difference.value(),
              new Interval(100 * where.low(), 100 * where.high(), where.level()),
              points(difference.value()) + ", " + one.verdict().finding().words()));
    }
    return new IntervalChart(title, "worse", "better", rows).figure();
  }

  /** What the best of as many trials is expected to score. */
  Html bestOf(BestOfCurves curves) {
    return new LineChart(
            curves.target() + ": expected best, validation score",
            "trials",
            List.of(series("mixtures", curves.mixtures()), series("alone", curves.alone())),
            false)
        .figure();
  }

  private static Series series(String name, List<Double> curve) {
    List<Point> points = new ArrayList<>();
    for (int k = 1; k <= curve.size(); k++) {
      points.add(new Point(k, 100 * curve.get(k - 1)));
    }
    return new Series(name, points);
  }

  /** Mixtures of more than one task of which all runs are there. */
  private List<Arm> mixtures() {
    return plan.arms().stream()
        .filter(arm -> arm.kind() == Arm.Kind.MIXTURE && !arm.isSingle() && results.isWhole(arm))
        .toList();
  }

  /** What the first run of each mixture drew. */
  List<Html> mixtureShares() {
    return mixtures().isEmpty()
        ? List.of()
        : List.of(
            shares("Examples", (drawn, task) -> drawn.examples(task, 0, drawn.steps().size())),
            shares("Learnt tokens", (drawn, task) -> drawn.supervisedTokens(task, 0, drawn.steps().size())));
  }

  private Html shares(String what, ToLongBiFunction<RunMetrics, String> amount) {
    List<String> tasks = plan.sets().all();
    List<ShareChart.Bar> bars = new ArrayList<>();
    for (Arm arm : mixtures()) {
      List<Long> amounts = tasks.stream().map(task -> amount.applyAsLong(metrics(arm), task)).toList();
      double all = amounts.stream().mapToLong(Long::longValue).sum();
      bars.add(new ShareChart.Bar(arm.name(), amounts.stream().map(some -> some / all).toList()));
    }
    return new ShareChart(what + " of each task, as drawn", tasks, bars).figure();
  }

  private RunMetrics metrics(Arm arm) {
    return metrics.computeIfAbsent(arm, _ -> RunMetrics.read(plan.run(arm, plan.seeds().getFirst()).run().output()));
  }

  /** A target's losses in the first run of the target alone, of what was chosen, and of what controls are of. */
  List<Html> losses(String target) {
    Set<Arm> arms = new LinkedHashSet<>();
    plan.mixture(List.of(target)).filter(results::isWhole).ifPresent(arms::add);
    results.selected().stream()
        .filter(chosen -> chosen.target().equals(target))
        .forEach(chosen -> arms.add(chosen.mixture()));
    results.compared(target).stream().filter(plan.controlsOf()::equals).forEach(arms::add);
    List<Series> training = new ArrayList<>();
    List<Series> validation = new ArrayList<>();
    for (Arm arm : arms) {
      RunMetrics run = metrics(arm);
      training.add(new Series(arm.name(), LossCurve.training(run, target)));
      validation.add(new Series(arm.name(), run.validationLoss(target)));
    }
    List<Html> charts = new ArrayList<>();
    charts.add(new LineChart(target + ": training loss", "step", training).figure());
    if (validation.stream().anyMatch(line -> line.points().size() > 1)) {
      charts.add(new LineChart(target + ": validation loss", "step", validation).figure());
    }
    return charts;
  }
}
