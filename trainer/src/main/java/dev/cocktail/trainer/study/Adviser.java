package dev.cocktail.trainer.study;

import dev.cocktail.eval.statistics.DecisionRule;
import dev.cocktail.eval.statistics.Verdict;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Says what to train for a target, by what its chosen mixture was shown to be better or worse than. */
final class Adviser {
  private Adviser() {}

  /**
   * The advice.
   *
   * @param comparisons those on the target
   * @param rule what was fixed before results were looked at
   */
  static Recommendation of(Selected chosen, List<ArmComparison> comparisons, DecisionRule rule) {
    String target = chosen.target();
    String mixture = chosen.mixture().name();
    List<ArmComparison> own = comparisons.stream().filter(one -> one.arm().equals(chosen.mixture())).toList();
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
    Verdict.Finding finding = alone.getFirst().verdict().finding();
    if (!alone.getFirst().comparison().coversSeeds() && finding != Verdict.Finding.UNDECIDED) {
      return new Recommendation(
          target,
          finding == Verdict.Finding.BETTER
              ? Recommendation.Advice.MIX_UNPROVEN
              : Recommendation.Advice.NOT_ENOUGH_EVIDENCE,
          "%s against %s alone: %s, as these very models go; one seed does not tell what training again would give"
              .formatted(mixture, target, finding.words()));
    }
    Optional<Arm> better =
        own.stream()
            .filter(one -> one.verdict().finding() == Verdict.Finding.WORSE && !one.control().isSingle())
            .map(ArmComparison::control)
            .min(Comparator.comparing(control -> control.kind() == Arm.Kind.MIXTURE)); // The target alone first.
    if (better.isPresent() && alone.getFirst().comparison().coversSeeds()) {
      String less = "worse than " + better.get().name();
      return new Recommendation(
          target,
          better.get().kind() != Arm.Kind.MIXTURE
              ? Recommendation.Advice.ALONE
              : finding == Verdict.Finding.BETTER
                  ? Recommendation.Advice.MIX_UNPROVEN
                  : Recommendation.Advice.NOT_ENOUGH_EVIDENCE,
          beaten.isEmpty()
              ? mixture + " is " + less
              : "%s is better than %s, but %s".formatted(mixture, String.join(", ", beaten), less));
    }
    Optional<ArmComparison> other =
        comparisons.stream()
            .filter(one -> !own.contains(one) && one.control().kind().isControl())
            .filter(one -> one.verdict().finding() == Verdict.Finding.WORSE && one.comparison().coversSeeds())
            .findFirst();
    if (finding != Verdict.Finding.BETTER && other.isPresent()) {
      return new Recommendation(
          target,
          Recommendation.Advice.ALONE,
          "%s is worse than %s, and %s is not shown to be better than %s alone"
              .formatted(other.get().arm().name(), other.get().control().name(), mixture, target));
    }
    boolean hasBudget = own.stream().anyMatch(one -> one.control().kind() != Arm.Kind.MIXTURE);
    return switch (finding) {
      case BETTER -> {
        if (open.isEmpty() && hasBudget) {
          yield new Recommendation(
              target,
              Recommendation.Advice.MIX,
              mixture + " is better than all it was compared with: " + String.join(", ", beaten));
        }
        yield new Recommendation(
            target,
            Recommendation.Advice.MIX_UNPROVEN,
            open.isEmpty()
                ? ("%s is better than %s, but %s alone was not trained with its budget; 'controls_of: %s' plans that"
                        + " in the same folder")
                    .formatted(mixture, String.join(", ", beaten), target, expression(chosen.mixture()))
                : "%s is better than %s, but not shown to be better than %s"
                    .formatted(mixture, String.join(", ", beaten), String.join(", ", open)));
      }
      case WORSE ->
          new Recommendation(target, Recommendation.Advice.ALONE, mixture + " is worse than " + target + " alone");
      case EQUIVALENT ->
          new Recommendation(
              target,
              Recommendation.Advice.ALONE,
              String.format(
                  Locale.ROOT,
                  "%s and %s alone differ by less than %.1f points, the smallest difference that matters, as far as"
                      + " one such statement by itself is right",
                  mixture,
                  target,
                  100 * rule.margin()));
      case UNDECIDED ->
          new Recommendation(
              target,
              Recommendation.Advice.NOT_ENOUGH_EVIDENCE,
              String.format(
                  Locale.ROOT,
                  "%s and %s alone are not shown to differ; %s be found in four of five such studies",
                  mixture,
                  target,
                  ReportWords.detectable(alone.getFirst().comparison().minimalDifference())));
    };
  }

  /** A mixture as a study file names it. */
  private static String expression(Arm mixture) {
    return String.join(" + ", mixture.tasks());
  }

  private static List<String> controls(List<ArmComparison> own, Verdict.Finding finding) {
    return own.stream().filter(one -> one.verdict().finding() == finding).map(one -> one.control().name()).toList();
  }
}
