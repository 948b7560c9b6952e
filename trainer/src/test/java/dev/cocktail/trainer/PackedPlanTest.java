package dev.cocktail.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.data.Example;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.Packer;
import dev.cocktail.trainer.data.ProportionalMixture;
import dev.cocktail.trainer.data.TaskData;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class PackedPlanTest {
  @Property(tries = 200)
  void stepsAndMicroBatchesKeepTheirLimitsAndLoseNothing(
      @ForAll @Size(min = 1, max = 30) List<@IntRange(min = 1, max = 20) Integer> first,
      @ForAll @Size(min = 1, max = 30) List<@IntRange(min = 1, max = 20) Integer> second,
      @ForAll @IntRange(min = 20, max = 100) int perStep,
      @ForAll @IntRange(min = 20, max = 60) int perMicroBatch,
      @ForAll @IntRange(min = 1, max = 3) int epochs,
      @ForAll long seed) {
    var tasks = List.of(task("a", first), task("b", second));
    var mixture = new ProportionalMixture(List.of(first.size(), second.size()), seed);
    var packer = new Packer(perStep, perMicroBatch);
    var plan = PackedPlan.ofEpochs(tasks, mixture, packer, epochs);
    var seen = new ArrayList<Example>();
    for (var step = 0; step < plan.steps(); step++) {
      var batch = plan.batch(step);
      assertThat(batch.tokens()).isBetween(1, perStep);
      for (var micro : batch.microBatches()) {
        assertThat(micro.tokens()).isBetween(1, perMicroBatch);
        for (var sequence : micro.sequences()) {
          assertThat(tasks.get(sequence.task()).examples()).contains(sequence.example());
          seen.add(sequence.example());
        }
      }
      if (step + 1 < plan.steps()) {
        var next = mixture.draw(Math.round(plan.epochsAfter(step + 1) * mixture.drawsPerEpoch()));
        var length = tasks.get(next.task()).examples().get(next.example()).length();
        assertThat(batch.tokens() + length).as("full: the next would not have fitted").isGreaterThan(perStep);
      }
    }
    assertThat(seen).hasSize(epochs * (first.size() + second.size()));
    for (var task : tasks) {
      for (var example : task.examples()) {
        assertThat(seen.stream().filter(other -> other == example).count()).isEqualTo(epochs);
      }
    }
    assertThat(plan.epochsAfter(plan.steps())).isEqualTo(epochs);
    assertThat(plan.epochsAfter(0)).isZero();
  }

  @Test
  void stepsMayBeGivenInsteadOfEpochs() {
    var tasks = List.of(task("a", List.of(3, 3, 3)));
    var mixture = new ProportionalMixture(List.of(3), 1);
    var plan = PackedPlan.ofSteps(tasks, mixture, new Packer(6, 6), 40);
    assertThat(plan.steps()).isEqualTo(40);
    assertThat(plan.draws()).isEqualTo(80);
    assertThat(plan.batch(39)).isEqualTo(plan.batch(39));
    assertThat(PackedPlan.ofEpochs(tasks, mixture, new Packer(6, 6), 1.0 / 3).draws()).isEqualTo(1);
  }

  @Test
  void bestFitFillsGapsThatFirstFitLeaves() {
    // In the order given, first fit needs three: 4 + 3 + 2, 6 + 1, 4.
    var packed = new Packer(100, 10).microBatches(sequences(4, 3, 6, 2, 1, 4));
    assertThat(packed).extracting(MicroBatch::tokens).containsExactly(10, 10);
  }

  @Property(tries = 300)
  void packingLosesNothingAndKeepsTheOrder(
      @ForAll @Size(max = 60) List<@IntRange(min = 1, max = 20) Integer> lengths,
      @ForAll @IntRange(min = 20, max = 60) int perMicroBatch) {
    var packer = new Packer(Integer.MAX_VALUE, perMicroBatch);
    var sequences = sequences(lengths.stream().mapToInt(Integer::intValue).toArray());
    var packed = packer.microBatches(sequences);
    var places = new ArrayList<Integer>();
    var firsts = new ArrayList<Integer>();
    for (var micro : packed) {
      assertThat(micro.tokens()).isBetween(1, perMicroBatch);
      var indices = micro.sequences().stream().map(sequence -> indexOf(sequences, sequence)).toList();
      assertThat(indices).isSorted();
      firsts.add(indices.getFirst());
      places.addAll(indices);
    }
    assertThat(firsts).isSorted();
    assertThat(places).hasSameSizeAs(sequences).doesNotHaveDuplicates();
    assertThat(packer.microBatchCount(lengths.stream().mapToInt(Integer::intValue).toArray())).isEqualTo(packed.size());
    // No two micro-batches fit into one: what best fit and first fit promise.
    for (var i = 0; i + 1 < packed.size(); i++) {
      assertThat(packed.get(i).tokens() + packed.get(i + 1).tokens()).isGreaterThan(perMicroBatch);
    }
  }

  private static int indexOf(List<MicroBatch.Sequence> all, MicroBatch.Sequence one) {
    for (var i = 0; i < all.size(); i++) {
      if (all.get(i) == one) {
        return i;
      }
    }
    return -1;
  }

  @Test
  void efficiencyIsTokensOverRoom() {
    var tasks = List.of(task("a", List.of(6, 6, 4)));
    var plan = PackedPlan.ofEpochs(tasks, new ProportionalMixture(List.of(3), 1), new Packer(16, 10), 1);
    // One step of 10 and 6 tokens in two micro-batches of 10.
    assertThat(plan.microBatches()).isEqualTo(2);
    assertThat(plan.packingEfficiency()).isEqualTo(16.0 / 20);
  }

  @Test
  void anExampleThatFitsNowhereIsNamed() {
    assertThatThrownBy(() -> new Packer(100, 10).microBatches(sequences(11)))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("x:1")
        .hasMessageContaining("11 tokens");
    assertThatThrownBy(() -> new Packer(0, 10)).isInstanceOf(InvalidInputException.class);
  }

  private static List<MicroBatch.Sequence> sequences(int... lengths) {
    var sequences = new ArrayList<MicroBatch.Sequence>();
    for (var length : lengths) {
      sequences.add(new MicroBatch.Sequence(0, example(length, 1)));
    }
    return sequences;
  }

  private static TaskData task(String name, List<Integer> lengths) {
    var examples = new ArrayList<Example>();
    for (var length : lengths) {
      examples.add(example(length, examples.size() + 1));
    }
    return TaskData.of(name, examples);
  }

  private static Example example(int length, int line) {
    return new Example(new int[length], new boolean[length], "x:" + line);
  }
}
