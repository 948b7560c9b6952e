package dev.cocktail.trainer.study;

import dev.cocktail.eval.AnsweredItem;
import dev.cocktail.eval.statistics.Interval;
import dev.cocktail.tensor.safetensors.AtomicFile;
import dev.cocktail.trainer.data.LeakAudit;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVPrinter;

/** The numbers of a study's report as CSV files, as RFC 4180 has them, with shares, not points. */
final class ReportCsv {
  private static final CSVFormat FORMAT = CSVFormat.RFC4180.builder().setRecordSeparator('\n').get();

  private final StudyResults results;
  private final StudyVerdict verdict;
  private final StudyFindings findings;
  private final StudyPlan plan;

  ReportCsv(StudyResults results, StudyVerdict verdict, StudyFindings findings) {
    this.results = results;
    this.verdict = verdict;
    this.findings = findings;
    this.plan = results.plan();
  }

  void write(Path folder, List<ReportedRun> runs) {
    writeRows(folder.resolve("runs.csv"), runs(runs));
    writeRows(folder.resolve("scores.csv"), scores());
    writeRows(folder.resolve("comparisons.csv"), comparisons());
    writeRows(folder.resolve("transfer.csv"), transfer());
    writeRows(folder.resolve("recommendations.csv"), recommendations());
    writeRows(folder.resolve("interactions.csv"), interactions());
    writeRows(folder.resolve("additive.csv"), additive());
    writeRows(folder.resolve("best_of.csv"), bestOf());
    writeRows(folder.resolve("losses.csv"), losses());
    writeRows(folder.resolve("leaks.csv"), leaks());
  }

