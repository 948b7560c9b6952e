package dev.cocktail.trainer.study;

import dev.cocktail.eval.AnsweredItem;
import dev.cocktail.eval.statistics.ArmRuns;
import dev.cocktail.eval.statistics.Comparison;
import dev.cocktail.eval.statistics.DecisionRule;
import dev.cocktail.eval.statistics.SeedSpread;
import dev.cocktail.eval.statistics.SignFlip;
import dev.cocktail.eval.statistics.TwoLevelBootstrap;
import dev.cocktail.eval.statistics.Verdict;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What a study shows. The family of questions is fixed by the plan before any test set is looked at: for each target,
 * the mixture that was chosen by validation against the target alone, against each of its controls and the best of its
 * rivals; and the mixture that controls are of against the target alone. Their p are adjusted together.
 *
 * @param rule what was fixed before results were looked at
 * @param tested for each target, what the compared arms scored on its test set, the target alone first
 * @param comparisons the family
 * @param recommendations one for each target that has a mixture
 * @param forgetting for each probe, chosen and reference mixtures against the model that learnt nothing
 */
public record StudyVerdict(
    DecisionRule rule,
    Map<String, List<ArmResult>> tested,
    List<ArmComparison> comparisons,
    List<Recommendation> recommendations,
    List<ArmComparison> forgetting) {
  /** How often a family without any effect may declare one. */
  static final double SIGNIFICANCE = 0.05;

  static final double POWER = 0.8;
  private static final int RESAMPLES = 10_000;
  private static final long SEED = 1;

  /** The model that learnt nothing, as an arm. */
  static final Arm BASE = new Arm("base", Arm.Kind.MIXTURE, List.of(), Optional.empty());

  /** Judges a study. */
  public static StudyVerdict of(StudyResults results) {
    return new Judge(results).judge();
  }

  /** The comparisons on a target, in the family's order. */
  public List<ArmComparison> on(String target) {
    return comparisons.stream().filter(comparison -> comparison.target().equals(target)).toList();
  }

  /** Judging, with what it needs at every turn. */
  private static final class Judge {
    private final StudyResults results;
    private final StudyPlan plan;
    private final DecisionRule rule;
    private final TwoLevelBootstrap bootstrap = new TwoLevelBootstrap(RESAMPLES, SEED, 1);
    private final SignFlip exchange = new SignFlip(RESAMPLES, SEED);

    Judge(StudyResults results) {
      this.results = results;
      this.plan = results.plan();
      this.rule = new DecisionRule(SIGNIFICANCE, plan.study().study().margin(), POWER);
    }

    StudyVerdict judge() {
      Map<String, List<ArmResult>> tested = new LinkedHashMap<>();
      List<Pair> family = new ArrayList<>();
      List<Pair> probes = new ArrayList<>();
      for (String target : plan.sets().targets()) {
        List<Arm> arms = results.compared(target);
        tested.put(target, arms.stream().map(arm -> result(target, arm)).toList());
        family.addAll(family(target, arms));
      }
      for (String probe : plan.study().study().probes()) {
        for (Arm arm : mixtures()) {
          probes.add(new Pair(probe, arm, BASE));
        }
      }
      List<ArmComparison> comparisons = compare(family);
      List<Recommendation> advice = new ArrayList<>();
      for (Selected chosen : results.selected()) {
        List<ArmComparison> own =
            comparisons.stream()
                .filter(one -> one.target().equals(chosen.target()) && one.arm().equals(chosen.mixture()))
                .toList();
        advice.add(recommend(chosen, own));
      }
      return new StudyVerdict(rule, tested, comparisons, advice, compare(probes));
    }

    /** Two arms to be compared on a task. */
    private record Pair(String task, Arm arm, Arm control) {}

    private List<Pair> family(String target, List<Arm> arms) {
      List<Pair> pairs = new ArrayList<>();
      Arm single = plan.mixture(List.of(target)).orElseThrow();
      Optional<Arm> chosen =
          results.selected().stream().filter(one -> one.target().equals(target)).map(Selected::mixture).findFirst();
      if (chosen.isEmpty() || !arms.contains(single)) {
        return pairs;
      }
      for (Arm arm : arms) {
        boolean isOther = !arm.equals(chosen.get());
        boolean isReference = isOther && arm.equals(plan.controlsOf());
        if (isReference) {
          pairs.add(new Pair(target, arm, single));
        } else if (isOther && !same(chosen.get(), arm)) {
          pairs.add(new Pair(target, chosen.get(), arm));
        }
      }
      return pairs;
    }

    /** Whether two arms are the very same runs. */
    private boolean same(Arm one, Arm other) {
      return plan.seeds().stream().allMatch(seed -> plan.run(one, seed).equals(plan.run(other, seed)));
    }

    /** The mixtures whose forgetting is asked about: the reference, and what was chosen for any target. */
    private List<Arm> mixtures() {
      List<Arm> mixtures = new ArrayList<>();
      if (results.isWhole(plan.controlsOf())) {
        mixtures.add(plan.controlsOf());
      }
      results.selected().stream()
          .map(Selected::mixture)
          .filter(arm -> !mixtures.contains(arm))
          .distinct()
          .forEach(mixtures::add);
      return mixtures;
    }

    private List<ArmComparison> compare(List<Pair> pairs) {
      List<Comparison> family = pairs.stream().map(this::compare).toList();
      List<Verdict> verdicts = Verdict.of(family, rule);
      List<ArmComparison> comparisons = new ArrayList<>();
      for (int i = 0; i < pairs.size(); i++) {
        Pair pair = pairs.get(i);
        comparisons.add(new ArmComparison(pair.task(), pair.arm(), pair.control(), family.get(i), verdicts.get(i)));
      }
      return comparisons;
    }

    private Comparison compare(Pair pair) {
      List<ArmRuns> runs =
          SameItems.runs(
              results.metric(pair.task()),
              List.of(answers(pair.arm(), pair.task()), answers(pair.control(), pair.task())));
      ArmRuns arm = runs.getFirst();
      ArmRuns control = runs.getLast();
      // Seeds spread differently from arm to arm, so that only the two that are compared tell how much.
      List<SeedSpread> seeds = SeedSpread.pooled(arm, control, List.of(arm, control));
      return Comparison.of(arm, control, seeds, bootstrap, exchange, rule);
    }

    private List<List<AnsweredItem>> answers(Arm arm, String task) {
      return arm.equals(BASE)
          ? List.of(results.baseTest(task).orElseThrow())
          : plan.seeds().stream().map(seed -> results.test(arm, seed, task).orElseThrow()).toList();
    }

    private ArmResult result(String task, Arm arm) {
      return ArmResult.of(arm, results.metric(task), answers(arm, task), 1 - SIGNIFICANCE);
    }

    private Recommendation recommend(Selected chosen, List<ArmComparison> own) {
      String target = chosen.target();
      String mixture = chosen.mixture().name();
      List<ArmComparison> alone = own.stream().filter(one -> one.control().isSingle()).toList();
      if (alone.isEmpty()) {
        return new Recommendation(
            target, Recommendation.Advice.NOT_ENOUGH_EVIDENCE, "runs that were needed for a comparison failed");
      }
      List<String> beaten = controls(own, Verdict.Finding.BETTER);
      List<String> open =
          own.stream()
              .filter(one -> one.verdict().finding() != Verdict.Finding.BETTER)
              .map(one -> one.control().name())
              .toList();
      return switch (alone.getFirst().verdict().finding()) {
        case BETTER ->
            open.isEmpty()
                ? new Recommendation(
                    target,
                    Recommendation.Advice.MIX,
                    mixture + " is better than all it was compared with: " + String.join(", ", beaten))
                : new Recommendation(
                    target,
                    Recommendation.Advice.MIX_UNPROVEN,
                    "%s is better than %s, but not shown to be better than %s"
                        .formatted(mixture, String.join(", ", beaten), String.join(", ", open)));
        case WORSE ->
            new Recommendation(target, Recommendation.Advice.ALONE, mixture + " is worse than " + target + " alone");
        case EQUIVALENT ->
            new Recommendation(
                target,
                Recommendation.Advice.ALONE,
                String.format(
                    Locale.ROOT,
                    "%s and %s alone differ by less than %.1f points, which were fixed as the smallest difference that"
                        + " matters",
                    mixture,
                    target,
                    100 * rule.margin()));
        case UNDECIDED ->
            new Recommendation(
                target,
                Recommendation.Advice.NOT_ENOUGH_EVIDENCE,
                String.format(
                    Locale.ROOT,
                    "%s and %s alone are not shown to differ; a true difference of %.1f points would have been found in"
                        + " four of five such studies",
                    mixture,
                    target,
                    100 * alone.getFirst().comparison().minimalDifference()));
      };
    }

    private static List<String> controls(List<ArmComparison> own, Verdict.Finding finding) {
      return own.stream().filter(one -> one.verdict().finding() == finding).map(one -> one.control().name()).toList();
    }
  }
}
