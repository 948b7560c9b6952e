package dev.cocktail.eval.statistics;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.Optional;

/**
 * All that is known about how an arm and its control differ on a target.
 *
 * @param difference the arm's mean over its runs less the control's, with its interval over items and seeds
 * @param exchange what exchanging the arms' answers cluster by cluster shows; none where they have different numbers of
 *     runs
 * @param equivalence whether the difference is too small to matter
 * @param minimalDifference the smallest true difference that such data would show in a family of so many, if it were
 *     the only one in it
 * @param choices from how many arms the arm was chosen; see {@link Multiplicity}
 * @param coversSeeds whether it speaks of training with any seed; if not, of the models that were trained
 */
public record Comparison(
    PairedDifference difference,
    Optional<PermutationResult> exchange,
    Equivalence equivalence,
    double minimalDifference,
    int choices,
    boolean coversSeeds) {
  public Comparison {
    requireNonNull(difference, "difference");
    requireNonNull(exchange, "exchange");
    requireNonNull(equivalence, "equivalence");
  }

  /** Compares, with draws and exchanges that follow from their seeds. */
  public static Comparison of(
      ArmRuns arm,
      ArmRuns control,
      List<SeedSpread> seeds,
      TwoLevelBootstrap bootstrap,
      SignFlip exchange,
      DecisionRule rule,
      Multiplicity asked) {
    DifferenceDistribution drawn = bootstrap.difference(arm, control, seeds);
    return new Comparison(
        drawn.at(1 - rule.significance()),
        arm.runs().size() == control.runs().size()
            ? Optional.of(exchange.test(arm.runs(), control.runs()))
            : Optional.empty(),
        drawn.equivalence(rule.margin(), rule.significance()),
        drawn.minimalDifference(asked.strictest(rule.significance()), rule.power()),
        asked.choices(),
        drawn.coversSeeds());
  }

  /**
   * The p that decides: the larger of the bootstrap's, which knows seeds but relies on there being enough clusters, and
   * the exchange's, which is exact for any number of clusters but takes the runs as they are. Whoever asks for both
   * errs no more often than with either. Of an arm that seems better it is multiplied by the number of arms that it was
   * chosen from; choosing the best makes none seem worse.
   */
  public double probability() {
    double larger = Math.max(difference.probability(), exchange.map(PermutationResult::probability).orElse(0.0));
    return difference.value() > 0 ? Math.min(1, choices * larger) : larger;
  }
}
