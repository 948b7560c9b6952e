package dev.cocktail.trainer.study;

import dev.cocktail.eval.statistics.Interval;
import dev.cocktail.eval.statistics.Verdict.Finding;
import dev.cocktail.trainer.data.LeakAudit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The sentences of a study's report: the answer, its limits, and what is not shown. Scores are told in points. */
final class ReportWords {
  private static final int FEW_SEEDS = 10;

  private final StudyResults results;
  private final StudyVerdict verdict;
  private final StudyFindings findings;
  private final StudyPlan plan;

  ReportWords(StudyResults results, StudyVerdict verdict, StudyFindings findings) {
    this.results = results;
    this.verdict = verdict;
    this.findings = findings;
    this.plan = results.plan();
  }

  /** A difference of shares in points. */
  static String points(double share) {
    return String.format(Locale.ROOT, "%+.1f", 100 * share);
  }

  /** An interval of differences of shares in points. */
  static String points(Interval interval) {
    return points(interval.low()) + " to " + points(interval.high());
  }

  /** A share in hundredths. */
  static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f", 100 * share);
  }

  /** A p. */
  static String probability(double p) {
    return p < 0.0001 ? "< 0.0001" : String.format(Locale.ROOT, "%.4f", p);
  }

  /** What would be found, where that is possible at all. */
  static String detectable(double minimalDifference) {
    return minimalDifference > 1
        ? "not even the largest difference that is possible would surely"
        : "a true difference of %s points would".formatted(percent(minimalDifference));
  }

  static String count(long number) {
    return String.format(Locale.ROOT, "%,d", number);
  }

  /** For each target, what was chosen against the target alone; none where that could not be compared. */
  private Map<String, ArmComparison> againstAlone() {
    Map<String, ArmComparison> found = new LinkedHashMap<>();
    for (Selected chosen : results.selected()) {
      verdict.on(chosen.target()).stream()
          .filter(one -> one.arm().equals(chosen.mixture()) && one.control().isSingle())
          .findFirst()
          .ifPresent(one -> found.put(chosen.target(), one));
    }
    return found;
  }

  /** The answer in three sentences. */
  List<String> headline() {
    Map<String, ArmComparison> alone = againstAlone();
    if (alone.isEmpty()) {
      return List.of(
          "Nothing can be said of mixtures here.",
          "No target has both a mixture and itself alone with all of their runs.",
          "The runs below show what failed or was not planned.");
    }
    return List.of(overall(alone), largest(), evidence());
  }

  private String overall(Map<String, ArmComparison> alone) {
    List<String> parts = new ArrayList<>();
    part(alone, Finding.BETTER, "better for %s").ifPresent(parts::add);
    part(alone, Finding.WORSE, "worse for %s").ifPresent(parts::add);
    part(alone, Finding.EQUIVALENT, "not different by what matters for %s").ifPresent(parts::add);
    part(alone, Finding.UNDECIDED, "not shown to differ for %s").ifPresent(parts::add);
    int targets = plan.sets().targets().size();
    return "Of %s: held against the target alone, the mixture that validation chose is %s."
        .formatted(targets == 1 ? "one target" : targets + " targets", String.join("; ", parts));
  }

  private static Optional<String> part(Map<String, ArmComparison> alone, Finding finding, String sentence) {
    List<String> names =
        alone.entrySet().stream()
            .filter(entry -> entry.getValue().verdict().finding() == finding)
            .map(Map.Entry::getKey)
            .toList();
    return names.isEmpty() ? Optional.empty() : Optional.of(sentence.formatted(String.join(", ", names)));
  }

  private String largest() {
    List<ArmComparison> shown = verdict.comparisons().stream().filter(one -> isShown(one.verdict().finding())).toList();
    List<ArmComparison> seen = shown.isEmpty() ? verdict.comparisons() : shown;
    ArmComparison largest =
        seen.stream()
            .max(Comparator.comparingDouble(one -> Math.abs(one.comparison().difference().value())))
            .orElseThrow();
    var difference = largest.comparison().difference();
    String what =
        "%s less %s on %s: %s points, interval %s"
            .formatted(
                largest.arm().name(),
                largest.control().name() + (largest.control().isSingle() ? " alone" : ""),
                largest.target() + "'s test set",
                points(difference.value()),
                points(difference.interval()));
    if (!isShown(largest.verdict().finding())) {
      return "The largest difference that was seen is %s, which chance may explain.".formatted(what);
    }
    List<String> open =
        verdict.on(largest.target()).stream()
            .filter(one -> one.arm().equals(largest.arm()) && !one.control().isSingle())
            .filter(one -> one.verdict().finding() != Finding.BETTER)
            .map(one ->
                (one.verdict().finding() == Finding.WORSE ? "worse than " : "not shown to be better than ")
                    + one.control().name())
            .toList();
    boolean hasControls =
        verdict.on(largest.target()).stream()
            .anyMatch(one -> one.arm().equals(largest.arm()) && !one.control().isSingle());
    String controls =
        largest.verdict().finding() != Finding.BETTER
            ? ""
            : !open.isEmpty()
                ? "; it is " + String.join(", ", open)
                : hasControls ? "; it is better than every control too" : "; no control was compared";
    return "The largest difference that was shown is %s%s%s."
        .formatted(
            what, seen.size() > 1 ? " (the largest of several is overstated by being the largest)" : "", controls);
  }

  private static String changed(String change) {
    return "After test answers had been read, the plan was changed: %s. What follows from that was not fixed before."
        .formatted(change);
  }

  private static boolean isShown(Finding finding) {
    return finding == Finding.BETTER || finding == Finding.WORSE;
  }

  private String evidence() {
    double least = Double.POSITIVE_INFINITY;
    double most = 0;
    for (ArmComparison one : verdict.comparisons()) {
      least = Math.min(least, one.comparison().minimalDifference());
      most = Math.max(most, one.comparison().minimalDifference());
    }
    int seeds = plan.seeds().size();
    String detectable =
        least > 1
            ? "not even the largest difference that is possible would surely be found"
            : most > 1
                ? "true differences of %s points would be found at the best, in some comparisons not even the largest possible"
                    .formatted(percent(least))
                : "true differences of %s to %s points would be found, depending on the comparison"
                    .formatted(percent(least), percent(most));
    return "This rests on %s of %s, judged together; in four of five such studies, %s."
        .formatted(
            plural(verdict.comparisons().size(), "comparison"), seeds == 1 ? "one seed" : seeds + " seeds", detectable);
  }

  private static String plural(long number, String noun) {
    return number == 1 ? "one " + noun : count(number) + " " + noun + "s";
  }

  /** What the study cannot say, whatever it found. */
  List<String> limits() {
    List<String> limits = new ArrayList<>();
    int seeds = plan.seeds().size();
    limits.add(
        seeds == 1
            ? "One seed: intervals and p are about these very models, not about training again with other seeds."
            : "%d seeds for each arm: intervals cover other items and other seeds%s."
                .formatted(
                    seeds,
                    seeds < FEW_SEEDS
                        ? ", but so few tell only roughly how much seeds matter, and the two arms of a comparison are"
                            + " taken to spread alike"
                        : ""));
    limits.add(
        "One base model, these data sets, these budgets and settings: another model, more data or longer training may"
            + " give another answer.");
    limits.add(
        "What is compared on test sets was fixed by the plan and by validation scores; %s adjusted together by Holm's method at %s."
            .formatted(verdict.comparisons().size() == 1 ? "its p is" : "their p are", verdict.rule().significance()));
    results.changesAfterTests().stream().map(ReportWords::changed).forEach(limits::add);
    limits.add(
        "Sections marked exploratory are of validation answers, by which mixtures were chosen too. Nothing in them is"
            + " adjusted for how much was looked at: they suggest, and do not show.");
    leaks().ifPresent(limits::add);
    if (!results.failures().isEmpty()) {
      limits.add(
          "Failed, and not replaced: %s. Arms that lack a run are left out of all comparisons."
              .formatted(plural(results.failures().size(), "run")));
    }
    return limits;
  }

  private Optional<String> leaks() {
    long overlaps = results.leaks().pairs().stream().mapToLong(LeakAudit.Pair::either).sum();
    if (overlaps == 0) {
      return Optional.of(
          "No held-out example is among training examples as the same text or from the same source; nothing was looked"
              + " for that is merely alike.");
    }
    return Optional.of(
        results.leaks().excluded()
            ? "Some held-out examples were among training examples, which were left out; see below."
            : "Some held-out examples are among training examples, so that scores on them tell of memory too; see"
                + " below.");
  }

  /** What the study leaves open. */
  List<String> notShown() {
    List<String> open = new ArrayList<>();
    List<ArmComparison> all = new ArrayList<>(verdict.comparisons());
    all.addAll(verdict.forgetting());
    for (ArmComparison one : all) {
      if (one.verdict().finding() == Finding.UNDECIDED) {
        open.add(
            "%s: whether %s and %s differ. Seen: %s points, interval %s; %s have been found in four of five such studies."
                .formatted(
                    one.target(),
                    one.arm().name(),
                    one.control().name(),
                    points(one.comparison().difference().value()),
                    points(one.comparison().difference().interval()),
                    detectable(one.comparison().minimalDifference())));
      }
    }
    if (plan.seeds().size() == 1) {
      open.add("What other seeds would give: there is one.");
    }
    for (Arm arm : plan.arms()) {
      if (!results.isWhole(arm)) {
        open.add("Anything of %s, of which a run failed.".formatted(arm.name()));
      }
    }
    List<String> unknown = new ArrayList<>();
    for (String target : plan.sets().targets()) {
      for (String helper : plan.sets().all()) {
        if (!helper.equals(target) && findings.transfer(helper, target).isEmpty()) {
          unknown.add(helper + " to " + target);
        }
      }
      if (plan.rivals(target).isEmpty() && findings.bestOf().stream().anyMatch(one -> one.target().equals(target))) {
        open.add("%s: how the best of as many trials of it alone would do; no rivals were planned.".formatted(target));
      }
    }
    if (!unknown.isEmpty()) {
      open.add("Transfer that no two arms of the plan differ by: " + String.join(", ", unknown) + ".");
    }
    return open;
  }

  /** How it was done. */
  List<String> method() {
    return List.of(
        "Choice: for each target, the mixture with the best mean validation score over seeds. Test questions were asked"
            + " once, of what was chosen, of %s, and of what they are compared with."
                .formatted(plan.controlsOf().name()),
        "Intervals: 95 %, from drawing whole sources of items with replacement, the same for both arms, widened by the"
            + " spread between seeds where there are several.",
        "p: the larger of the bootstrap's and that of exchanging answers source by source; that of a mixture that seems"
            + " better and was chosen from several times their number, except against the best of as many trials of the"
            + " target alone, and of the mixture that controls are of, which is asked about in any case; adjusted by"
            + " Holm's method over all comparisons of targets, and apart from these of probes. Better or"
            + " worse: adjusted p below %s and 0 outside the interval.".formatted(verdict.rule().significance()),
        "Detectable: what would be found in four of five such studies at the strictest step of that adjustment.",
        "No difference that matters: the 90 %% interval lies within %s points; each such statement by itself, not all of them together."
            .formatted(percent(verdict.rule().margin())),
        ("Controls: the target alone with as many of its examples, optimiser steps or learnt tokens as %s has, with"
             + " which alone these are compared, and with the general tasks only, where planned. A control that would"
             + " be the very runs of another arm is these runs.")
            .formatted(plan.controlsOf().name()),
        "Scores are the tasks' metrics times 100, of answers as they are read strictly; one that cannot be read is"
            + " wrong.");
  }
}
