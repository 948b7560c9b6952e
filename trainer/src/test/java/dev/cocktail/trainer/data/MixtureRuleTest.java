package dev.cocktail.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.InvalidInputException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class MixtureRuleTest {
  /** The numbers of training examples of seven finance tasks, and their shares as published, to four digits. */
  private static final int[] FINANCE = {10_000, 3_876, 5_000, 2_000, 2_500, 5_000, 2_000};

  private static final double[] FINANCE_1 = {.3292, .1276, .1646, .0658, .0823, .1646, .0658};
  private static final double[] FINANCE_2 = {.2257, .1405, .1596, .1009, .1128, .1596, .1009};
  private static final double[] FINANCE_5 = {.1731, .1432, .1507, .1255, .1312, .1507, .1255};

  private static List<TaskSize> sizes(int... examples) {
    return Arrays.stream(examples).mapToObj(n -> new TaskSize(n, 10L * n)).toList();
  }

  private static void assertShares(MixtureRule rule, List<TaskSize> sizes, double[] expected) {
    assertThat(rule.shares(sizes)).containsExactly(expected, within(0.5e-4));
  }

  @Test
  void theSevenFinanceTasksHaveTheirKnownShares() {
    List<TaskSize> sizes = sizes(FINANCE);
    assertShares(MixtureRule.proportional(), sizes, FINANCE_1);
    assertShares(MixtureRule.temperature(1), sizes, FINANCE_1);
    assertShares(MixtureRule.temperature(2), sizes, FINANCE_2);
    assertShares(MixtureRule.temperature(5), sizes, FINANCE_5);
    assertShares(MixtureRule.capped(10_000, 5), sizes, FINANCE_5);
  }

  /** What the published shares say, the draws of an epoch do, with the documented bound to spare. */
  @Test
  void theSevenFinanceTasksAreDrawnAsPlanned() {
    for (double temperature : new double[] {1, 2, 5}) {
      var rule = MixtureRule.temperature(temperature);
      var mixture = rule.mix(sizes(FINANCE), 42);
      var counts = new long[FINANCE.length];
      mixture.draws(0, mixture.drawsPerEpoch()).forEach(draw -> counts[draw.task()]++);
      var shares = rule.shares(sizes(FINANCE));
      for (var task = 0; task < counts.length; task++) {
        assertThat(counts[task]).isCloseTo(Math.round(30_376 * shares[task]), within(4L));
      }
    }
  }

  @Test
  void uniformCappedAndWeightedSharesByHand() {
    List<TaskSize> sizes = sizes(900, 100, 25);
    assertThat(MixtureRule.uniform().shares(sizes)).containsExactly(1 / 3., 1 / 3., 1 / 3.);
    // min(n, 100)^(1/2) is 10, 10, 5.
    assertThat(MixtureRule.capped(100, 2).shares(sizes)).containsExactly(new double[] {.4, .4, .2}, within(1e-15));
    assertThat(MixtureRule.capped(1, 1).shares(sizes)).containsExactly(1 / 3., 1 / 3., 1 / 3.);
    assertThat(MixtureRule.weights(List.of(3., 0., 1.)).shares(sizes)).containsExactly(.75, 0, .25);
    assertThat(MixtureRule.weights(List.of(1e308, 1e308, 0.)).shares(sizes)).containsExactly(.5, .5, 0);
    // However low the temperature, the largest takes all; however high, all take the same.
    assertThat(MixtureRule.temperature(1e-300).shares(sizes)).containsExactly(1, 0, 0);
    assertThat(MixtureRule.temperature(1e300).shares(sizes)).containsExactly(1 / 3., 1 / 3., 1 / 3.);
  }

  /** A task with answers of 30 tokens and one with answers of 2: the same share of tokens is a 15th of the examples. */
  @Test
  void sharesInSupervisedTokensWeighExamplesByTheirLength() {
    List<TaskSize> sizes = List.of(new TaskSize(100, 3_000), new TaskSize(1_500, 3_000));
    assertThat(MixtureRule.uniform().rates(sizes)).containsExactly(.5, .5);
    double[] rates = MixtureRule.uniform().inSupervisedTokens().rates(sizes);
    assertThat(rates).containsExactly(new double[] {1 / 16., 15 / 16.}, within(1e-15));
    // Of equal sizes in tokens every temperature makes equal shares of tokens.
    assertThat(MixtureRule.temperature(3).inSupervisedTokens().shares(sizes)).containsExactly(.5, .5);
    // In proportion to tokens is in proportion to examples.
    assertThat(MixtureRule.temperature(1).inSupervisedTokens().rates(sizes))
        .containsExactly(new double[] {1 / 16., 15 / 16.}, within(1e-15));
    assertThat(MixtureRule.capped(1_000, 1).inSupervisedTokens().shares(sizes)).containsExactly(.5, .5);
  }

  @Test
  void whatCannotBeMixedIsRefused() {
    assertRefused(() -> MixtureRule.temperature(0), "temperature is 0");
    assertRefused(() -> MixtureRule.temperature(Double.NaN), "temperature");
    assertRefused(() -> MixtureRule.capped(0, 1), "cap is 0");
    assertRefused(() -> MixtureRule.weights(List.of()), "weights");
    assertRefused(() -> MixtureRule.weights(List.of(1., -1.)), "-1.0");
    assertRefused(() -> MixtureRule.weights(List.of(0., 0.)), "all weights are 0");
    assertRefused(() -> MixtureRule.weights(List.of(1.)).mix(sizes(1, 2), 0), "weights for 1 tasks, but there are 2");
    assertRefused(
        () -> MixtureRule.uniform().inSupervisedTokens().mix(List.of(new TaskSize(1, 0)), 0),
        "without supervised tokens");
    assertThatThrownBy(() -> MixtureRule.uniform().mix(List.of(), 0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> MixtureRule.uniform().mix(sizes(1), 0).draw(-1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static void assertRefused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String message) {
    assertThatThrownBy(call).isInstanceOf(InvalidInputException.class).hasMessageContaining(message);
  }

  /** A rule and the sizes of its tasks. */
  record Mixed(MixtureRule rule, List<TaskSize> sizes, long seed) {
    Mixture mixture() {
      return rule.mix(sizes, seed);
    }
  }

  @Provide
  Arbitrary<Mixed> mixed() {
    Arbitrary<TaskSize> size =
        Combinators.combine(Arbitraries.integers().between(1, 60), Arbitraries.integers().between(1, 9))
            .as((examples, tokens) -> new TaskSize(examples, (long) examples * tokens));
    return Combinators.combine(size.list().ofMinSize(1).ofMaxSize(8), Arbitraries.longs())
        .flatAs((sizes, seed) -> rules(sizes.size()).map(rule -> new Mixed(rule, sizes, seed)));
  }

  private static Arbitrary<MixtureRule> rules(int tasks) {
    Arbitrary<MixtureRule> rules =
        Arbitraries.oneOf(
            Arbitraries.of(MixtureRule.proportional(), MixtureRule.uniform(), MixtureRule.sequential()),
            Arbitraries.doubles().between(0.3, 20).map(MixtureRule::temperature),
            Arbitraries.longs().between(1, 300).map(cap -> MixtureRule.capped(cap, 2)),
            Arbitraries.doubles()
                .between(0, 5)
                .list()
                .ofSize(tasks)
                .filter(weights -> weights.stream().anyMatch(weight -> weight > 0.01))
                .map(MixtureRule::weights));
    return Combinators.combine(rules, Arbitraries.of(true, false), Arbitraries.of(true, false))
        .as((rule, tokens, replacement) -> {
          MixtureRule inUnit = tokens ? rule.inSupervisedTokens() : rule;
          return replacement ? inUnit.withReplacement() : inUnit;
        });
  }

  /** Whatever came before was asked or not, and on whichever instance. */
  @Property(tries = 300)
  void anyDrawIsTheSameFromAnyPlaceOfResuming(
      @ForAll("mixed") Mixed mixed, @ForAll @IntRange(max = 2_000) int from, @ForAll @IntRange(max = 2_000) int back) {
    var whole = mixed.mixture().draws(0, from + 50).toList();
    var resumed = mixed.mixture();
    assertThat(resumed.draws(from, from + 50)).isEqualTo(whole.subList(from, from + 50));
    var earlier = Math.min(from, back);
    assertThat(resumed.draw(earlier)).isEqualTo(whole.get(earlier));
    assertThat(resumed.draw(from)).isEqualTo(whole.get(from));
  }

  @Property(tries = 300)
  void withoutReplacementNoExampleRepeatsBeforeAllOthersOfItsTaskCame(
      @ForAll("mixed") Mixed mixed, @ForAll @LongRange(max = 1L << 40) long epochs) {
    var rule = mixed.rule();
    if (rule.replacement()) {
      return;
    }
    var mixture = mixed.mixture();
    var seen = new int[mixed.sizes().size()][];
    for (var task = 0; task < seen.length; task++) {
      seen[task] = new int[mixed.sizes().get(task).examples()];
    }
    mixture
        .draws(0, 1_500)
        .forEach(draw -> {
          var times = ++seen[draw.task()][draw.example()];
          assertThat(times - 1)
              .as("how often any example of the task came before this one a time more")
              .isEqualTo(
                  Arrays.stream(seen[draw.task()]).map(count -> count == times ? count - 1 : count).min().orElse(0));
        });
    // Far out it goes on alike: whole passes have no gaps where they begin.
    var far = epochs / mixture.drawsPerEpoch() * mixture.drawsPerEpoch();
    assertThat(mixture.draws(far, far + 3))
        .allSatisfy(draw -> assertThat(draw.example()).isBetween(0, mixed.sizes().get(draw.task()).examples() - 1));
  }

  /** The documented bound, in every window of the draws; proportional and sequential hold theirs by the epoch. */
  @Property(tries = 300)
  void sharesKeepToThePlanInEveryWindow(
      @ForAll("mixed") Mixed mixed,
      @ForAll @IntRange(max = 1_000) int from,
      @ForAll @IntRange(min = 1, max = 3_000) int length) {
    var mixture = mixed.mixture();
    var counts = new int[mixed.sizes().size()];
    mixture.draws(from, from + length).forEach(draw -> counts[draw.task()]++);
    var planned =
        IntStream.range(0, counts.length)
            .mapToDouble(task -> mixture.plannedShare(task, from, from + length))
            .toArray();
    assertThat(Arrays.stream(planned).sum()).isCloseTo(1, within(1e-12));
    for (var task = 0; task < counts.length; task++) {
      var off = Math.abs(counts[task] - length * planned[task]);
      switch (mixture) {
        case SequentialMixture _ -> assertThat(off).isLessThan(1e-6);
        case ProportionalMixture _ ->
            assertThat(off).isLessThanOrEqualTo(2 * mixed.sizes().get(task).examples() * (1 - planned[task]) + 1e-6);
        default -> assertThat(off).isLessThan(2 * (1 + Math.max(0, counts.length - 2) * planned[task]) + 1e-6);
      }
    }
  }

  /**
   * Over passes of its examples, a task's part of the supervised tokens is what was meant, however its lengths differ.
   */
  @Property(tries = 200)
  void sharesOfTokensConverge(
      @ForAll @DoubleRange(min = 0.05, max = 0.95) double share,
      @ForAll @IntRange(min = 1, max = 30) int longer,
      @ForAll long seed) {
    var sizes = List.of(new TaskSize(20, 20L * longer), new TaskSize(30, 30));
    var mixture = MixtureRule.weights(List.of(share, 1 - share)).inSupervisedTokens().mix(sizes, seed);
    var tokens = new double[2];
    mixture.draws(0, 20_000).forEach(draw -> tokens[draw.task()] += sizes.get(draw.task()).tokensPerExample());
    // Off by less than one example of 30 tokens, among at least 20,000 tokens.
    assertThat(tokens[0] / (tokens[0] + tokens[1])).isCloseTo(share, within(30 / 20_000.));
  }

  @Property(tries = 100)
  void everySeedAndEveryEpochHasAPlanOfItsOwnAndTheSameSeedTheSame(@ForAll long seed) {
    for (var rule :
        List.of(MixtureRule.uniform(), MixtureRule.temperature(2).withReplacement(), MixtureRule.sequential())) {
      var mixture = rule.mix(sizes(40, 20), seed);
      var first = mixture.draws(0, 60).toList();
      assertThat(rule.mix(sizes(40, 20), seed).draws(0, 60)).isEqualTo(first);
      assertThat(mixture.draws(60, 120)).isNotEqualTo(first);
      assertThat(rule.mix(sizes(40, 20), seed + 1).draws(0, 60)).isNotEqualTo(first);
    }
  }

  /** Which task comes differs between epochs too, not only which example. */
  @Property(tries = 100)
  void tasksInterleaveDifferentlyEachEpoch(@ForAll long seed) {
    var mixture = MixtureRule.weights(List.of(2., 1., 1.)).mix(sizes(40, 20, 20), seed);
    assertThat(mixture.draws(0, 80).map(Draw::task)).isNotEqualTo(mixture.draws(80, 160).map(Draw::task).toList());
  }

  /**
   * At any place each of three tasks with the same rate, and each of its examples, comes as often as any other. Over
   * many seeds the number of times is binomial; five of its standard deviations are never left by chance.
   */
  @Test
  void noPlaceInTheOrderPrefersATaskOrAnExample() {
    var seeds = 20_000;
    for (var rule : List.of(MixtureRule.uniform(), MixtureRule.uniform().withReplacement())) {
      var counts = new int[3];
      var examples = new int[4];
      for (var seed = 0; seed < seeds; seed++) {
        var draw = rule.mix(sizes(4, 4, 4), seed).draw(1_003);
        counts[draw.task()]++;
        examples[draw.example()]++;
      }
      for (var count : counts) {
        assertBinomial(count, seeds, 1 / 3.);
      }
      for (var count : examples) {
        assertBinomial(count, seeds, 1 / 4.);
      }
    }
  }

  private static void assertBinomial(int count, int of, double probability) {
    assertThat(Math.abs(count - of * probability)).isLessThan(5 * Math.sqrt(of * probability * (1 - probability)));
  }

  @Test
  void withReplacementDrawsAreIndependent() {
    var mixture = MixtureRule.proportional().withReplacement().mix(sizes(50), 7);
    var draws = 20_000;
    var repeats = 0;
    for (var n = 1; n < draws; n++) {
      repeats += mixture.draw(n).example() == mixture.draw(n - 1).example() ? 1 : 0;
    }
    assertBinomial(repeats, draws - 1, 1 / 50.);
  }

  @Test
  void sequentialTakesOneTaskAfterAnother() {
    var mixture = MixtureRule.sequential().mix(sizes(2, 1, 3), 5);
    assertThat(mixture.draws(0, 12).map(Draw::task)).containsExactly(0, 0, 1, 2, 2, 2, 0, 0, 1, 2, 2, 2);
    assertThat(mixture.plannedShare(2, 0, 12)).isEqualTo(0.5);
    assertThat(mixture.plannedShare(2, 3, 6)).isEqualTo(1);
    assertThat(mixture.plannedShare(0, 3, 6)).isZero();
    assertThat(mixture.plannedShare(0, 4, 8)).isEqualTo(0.5);
  }
}
