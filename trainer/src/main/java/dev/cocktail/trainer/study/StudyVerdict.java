package dev.cocktail.trainer.study;

import dev.cocktail.eval.AnsweredItem;
import dev.cocktail.eval.statistics.ArmRuns;
import dev.cocktail.eval.statistics.Comparison;
import dev.cocktail.eval.statistics.DecisionRule;
import dev.cocktail.eval.statistics.Multiplicity;
import dev.cocktail.eval.statistics.SeedSpread;
import dev.cocktail.eval.statistics.SignFlip;
import dev.cocktail.eval.statistics.TwoLevelBootstrap;
import dev.cocktail.eval.statistics.Verdict;
import dev.cocktail.trainer.config.StudySection;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a study shows. The family of questions is fixed by the plan before any test set is looked at: for each target,
 * the mixture that was chosen by validation against the target alone, against it with the general tasks, and against
 * the best of its rivals; and the mixture that controls are of against the target alone and each of its controls, which
 * have that mixture's budget and no other's. Their p are adjusted together; that of a mixture that seems better and was
 * chosen from several counts as many times, except against the best of as many rivals, and except for the mixture that
 * controls are of, which is asked about in any case, unless it was named only after test answers had been read.
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
          probes.add(new Pair(probe, arm, BASE, 1));
        }
      }
      List<ArmComparison> comparisons = compare(family);
      List<Recommendation> advice = new ArrayList<>();
      for (Selected chosen : results.selected()) {
        advice.add(
            Adviser.of(
                chosen, comparisons.stream().filter(one -> one.target().equals(chosen.target())).toList(), rule));
      }
      return new StudyVerdict(rule, tested, comparisons, advice, compare(probes));
    }

    /** Two arms to be compared on a task, the first of which was chosen from so many. */
    private record Pair(String task, Arm arm, Arm control, int choices) {}

    private List<Pair> family(String target, List<Arm> arms) {
      Optional<Selected> chosen = results.selected().stream().filter(one -> one.target().equals(target)).findFirst();
      if (chosen.isEmpty() || !arms.contains(plan.mixture(List.of(target)).orElseThrow())) {
        return List.of();
      }
      int mixtures = (int) plan.candidates(target).stream().filter(results::isWhole).count();
      boolean rivalsAreAsMany = plan.rivals(target).stream().filter(results::isWhole).count() + 1 >= mixtures;
      Arm mixture = chosen.get().mixture();
      boolean isReference = mixture.equals(plan.controlsOf());
      // Controls may be planned for what was chosen once that is known; then it was chosen, whatever the file says.
      boolean wasFixed =
          results.changesAfterTests().stream().noneMatch(change -> change.startsWith("study.controls_of "));
      List<Pair> pairs = new ArrayList<>();
      for (Arm control : controls(target, mixture, arms)) {
        boolean isRival = chosen.get().rival().equals(Optional.of(control));
        if (isRival || isReference || !control.kind().isControl()) {
          // What is asked of the reference is asked whether or not it was chosen.
          boolean isFixed = isReference && wasFixed && control.kind() != Arm.Kind.RIVAL;
          pairs.add(new Pair(target, mixture, control, isFixed || isRival && rivalsAreAsMany ? 1 : mixtures));
        }
      }
      if (!isReference && arms.contains(plan.controlsOf())) {
        for (Arm control : controls(target, plan.controlsOf(), arms)) {
          if (control.kind() != Arm.Kind.RIVAL) {
            pairs.add(new Pair(target, plan.controlsOf(), control, wasFixed ? 1 : mixtures));
          }
        }
      }
      return pairs;
    }

    /** What a mixture may be compared with on a target, no runs twice. */
    private List<Arm> controls(String target, Arm mixture, List<Arm> arms) {
      Optional<Arm> general = plan.control(target, StudySection.Control.GENERAL);
      List<Arm> controls = new ArrayList<>();
      for (Arm arm : arms) {
        boolean isMixture = arm.kind() == Arm.Kind.MIXTURE && !arm.isSingle() && !general.equals(Optional.of(arm));
        if (!isMixture && !same(mixture, arm) && controls.stream().noneMatch(earlier -> same(earlier, arm))) {
          controls.add(arm);
        }
      }
      return controls;
    }

    /** Whether two arms are the very same runs. */
    private boolean same(Arm one, Arm other) {
      return plan.seeds().stream().allMatch(seed -> plan.run(one, seed).equals(plan.run(other, seed)));
    }

    /** The mixtures whose forgetting is asked about: the reference, and what was chosen for any target. */
    private List<Arm> mixtures() {
      List<Arm> mixtures = new ArrayList<>();
      plan.sets().targets().stream()
          .flatMap(target -> results.compared(target).stream())
          .filter(plan.controlsOf()::equals)
          .findFirst()
          .ifPresent(mixtures::add);
      results.selected().stream()
          .map(Selected::mixture)
          .filter(arm -> !mixtures.contains(arm))
          .distinct()
          .forEach(mixtures::add);
      return mixtures;
    }

    private List<ArmComparison> compare(List<Pair> pairs) {
      int choices = pairs.stream().mapToInt(Pair::choices).max().orElse(1);
      // Half of the significance at the strictest step is still one exchange of so many.
      int exchanges = (int) Math.ceil(2 / SIGNIFICANCE * choices * pairs.size());
      var exchange = new SignFlip(Math.max(RESAMPLES, exchanges), SEED);
      List<Comparison> family = pairs.stream().map(pair -> compare(pair, pairs.size(), exchange)).toList();
      List<Verdict> verdicts = Verdict.of(family, rule);
      List<ArmComparison> comparisons = new ArrayList<>();
      for (int i = 0; i < pairs.size(); i++) {
        Pair pair = pairs.get(i);
        comparisons.add(new ArmComparison(pair.task(), pair.arm(), pair.control(), family.get(i), verdicts.get(i)));
      }
      return comparisons;
    }

    private Comparison compare(Pair pair, int family, SignFlip exchange) {
      List<ArmRuns> runs =
          SameItems.runs(
              results.metric(pair.task()),
              List.of(answers(pair.arm(), pair.task()), answers(pair.control(), pair.task())));
      ArmRuns arm = runs.getFirst();
      ArmRuns control = runs.getLast();
      // Seeds spread differently from arm to arm, so that only the two that are compared tell how much. Were these two
      // not taken to spread alike, three seeds would show next to nothing.
      List<SeedSpread> seeds =
          pair.control().equals(BASE)
              ? SeedSpread.paired(arm, control)
              : SeedSpread.pooled(arm, control, List.of(arm, control));
      return Comparison.of(arm, control, seeds, bootstrap, exchange, rule, new Multiplicity(pair.choices(), family));
    }

    private List<List<AnsweredItem>> answers(Arm arm, String task) {
      // The model that learnt nothing answers alike whatever the seed.
      return arm.equals(BASE)
          ? Collections.nCopies(plan.seeds().size(), results.baseTest(task).orElseThrow())
          : plan.seeds().stream().map(seed -> results.test(arm, seed, task).orElseThrow()).toList();
    }

    private ArmResult result(String task, Arm arm) {
      return ArmResult.of(arm, results.metric(task), answers(arm, task), 1 - SIGNIFICANCE);
    }
  }
}
