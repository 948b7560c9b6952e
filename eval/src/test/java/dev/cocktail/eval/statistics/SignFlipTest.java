package dev.cocktail.eval.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.eval.metric.Metric;
import dev.cocktail.eval.metric.Outcome;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class SignFlipTest {
  private static final SignFlip EXACT = new SignFlip(1 << 20, 1);

  private static List<ClusterSums> run(double... right) {
    return List.of(Clusters.ofSingles(right.length).sums(Shares.ofSingles(right)));
  }

  /** Items that only the first got right, that only the second did, that both did. */
  private static PermutationResult test(SignFlip test, int firstOnly, int secondOnly, int both) {
    double[] first = new double[firstOnly + secondOnly + both];
    double[] second = new double[first.length];
    Arrays.fill(first, 0, firstOnly, 1);
    Arrays.fill(second, firstOnly, firstOnly + secondOnly, 1);
    Arrays.fill(first, firstOnly + secondOnly, first.length, 1);
    Arrays.fill(second, firstOnly + secondOnly, first.length, 1);
    return test.test(run(first), run(second));
  }

  @Test
  void mcNemarsExample() {
    assertThat(McNemar.probability(10, 2)).isCloseTo(.0386, within(5e-5));
    assertThat(McNemar.probability(2, 10)).isEqualTo(McNemar.probability(10, 2));
    // 2 (1 + 12 + 66) / 4096, exactly.
    assertThat(McNemar.probability(10, 2)).isCloseTo(158.0 / 4096, within(1e-12));
    assertThat(McNemar.probability(5, 0)).isCloseTo(1.0 / 16, within(1e-12));
    assertThat(McNemar.probability(0, 0)).isEqualTo(1);
    assertThat(McNemar.probability(1, 0)).isEqualTo(1);
    assertThat(McNemar.probability(7, 7)).isEqualTo(1);
    assertThat(McNemar.probability(1000, 800)).isCloseTo(2.7e-6, within(2e-7));
    assertThatThrownBy(() -> McNemar.probability(-1, 2)).isInstanceOf(IllegalArgumentException.class);
  }

  @Property(tries = 100)
  void forSingleItemsAndSharesItIsMcNemarsTest(
      @ForAll @IntRange(max = 9) int firstOnly,
      @ForAll @IntRange(max = 8) int secondOnly,
      @ForAll @IntRange(min = 1, max = 9) int both) {
    PermutationResult result = test(EXACT, firstOnly, secondOnly, both);

    assertThat(result.exact()).isTrue();
    assertThat(result.probability()).isCloseTo(McNemar.probability(firstOnly, secondOnly), within(1e-12));
    assertThat(result.value())
        .isCloseTo((firstOnly - secondOnly) / (double) (firstOnly + secondOnly + both), within(1e-12));
  }

  @Test
  void randomExchangesComeCloseToAllOfThem() {
    PermutationResult exact = test(EXACT, 14, 5, 20);
    PermutationResult random = test(new SignFlip(20_000, 7), 14, 5, 20);

    assertThat(exact.exact()).isTrue();
    assertThat(random.exact()).isFalse();
    assertThat(random.arrangements()).isEqualTo(20_000);
    // Five standard errors of a share of 20,000.
    double p = exact.probability();
    assertThat(random.probability()).isCloseTo(p, within(5 * Math.sqrt(p * (1 - p) / 20_000)));
    assertThat(test(new SignFlip(20_000, 7), 14, 5, 20)).isEqualTo(random);
    assertThat(test(new SignFlip(20_000, 8), 14, 5, 20)).isNotEqualTo(random);
    // No random exchange is as extreme, yet p is not 0.
    assertThat(test(new SignFlip(99, 1), 60, 0, 0).probability()).isEqualTo(0.01);
  }

  @Test
  void itemsOfAClusterAreExchangedTogether() {
    // Three clusters of two items, all for the first: 2 of 2^3 exchanges are as extreme; single items would give 2 of
    // 2^6.
    List<Optional<String>> pages = List.of("a", "a", "b", "b", "c", "c").stream().map(Optional::of).toList();
    Clusters clusters = Clusters.of(pages);
    ClusterSums first = clusters.sums(Shares.ofSingles(1, 1, 1, 1, 1, 1));
    ClusterSums second = clusters.sums(Shares.ofSingles(0, 0, 0, 0, 0, 0));

    assertThat(EXACT.test(List.of(first), List.of(second))).isEqualTo(new PermutationResult(1, .25, true, 4));
  }

  @Test
  void aStatisticIsComputedAnewInEveryExchange() {
    // By hand, labels y and n; gold y y n. First answers y y n: F1 1 and 1. Second answers n y n: F1 of y 2/3, of n
    // 2/3.
    // Only the first item differs; exchanging it turns the difference 1/3 round, so both exchanges are as extreme.
    List<String> gold = List.of("y", "y", "n");
    ClusterSums first = sums(gold, List.of("y", "y", "n"));
    ClusterSums second = sums(gold, List.of("n", "y", "n"));
    assertThat(EXACT.test(List.of(first), List.of(second)).value()).isCloseTo(1.0 / 3, within(1e-12));
    assertThat(EXACT.test(List.of(first), List.of(second)).probability()).isEqualTo(1);

    // Second answers n y y: F1 of y 2 * 1 / (2 + 2) = 1/2, of n 0, mean 1/4. Exchanging the first item alone: the arms
    // answer n y n and y y y, with F1 2/3, and of y 2 * 2 / (2 + 3) = 4/5 and of n 0, mean 2/5: difference 4/15 < 3/4.
    // So p is 2 of 4; were F1 averaged over items instead, there would be nothing to compute.
    ClusterSums third = sums(gold, List.of("n", "y", "y"));
    assertThat(EXACT.test(List.of(first), List.of(third)).value()).isCloseTo(.75, within(1e-12));
    assertThat(EXACT.test(List.of(first), List.of(third)).probability()).isEqualTo(.5);
  }

  private static ClusterSums sums(List<String> gold, List<String> answers) {
    List<Outcome> outcomes = new ArrayList<>();
    for (int i = 0; i < gold.size(); i++) {
      outcomes.add(Outcome.ofLabel(gold.get(i), Optional.of(answers.get(i))));
    }
    return Clusters.ofSingles(gold.size()).sums(Metric.MACRO_F1.statistic(outcomes));
  }

  @Test
  void oneClusterOrNoDifferenceShowsNothing() {
    assertThat(EXACT.test(run(1), run(0))).isEqualTo(new PermutationResult(1, 1, true, 1));
    assertThat(EXACT.test(run(1, 0, 1), run(1, 0, 1))).isEqualTo(new PermutationResult(0, 1, true, 1));
  }

  @Test
  void runsOfAnArmAreExchangedTogether() {
    // Two runs an arm, two items, the first arm right in all of them: of 4 exchanges, two are as extreme.
    List<ClusterSums> first = List.of(run(1, 1).getFirst(), run(1, 1).getFirst());
    List<ClusterSums> second = List.of(run(0, 0).getFirst(), run(0, 0).getFirst());
    assertThat(EXACT.test(first, second)).isEqualTo(new PermutationResult(1, .5, true, 2));
  }

  @Test
  void whatCannotBeTestedIsRefused() {
    assertThatThrownBy(() -> EXACT.test(List.of(), List.of())).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> EXACT.test(run(1, 0), List.of(run(1, 0).getFirst(), run(1, 0).getFirst())))
        .hasMessageContaining("1 and 2 runs");
    assertThatThrownBy(() -> EXACT.test(run(1, 0), run(1, 0, 1))).hasMessageContaining("different clusters");
    assertThatThrownBy(() -> run(1, Double.NaN)).hasMessageContaining("NaN");
    assertThatThrownBy(() -> new SignFlip(0, 1)).isInstanceOf(IllegalArgumentException.class);
  }

  @Property(tries = 100)
  void armsAndClustersMayComeInAnyOrder(@ForAll long seed) {
    Random random = new Random(seed);
    List<double[]> items = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      items.add(new double[] {random.nextInt(4), random.nextInt(4)});
    }
    PermutationResult result = test(items, 0, 1);
    assertThat(test(items, 1, 0))
        .isEqualTo(new PermutationResult(0 - result.value(), result.probability(), true, result.arrangements()));
    Collections.shuffle(items, random);
    assertThat(test(items, 0, 1).probability()).isEqualTo(result.probability());
  }

  private static PermutationResult test(List<double[]> items, int first, int second) {
    return EXACT.test(
        run(items.stream().mapToDouble(item -> item[first]).toArray()),
        run(items.stream().mapToDouble(item -> item[second]).toArray()));
  }
}
