package dev.cocktail.trainer.cli;

import dev.cocktail.trainer.study.ArmComparison;
import dev.cocktail.trainer.study.ArmResult;
import dev.cocktail.trainer.study.StudyResults;
import dev.cocktail.trainer.study.StudyVerdict;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A study's verdict as a person reads it on a terminal, and as a program does. */
final class StudySummary {
  private StudySummary() {}

  /** The lines. */
  static List<String> lines(StudyResults results, StudyVerdict verdict) {
    List<String> lines = new ArrayList<>();
    verdict
        .tested()
        .forEach((target, arms) -> {
          lines.add(target + ", " + results.metric(target).label() + " on the test set");
          for (ArmResult arm : arms) {
            lines.add(
                String.format(
                    Locale.ROOT,
                    "  %-40s %.4f%s, leniently read %.4f, %.1f %% unreadable",
                    arm.arm().name(),
                    arm.summary().mean(),
                    arm.summary().deviation().isPresent()
                        ? String.format(Locale.ROOT, " (sd %.4f)", arm.summary().deviation().getAsDouble())
                        : "",
                    arm.lenient(),
                    100 * arm.unreadable()));
          }
          verdict.on(target).forEach(comparison -> lines.add("  " + line(comparison)));
        });
    verdict.forgetting().forEach(comparison -> lines.add(comparison.target() + ": " + line(comparison)));
    lines.add("");
    verdict
        .recommendations()
        .forEach(one ->
            lines.add(
                "%s: %s; %s"
                    .formatted(
                        one.target(), one.advice().name().toLowerCase(Locale.ROOT).replace('_', ' '), one.reason())));
    return lines;
  }

  private static String line(ArmComparison comparison) {
    var difference = comparison.comparison().difference();
    return String.format(
        Locale.ROOT,
        "%s less %s: %+.4f (%+.4f to %+.4f), p %.4f adjusted, %s",
        comparison.arm().name(),
        comparison.control().name(),
        difference.value(),
        difference.interval().low(),
        difference.interval().high(),
        comparison.verdict().probability(),
        comparison.verdict().finding().words());
  }

  /** What {@code --json} prints. */
  static Map<String, Object> json(StudyResults results, StudyVerdict verdict, Path report) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("output", results.path().toString());
    json.put("report", report.toString());
    json.put("failed", results.failures());
    json.put("comparisons", verdict.comparisons().stream().map(StudySummary::row).toList());
    json.put("forgetting", verdict.forgetting().stream().map(StudySummary::row).toList());
    json.put("recommendations", verdict.recommendations());
    return json;
  }

  private static Map<String, Object> row(ArmComparison comparison) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("target", comparison.target());
    row.put("arm", comparison.arm().name());
    row.put("control", comparison.control().name());
    row.put("difference", comparison.comparison().difference().value());
    row.put("low", comparison.comparison().difference().interval().low());
    row.put("high", comparison.comparison().difference().interval().high());
    row.put("p", comparison.comparison().probability());
    row.put("p_adjusted", comparison.verdict().probability());
    row.put("finding", comparison.verdict().finding().name().toLowerCase(Locale.ROOT));
    row.put("minimal_detectable_difference", comparison.comparison().minimalDifference());
    row.put("covers_seeds", comparison.comparison().coversSeeds());
    return row;
  }
}
