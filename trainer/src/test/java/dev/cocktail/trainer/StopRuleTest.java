package dev.cocktail.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.data.Example;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.Mixture;
import dev.cocktail.trainer.data.MixtureRule;
import dev.cocktail.trainer.data.Packer;
import dev.cocktail.trainer.data.StopRule;
import dev.cocktail.trainer.data.TaskData;
import dev.cocktail.trainer.data.TaskShare;
import dev.cocktail.trainer.data.TaskSize;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** When plans end, and what they mean for each task. */
class StopRuleTest {
  /** Examples of 10 tokens: 30 of which 2 are learnt, 12 of which 5 are, 7 of which 1 is. */
  private static final List<TaskData> TASKS = List.of(task("a", 30, 2), task("b", 12, 5), task("c", 7, 1));

  private static TaskData task(String name, int examples, int supervised) {
    var all = new ArrayList<Example>();
    for (var line = 1; line <= examples; line++) {
      var marks = new boolean[10];
      Arrays.fill(marks, 10 - supervised, 10, true);
      all.add(new Example(new int[10], marks, name + ":" + line));
    }
    return TaskData.of(name, all);
  }

  private static Mixture mix(MixtureRule rule, long seed) {
    return rule.mix(TASKS.stream().map(TaskSize::of).toList(), seed);
  }

  private static PackedPlan plan(MixtureRule rule, long seed, int tokensPerStep, StopRule stop) {
    return PackedPlan.of(TASKS, mix(rule, seed), new Packer(tokensPerStep, 20), stop);
  }

  private static List<MicroBatch.Sequence> sequences(PackedPlan plan) {
    var all = new ArrayList<MicroBatch.Sequence>();
    for (var step = 0; step < plan.steps(); step++) {
      plan.batch(step).microBatches().forEach(micro -> all.addAll(micro.sequences()));
    }
    return all;
  }

  @Property(tries = 100)
  void anEpochOfATaskEndsWithItsLastExample(
      @ForAll long seed,
      @ForAll @IntRange(min = 10, max = 90) int perStep,
      @ForAll @IntRange(min = 1, max = 4) int epochs) {
    var rule = MixtureRule.temperature(3);
    var largest = plan(rule, seed, perStep, StopRule.epochsOfLargest(epochs));
    assertThat(largest.draws(0)).isEqualTo(30L * epochs);
    assertThat(sequences(largest).getLast().task()).isZero();
    assertThat(largest.epochsAfter(largest.steps())).isEqualTo(epochs);
    assertThat(largest.epochsAfter(0)).isZero();
    var smallest = plan(rule, seed, perStep, StopRule.epochsOfSmallest(epochs));
    assertThat(smallest.draws(2)).isEqualTo(7L * epochs);
    assertThat(mix(rule, seed).draw(smallest.draws() - 1).task()).isEqualTo(2);
    assertThat(smallest.draws()).isLessThan(largest.draws());
    assertThat(sequences(smallest)).hasSize((int) smallest.draws());
    for (var example : TASKS.get(2).examples()) {
      assertThat(sequences(smallest).stream().filter(s -> s.example() == example).count()).isEqualTo(epochs);
    }
  }

  /** How many tokens a step has changes where steps begin, not what is learnt or in which order. */
  @Property(tries = 100)
  void theOrderDoesNotDependOnTheCutOfBatches(@ForAll long seed, @ForAll @IntRange(min = 10, max = 90) int perStep) {
    for (var rule : List.of(MixtureRule.uniform(), MixtureRule.temperature(2).inSupervisedTokens())) {
      for (var stop : List.of(StopRule.epochs(1.5), StopRule.examples(77), StopRule.supervisedTokens(200))) {
        var one = plan(rule, seed, 10, stop);
        var other = plan(rule, seed, perStep, stop);
        assertThat(other.draws()).isEqualTo(one.draws());
        assertThat(other.steps()).isEqualTo((int) Math.ceilDiv(one.draws(), perStep / 10));
        assertThat(sequences(other)).containsExactlyInAnyOrderElementsOf(sequences(one));
        for (var step = 0; step < other.steps(); step++) {
          var from = step * (perStep / 10);
          var size = other.batch(step).tokens() / 10;
          assertThat(sequences(one).subList(from, from + size))
              .containsExactlyInAnyOrderElementsOf(
                  other.batch(step).microBatches().stream().flatMap(micro -> micro.sequences().stream()).toList());
        }
      }
    }
  }

  @Property(tries = 100)
  void numbersOfExamplesTokensAndStepsAreKept(@ForAll long seed, @ForAll @IntRange(min = 1, max = 400) int amount) {
    assertThat(plan(MixtureRule.uniform(), seed, 40, StopRule.examples(amount)).draws()).isEqualTo(amount);
    var steps = plan(MixtureRule.uniform(), seed, 40, StopRule.steps(amount));
    assertThat(steps.steps()).isEqualTo(amount);
    assertThat(steps.draws()).isEqualTo(4L * amount);
    var learnt = sequences(plan(MixtureRule.uniform(), seed, 40, StopRule.supervisedTokens(amount)));
    var tokens = learnt.stream().mapToInt(sequence -> sequence.example().supervisedTokens()).sum();
    assertThat(tokens).isBetween(amount, amount + 4);
  }

