package dev.cocktail.trainer.study;

import static dev.cocktail.trainer.study.ReportWords.count;
import static dev.cocktail.trainer.study.ReportWords.percent;
import static dev.cocktail.trainer.study.ReportWords.points;
import static dev.cocktail.trainer.study.ReportWords.probability;

import dev.cocktail.eval.report.HeatMap;
import dev.cocktail.eval.statistics.Interval;
import dev.cocktail.trainer.data.LeakAudit;
import dev.cocktail.trainer.study.ReportBlock.Heat;
import dev.cocktail.trainer.study.ReportBlock.Table;
import dev.cocktail.trainer.study.StudyFindings.Basis;
import dev.cocktail.trainer.study.StudyFindings.Transfer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The tables of a study's report. Scores and differences of scores are in points. */
final class ReportTables {
  private static final int SHORT_DIGEST = 12;
  private static final String NONE = "\u2013";

  private final StudyResults results;
  private final StudyVerdict verdict;
  private final StudyFindings findings;
  private final StudyPlan plan;

  ReportTables(StudyResults results, StudyVerdict verdict, StudyFindings findings) {
    this.results = results;
    this.verdict = verdict;
    this.findings = findings;
    this.plan = results.plan();
  }

  Table comparisons(String caption, List<ArmComparison> comparisons) {
    List<List<String>> rows = new ArrayList<>();
    for (ArmComparison one : comparisons) {
      var comparison = one.comparison();
      rows.add(
          List.of(
              one.target() + ": " + one.arm().name() + " less " + one.control().name(),
              points(comparison.difference().value()),
              points(comparison.difference().interval()),
              probability(comparison.probability()),
              probability(one.verdict().probability()),
              one.verdict().finding().words(),
              percent(comparison.minimalDifference())));
    }
    return new Table(
        caption,
        List.of("comparison", "points", "95 % interval", "p", "p, adjusted", "what it shows", "detectable"),
        rows);
  }

  Table tested(String target) {
    return results("%s on the test set of %s".formatted(metric(target), target), verdict.tested().get(target));
  }

  Table everyArm(String task) {
    return results("%s on the validation set of %s".formatted(metric(task), task), findings.scores().get(task));
  }

  private String metric(String task) {
    return results.metric(task).label().replace('_', ' ');
  }

  private Table results(String caption, List<ArmResult> arms) {
    List<List<String>> rows = new ArrayList<>();
    for (ArmResult arm : arms) {
      rows.add(
          List.of(
              arm.arm().name(),
              percent(arm.summary().mean()),
              arm.summary().deviation().isPresent() ? percent(arm.summary().deviation().getAsDouble()) : NONE,
              percent(arm.lenient()),
              percent(arm.unreadable())));
    }
    return new Table(
        caption, List.of("arm", "mean over seeds", "sd over seeds", "read leniently", "unreadable, %"), rows);
  }

  Heat transfer() {
    List<HeatMap.Row> rows = new ArrayList<>();
    for (String helper : plan.sets().all()) {
      rows.add(
          new HeatMap.Row(
              helper,
              plan.sets().targets().stream()
                  .map(target -> findings.transfer(helper, target).map(this::cell))
                  .toList()));
    }
    List<String> columns = new ArrayList<>(List.of("adding \u2193 to \u2192"));
    columns.addAll(plan.sets().targets());
    return new Heat(
        new HeatMap(
            "What adding a task gave a target, in points, and the 95 % interval; boxed: the interval does not hold 0",
            columns, rows, true));
  }

  private HeatMap.Cell cell(Transfer transfer) {
    String interval = transfer.interval().map(ReportWords::points).orElse("one source of items");
    return new HeatMap.Cell(
        transfer.value(),
        transfer.basis() == Basis.PAIR ? interval : interval + ", of all",
        transfer.interval().filter(where -> !where.holds(0)).isPresent());
  }

  /** What each task alone, and the model that learnt nothing, scored on every target. */
  Heat zeroShot() {
    List<Arm> arms = new ArrayList<>(List.of(StudyVerdict.BASE));
    plan.arms().stream().filter(Arm::isSingle).forEach(arms::add);
    List<HeatMap.Row> rows = new ArrayList<>();
    List<String> tasks = List.copyOf(findings.scores().keySet());
    for (Arm arm : arms) {
      List<Optional<HeatMap.Cell>> cells = new ArrayList<>();
      for (String task : tasks) {
        cells.add(
            findings
                .score(arm, task)
                .map(result -> new HeatMap.Cell(result.summary().mean(), "", arm.tasks().contains(task))));
      }
      rows.add(new HeatMap.Row(arm.name(), cells));
    }
    List<String> columns = new ArrayList<>(List.of("trained on \u2193 asked \u2192"));
    columns.addAll(tasks);
    return new Heat(
        new HeatMap(
            "What each task alone gives the others, validation score; boxed: it learnt this", columns, rows, false));
  }