  private static void writeRows(Path file, List<List<?>> rows) {
    var out = new StringWriter();
    try (var printer = new CSVPrinter(out, FORMAT)) {
      printer.printRecords(rows);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    AtomicFile.writeText(file, out.toString());
  }

  private static String word(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  private static List<List<?>> runs(List<ReportedRun> runs) {
    List<List<?>> rows = new ArrayList<>();
    rows.add(
        List.of(
            "run",
            "arm",
            "kind",
            "tasks",
            "seed",
            "steps",
            "tokens",
            "supervised_tokens",
            "configuration_sha256",
            "state",
            "reason"));
    for (ReportedRun run : runs) {
      rows.add(
          List.of(
              run.name(),
              run.arm(),
              word(run.kind()),
              String.join("+", run.tasks()),
              run.seed(),
              run.steps(),
              run.tokens(),
              run.supervisedTokens(),
              run.configurationSha256().orElse(""),
              run.failure().isPresent() ? "failed" : "done",
              run.failure().orElse("")));
    }
    return rows;
  }

  private List<List<?>> scores() {
    List<List<?>> rows = new ArrayList<>();
    rows.add(List.of("split", "task", "metric", "arm", "seed", "items", "score", "lenient", "unreadable"));
    for (String task : findings.scores().keySet()) {
      score(rows, "validation", task, StudyVerdict.BASE, "", results.baseValidation(task));
      score(rows, "test", task, StudyVerdict.BASE, "", results.baseTest(task));
      for (Arm arm : plan.arms()) {
        for (long seed : plan.seeds()) {
          if (!results.failures().containsKey(plan.run(arm, seed).name())) {
            score(rows, "validation", task, arm, Long.toString(seed), results.validation(arm, seed, task));
            score(rows, "test", task, arm, Long.toString(seed), results.test(arm, seed, task));
          }
        }
      }
    }
    return rows;
  }

  private void score(
      List<List<?>> rows, String split, String task, Arm arm, String seed, Optional<List<AnsweredItem>> answers) {
    if (answers.isPresent()) {
      ArmResult result = ArmResult.of(arm, results.metric(task), List.of(answers.get()), Interval.DEFAULT_LEVEL);
      rows.add(
          List.of(
              split,
              task,
              results.metric(task).label(),
              arm.name(),
              seed,
              answers.get().size(),
              result.summary().mean(),
              result.lenient(),
              result.unreadable()));
    }
  }

  private List<List<?>> comparisons() {
    List<List<?>> rows = new ArrayList<>();
    rows.add(
        List.of(
            "family",
            "task",
            "arm",
            "control",
            "difference",
            "low",
            "high",
            "p",
            "chosen_from",
            "p_adjusted",
            "finding",
            "minimal_detectable_difference",
            "covers_seeds"));
    verdict.comparisons().forEach(one -> rows.add(row("targets", one)));
    verdict.forgetting().forEach(one -> rows.add(row("probes", one)));
    return rows;
  }

  private static List<?> row(String family, ArmComparison one) {
    var comparison = one.comparison();
    return List.of(
        family,
        one.target(),
        one.arm().name(),
        one.control().name(),
        comparison.difference().value(),
        comparison.difference().interval().low(),
        comparison.difference().interval().high(),
        comparison.probability(),
        comparison.choices(),
        one.verdict().probability(),
        word(one.verdict().finding()),
        comparison.minimalDifference(),
        comparison.coversSeeds());
  }

  private List<List<?>> transfer() {
    List<List<?>> rows = new ArrayList<>();
    rows.add(
        List.of(
            "helper",
            "target",
            "basis",
            "with",
            "without",
            "difference",
            "low",
            "high",
            "lookahead",
            "gradient_cosine",
            "embedding_cosine"));
    TaskAffinity affinity = results.affinity();
    for (var one : findings.transfers()) {
      rows.add(
          Arrays.asList(
              one.helper(),
              one.target(),
              word(one.basis()),
              one.with().name(),
              one.without().name(),
              one.value(),
              one.interval().map(Interval::low).orElse(null),
              one.interval().map(Interval::high).orElse(null),
              guess(affinity.lookahead(), one),
              guess(affinity.gradientCosine(), one),
              guess(affinity.embeddingCosine(), one)));
    }
    return rows;
  }

  private List<List<?>> recommendations() {
    List<List<?>> rows = new ArrayList<>();
    rows.add(List.of("target", "advice", "reason"));
    verdict.recommendations().forEach(one -> rows.add(List.of(one.target(), word(one.advice()), one.reason())));
    return rows;
  }

  private List<List<?>> interactions() {
    List<List<?>> rows = new ArrayList<>();
    rows.add(List.of("target", "first", "second", "interaction", "low", "high"));
    for (var one : findings.interactions()) {
      rows.add(
          Arrays.asList(
              one.target(),
              one.first(),
              one.second(),
              one.value(),
              one.interval().map(Interval::low).orElse(null),
              one.interval().map(Interval::high).orElse(null)));
    }
    return rows;
  }

  private List<List<?>> additive() {
    List<List<?>> rows = new ArrayList<>();
    rows.add(List.of("target", "mixtures", "alone", "added", "effect", "error_left_out", "explained_left_out"));
    for (var one : findings.additive()) {
      Double explained = one.explained().isPresent() ? one.explained().getAsDouble() : null;
      one.effects()
          .forEach((task, effect) ->
              rows.add(Arrays.asList(one.target(), one.mixtures(), one.alone(), task, effect, one.error(), explained)));
    }
    return rows;
  }

  private List<List<?>> bestOf() {
    List<List<?>> rows = new ArrayList<>();
    rows.add(List.of("target", "kind", "trials", "expected_best"));
    for (var one : findings.bestOf()) {
      for (int k = 1; k <= one.mixtures().size(); k++) {
        rows.add(List.of(one.target(), "mixtures", k, one.mixtures().get(k - 1)));
      }
      for (int k = 1; k <= one.alone().size(); k++) {
        rows.add(List.of(one.target(), "alone", k, one.alone().get(k - 1)));
      }
    }
    return rows;
  }

  private List<List<?>> losses() {
    List<List<?>> rows = new ArrayList<>();
    rows.add(List.of("run", "task", "set", "step", "loss"));
    for (LossCurve curve : LossCurve.of(results)) {
      for (int i = 0; i < curve.steps().size(); i++) {
        rows.add(List.of(curve.run(), curve.task(), curve.set(), curve.steps().get(i), curve.losses().get(i)));
      }
    }
    return rows;
  }

  private List<List<?>> leaks() {
    List<List<?>> rows = new ArrayList<>();
    rows.add(List.of("held_out", "set", "training_set_of", "examples", "same_text", "same_source", "either"));
    for (LeakAudit.Pair pair : results.leaks().pairs()) {
      rows.add(
          List.of(
              pair.heldOut(),
              word(pair.kind()),
              pair.train(),
              pair.records(),
              pair.sameText(),
              pair.sameSource(),
              pair.either()));
    }
    return rows;
  }

  /** What was guessed; null, thus nothing in the file, where nothing was. */
  private static Double guess(Map<String, Map<String, Double>> guesses, StudyFindings.Transfer one) {
    return guesses.getOrDefault(one.helper(), Map.of()).get(one.target());
  }
}
