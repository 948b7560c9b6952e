package dev.cocktail.eval.statistics;

import java.util.ArrayList;
import java.util.List;

/**
 * What may be said of an arm on a target.
 *
 * <p>The rule, in this order, for a family of comparisons that are reported together (all targets and arms of a study):
 *
 * <ol>
 *   <li>{@link Finding#BETTER} or {@link Finding#WORSE}, by the difference's sign, where Holm's adjusted p of the
 *       comparison is below the significance, and the comparison's own interval does not hold 0. In a family without
 *       any effect, this happens at all with a probability of at most the significance.
 *   <li>{@link Finding#EQUIVALENT} where the interval of level 1 - 2 significance lies within the margin. This is not
 *       adjusted for the number of comparisons: each such claim by itself is false with a probability of at most the
 *       significance.
 *   <li>{@link Finding#UNDECIDED}: not enough evidence for any of these. It is not evidence of no difference.
 * </ol>
 *
 * @param finding what was found
 * @param probability the comparison's p, adjusted for the family
 * @param negligible whether the difference is too small to matter, which one that was found may be as well
 */
public record Verdict(Finding finding, double probability, boolean negligible) {
  /** What can be said. */
  public enum Finding {
    BETTER("better"),
    WORSE("worse"),
    EQUIVALENT("no difference that matters"),
    UNDECIDED("not enough evidence");

    private final String words;

    Finding(String words) {
      this.words = words;
    }

    /** As people are told. */
    public String words() {
      return words;
    }
  }

  /** The verdicts on a family of comparisons, in their order. */
  public static List<Verdict> of(List<Comparison> family, DecisionRule rule) {
    double[] adjusted = Holm.adjust(family.stream().mapToDouble(Comparison::probability).toArray());
    List<Verdict> verdicts = new ArrayList<>();
    for (int i = 0; i < adjusted.length; i++) {
      Comparison comparison = family.get(i);
      verdicts.add(
          new Verdict(
              finding(comparison, adjusted[i] < rule.significance()), adjusted[i], comparison.equivalence().shown()));
    }
    return verdicts;
  }

  private static Finding finding(Comparison comparison, boolean significant) {
    if (significant && !comparison.difference().interval().holds(0)) {
      return comparison.difference().value() > 0 ? Finding.BETTER : Finding.WORSE;
    }
    return comparison.equivalence().shown() ? Finding.EQUIVALENT : Finding.UNDECIDED;
  }
}