  @Test
  void aTaskThatIsNeverDrawnEndsNothing() {
    var rule = MixtureRule.weights(List.of(0., 1., 1.));
    assertThat(plan(rule, 1, 40, StopRule.epochsOfLargest(2)).draws(1)).isEqualTo(24);
    assertThat(plan(rule, 1, 40, StopRule.epochsOfLargest(2)).draws(0)).isZero();
    assertThat(plan(rule, 1, 40, StopRule.epochsOfSmallest(2)).draws(2)).isEqualTo(14);
  }

  @Test
  void whatCannotEndIsRefused() {
    assertRefused(() -> StopRule.epochs(0), "epochs is 0.0; expected more than 0");
    assertRefused(() -> StopRule.epochsOfLargest(Double.NaN), "epochs is NaN");
    assertRefused(() -> StopRule.steps(0), "max_steps is 0; expected at least 1");
    assertRefused(() -> StopRule.examples(-1), "max_examples is -1");
    assertRefused(() -> StopRule.supervisedTokens(0), "max_supervised_tokens is 0");
    assertRefused(
        () -> plan(MixtureRule.uniform(), 1, 40, StopRule.supervisedTokens(1L << 50)),
        "max_supervised_tokens: this run");
    assertRefused(
        () -> plan(MixtureRule.weights(List.of(1e-12, 1., 1.)), 1, 40, StopRule.epochsOfLargest(1)),
        "epochs: this run");
    assertRefused(() -> plan(MixtureRule.uniform(), 1, 40, StopRule.epochs(1e-3)), "at least one example of 49");
    assertRefused(() -> TASKS.getFirst().limited(0, 1), "max_examples is 0");
  }

  private static void assertRefused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String message) {
    assertThatThrownBy(call).isInstanceOf(InvalidInputException.class).hasMessageContaining(message);
  }

  /** By hand: two tasks with rates 1/4 and 3/4, of 2 and 5 learnt tokens an example: 0.5 to 3.75 of 4.25 tokens. */
  @Test
  void plannedSharesOfStepsAreKnown() {
    var plan = plan(MixtureRule.weights(List.of(1., 3., 0.)), 1, 40, StopRule.steps(10));
    assertThat(plan.plannedShares(2, 5))
        .containsExactly(new TaskShare(.25, .5 / 4.25), new TaskShare(.75, 3.75 / 4.25), new TaskShare(0, 0));
    var sequential = plan(MixtureRule.sequential(), 1, 40, StopRule.epochs(1));
    assertThat(sequential.plannedShares(0, 7)).extracting(TaskShare::examples).containsExactly(1., 0., 0.);
    // The eighth step holds the last two examples of the first task, and two of the second.
    assertThat(sequential.plannedShares(7, 8))
        .containsExactly(new TaskShare(.5, 4 / 14.), new TaskShare(.5, 10 / 14.), new TaskShare(0, 0));
    assertThat(sequential.plannedShares(0, sequential.steps()).get(2).examples()).isCloseTo(7 / 49., within(1e-15));
  }

  /** The choice is the seed's: the same whatever else is asked of the task, in the file's order, each as likely. */
  @Test
  void aPartOfATaskIsChosenByItsSeed() {
    var whole = task("a", 40, 2);
    assertThat(whole.limited(40, 1)).isSameAs(whole);
    var part = whole.limited(10, 1);
    assertThat(part).isEqualTo(whole.limited(10, 1));
    assertThat(part.examples()).isNotEqualTo(whole.limited(10, 2).examples()).isSubsetOf(whole.examples());
    assertThat(part.examples()).doesNotHaveDuplicates().hasSize(10);
    assertThat(whole.examples().stream().filter(part.examples()::contains).toList()).isEqualTo(part.examples());
    assertThat(part.statistics().supervisedTokens()).isEqualTo(20);
    assertThat(whole.limited(20, 1).examples()).containsAll(part.examples());
    var times = new int[40];
    for (var seed = 0; seed < 4_000; seed++) {
      for (var example : whole.limited(10, seed).examples()) {
        times[whole.examples().indexOf(example)]++;
      }
    }
    // Binomial with mean 1,000 and standard deviation 27: five of these are never left by chance.
    assertThat(times).satisfies(all -> assertThat(Arrays.stream(all).min().orElseThrow()).isGreaterThan(863));
    assertThat(times).satisfies(all -> assertThat(Arrays.stream(all).max().orElseThrow()).isLessThan(1_137));
  }
}