  Table interactions() {
    List<List<String>> rows = new ArrayList<>();
    findings
        .interactions()
        .forEach(one ->
            rows.add(
                List.of(
                    one.target() + ": " + one.first() + " and " + one.second(),
                    points(one.value()),
                    interval(one.interval()))));
    return new Table(
        "What two additions do together beyond the sum of what each does",
        List.of("target and additions", "points", "95 % interval"),
        rows);
  }

  private static String interval(Optional<Interval> interval) {
    return interval.map(ReportWords::points).orElse(NONE);
  }

  Table additive() {
    List<String> columns = new ArrayList<>(List.of("target", "alone"));
    plan.sets().all().forEach(task -> columns.add("with " + task));
    columns.addAll(List.of("mixtures", "error left out", "explained left out, %"));
    List<List<String>> rows = new ArrayList<>();
    findings
        .additive()
        .forEach(one -> {
          List<String> row = new ArrayList<>(List.of(one.target(), percent(one.alone())));
          plan.sets()
              .all()
              .forEach(task -> row.add(one.effects().containsKey(task) ? points(one.effects().get(task)) : NONE));
          row.add(count(one.mixtures()));
          row.add(percent(one.error()));
          row.add(one.explained().isPresent() ? percent(one.explained().getAsDouble()) : NONE);
          rows.add(row);
        });
    return new Table("A target's score as a sum of what is added, in points", columns, rows);
  }

  Table mixtures() {
    List<List<String>> rows = new ArrayList<>();
    findings
        .mixtures()
        .forEach(one -> {
          var all = one.aggregate();
          rows.add(
              List.of(
                  one.arm().name(),
                  count(one.targets().size()),
                  all.relativeChange().isPresent()
                      ? String.format(Locale.ROOT, "%+.1f", all.relativeChange().getAsDouble())
                      : NONE,
                  count(all.improved()),
                  count(all.harmed()),
                  one.targets().get(all.worst()),
                  points(all.worstChange())));
        });
    return new Table(
        "Mixtures over the targets that they learn, each against that target alone",
        List.of("mixture", "targets", "mean change, %", "improved", "harmed", "worst target", "its change, points"),
        rows);
  }

  Table guesses() {
    List<List<String>> rows = new ArrayList<>();
    for (var guess : findings.guesses()) {
      int place = 1;
      for (var one : guess.helpers()) {
        rows.add(
            List.of(
                guess.target() + ", guess " + place++,
                one.helper(),
                String.format(Locale.ROOT, "%+.2f", 100 * one.lookahead()),
                findings.transfer(one.helper(), guess.target()).map(found -> points(found.value())).orElse(NONE)));
      }
    }
    return new Table(
        "What was guessed to help most, before anything was trained",
        List.of("target", "added task", "loss less by one step, %", "measured, points"),
        rows);
  }

  Table predictors() {
    List<List<String>> rows = new ArrayList<>();
    for (var one : findings.predictors()) {
      rows.add(
          List.of(
              one.name().replace('_', ' '),
              count(one.pairs()),
              one.correlation().isPresent()
                  ? String.format(Locale.ROOT, "%+.2f", one.correlation().getAsDouble())
                  : NONE));
    }
    return new Table(
        "Whether guesses order tasks as measured transfer does: Spearman's rank correlation",
        List.of("guess by", "pairs", "rho"),
        rows);
  }

  Table leaks() {
    List<List<String>> rows = new ArrayList<>();
    for (LeakAudit.Pair pair : results.leaks().pairs()) {
      rows.add(
          List.of(
              pair.heldOut() + " " + pair.kind().name().toLowerCase(Locale.ROOT),
              pair.train(),
              count(pair.records()),
              count(pair.sameText()),
              count(pair.sameSource()),
              percent(pair.share())));
    }
    return new Table(
        results.leaks().excluded()
            ? "Held-out examples that were among training examples, which were left out of all runs"
            : "Held-out examples that are among training examples",
        List.of("held out", "training set of", "examples", "same text", "same source", "share, %"),
        rows);
  }

  Table runs(List<ReportedRun> runs) {
    List<List<String>> rows = new ArrayList<>();
    for (ReportedRun run : runs) {
      rows.add(
          List.of(
              run.name(),
              String.join(" + ", run.tasks()),
              count(run.steps()),
              count(run.tokens()),
              count(run.supervisedTokens()),
              run.configurationSha256().map(digest -> digest.substring(0, SHORT_DIGEST)).orElse(NONE),
              run.failure().map(reason -> "failed: " + reason).orElse("done")));
    }
    return new Table(
        "All runs; the digest is of every setting and every file that decides about a run's numbers",
        List.of("run", "tasks", "steps", "tokens", "learnt tokens", "SHA-256", "state"),
        rows);
  }
}
