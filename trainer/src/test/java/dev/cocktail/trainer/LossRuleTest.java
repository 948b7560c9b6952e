package dev.cocktail.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.trainer.data.Example;
import dev.cocktail.trainer.data.LossRule;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.Packer;
import dev.cocktail.trainer.data.StepBatch;
import dev.cocktail.trainer.optimiser.AdamWOptimizer;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.testing.Golden;
import dev.cocktail.transformer.testing.TestDevice;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LossRuleTest {
  @TempDir static Path temporary;

  /** Three tokens with losses that sum to 6, two with 8, and a task that the step has none of. */
  private static final List<TaskLoss> LOSSES = List.of(new TaskLoss(6, 3, 1), TaskLoss.NONE, new TaskLoss(8, 2, 1));

  private static final StepBatch BATCH =
      new StepBatch(
          List.of(
              new MicroBatch(List.of(sequence(0, 7, 2), sequence(2, 5, 2))),
              new MicroBatch(List.of(sequence(0, 3, 1)))));

  /** A sequence of which the last so many tokens are supervised. */
  private static MicroBatch.Sequence sequence(int task, int length, int supervised) {
    int[] ids = new int[length];
    Arrays.setAll(ids, t -> 5 + (31 * t + 7 * length + task) % 50);
    boolean[] marks = new boolean[length];
    Arrays.fill(marks, length - supervised, length, true);
    return new MicroBatch.Sequence(task, new Example(ids, marks, "made"));
  }

  @Test
  void lossesByHand() {
    assertThat(TaskLoss.mean(LossRule.TOKENS, LOSSES)).isEqualTo(14 / 5.);
    assertThat(TaskLoss.mean(LossRule.ofTasks(List.of()), LOSSES)).isCloseTo((2 + 4) / 2., within(1e-15));
    assertThat(TaskLoss.mean(LossRule.ofTasks(List.of(3., 9., 1.)), LOSSES)).isCloseTo((3 * 2 + 4) / 4., within(1e-15));
    assertThat(TaskLoss.mean(LossRule.ofTasks(List.of(1e308, 1., 1e308)), LOSSES)).isCloseTo(3, within(1e-14));
    assertThat(TaskLoss.mean(LossRule.ofTasks(List.of()), List.of(TaskLoss.NONE))).isNaN();
    assertThat(TaskLoss.mean(LossRule.TOKENS, List.of(TaskLoss.NONE))).isNaN();
  }

  @Test
  void weightsOfTokensByHand() {
    assertThat(LossRule.TOKENS.tokenWeights(BATCH, 3)).containsExactly(.2, 0, .2);
    assertThat(LossRule.ofTasks(List.of()).tokenWeights(BATCH, 3))
        .containsExactly(new double[] {1 / 6., 0, 1 / 4.}, within(1e-16));
    assertThat(LossRule.ofTasks(List.of(3., 9., 1.)).tokenWeights(BATCH, 3))
        .containsExactly(new double[] {.25, 0, .125}, within(1e-16));
  }

  @Test
  void weightsThatAreNoneAreRefused() {
    for (double weight : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatThrownBy(() -> LossRule.ofTasks(List.of(1., weight)))
          .isInstanceOf(InvalidInputException.class)
          .hasMessageContaining("loss_weights");
    }
    assertThatThrownBy(() -> new LossRule(LossRule.Reduction.TOKENS, List.of(1.)))
        .isInstanceOf(InvalidInputException.class);
  }

  /**
   * The gradient of the weighted mean of tasks' means is the weighted mean of the gradients that each task's tokens
   * alone have, whatever the split into micro-batches. Weights of tokens are F32, so that each task's gradient is off
   * by two roundings at most; all else is in double precision.
   */
  @Test
  void gradientsAreThoseOfTheTasksMeansUnderAnySplit() {
    List<MicroBatch.Sequence> sequences =
        List.of(sequence(0, 12, 9), sequence(2, 6, 1), sequence(0, 7, 5), sequence(2, 4, 2), sequence(0, 3, 1));
    double[] weights = {0.5, 7, 2};
    Golden golden = GoldenAdapters.bundled(temporary);
    try (Device device = TestDevice.REFERENCE.open();
        Phi3Model model = Phi3Model.load(golden.model(), device);
        var adapter = LoraTrainable.load(model, golden.model().resolve("adapter"));
        var optimiser =
            new AdamWOptimizer(
                device,
                adapter.parameters(),
                new AdamWOptimizer.Settings(0.9, 0.999, 1e-8, 0, Double.POSITIVE_INFINITY))) {
      var run = new Run(model, adapter, optimiser);
      Map<String, double[]> first = run.gradients(LossRule.TOKENS, only(sequences, 0), 32);
      Map<String, double[]> third = run.gradients(LossRule.TOKENS, only(sequences, 2), 32);
      for (int tokens : new int[] {32, 19, 12}) {
        Map<String, double[]> found =
            run.gradients(LossRule.ofTasks(List.of(weights[0], weights[1], weights[2])), sequences, tokens);
        double[] means = run.latest.tasks().stream().mapToDouble(TaskLoss::mean).toArray();
        assertThat(run.latest.loss()).isCloseTo(0.2 * means[0] + 0.8 * means[2], within(1e-12 * run.latest.loss()));
        assertThat(run.latest.tasks().get(0).tokens()).isEqualTo(15);
        assertThat(run.latest.tasks().get(2).tokens()).isEqualTo(3);
        double bound = 2 * 0x1.0p-24 * (0.2 * norm(first) + 0.8 * norm(third)) + 1e-12;
        assertThat(norm(first)).isGreaterThan(1e-3);
        assertThat(distance(found, first, third)).isLessThan(bound);
      }
    }
  }

  private static List<MicroBatch.Sequence> only(List<MicroBatch.Sequence> sequences, int task) {
    return sequences.stream().filter(sequence -> sequence.task() == task).toList();
  }

  /** How far gradients are from 0.2 times those of the one and 0.8 times those of the other. */
  private static double distance(
      Map<String, double[]> found, Map<String, double[]> first, Map<String, double[]> third) {
    double squares = 0;
    for (String name : found.keySet()) {
      for (int i = 0; i < found.get(name).length; i++) {
        squares += Math.pow(found.get(name)[i] - 0.2 * first.get(name)[i] - 0.8 * third.get(name)[i], 2);
      }
    }
    return Math.sqrt(squares);
  }

  private static double norm(Map<String, double[]> gradients) {
    return Math.sqrt(gradients.values().stream().flatMapToDouble(Arrays::stream).map(x -> x * x).sum());
  }

  /** Steps that change nothing. */
  private static final class Run {
    private final Phi3Model model;
    private final LoraTrainable adapter;
    private final AdamWOptimizer optimiser;
    private TrainingStep.Outcome latest;

    Run(Phi3Model model, LoraTrainable adapter, AdamWOptimizer optimiser) {
      this.model = model;
      this.adapter = adapter;
      this.optimiser = optimiser;
    }

    Map<String, double[]> gradients(LossRule rule, List<MicroBatch.Sequence> sequences, int tokensPerMicroBatch) {
      StepBatch batch = new Packer(64, tokensPerMicroBatch).step(sequences);
      latest = new TrainingStep(model, 3, false, rule).run(batch, _ -> adapter.adapter(), optimiser, 0);
      Map<String, double[]> gradients = new LinkedHashMap<>();
      adapter
          .parameters()
          .forEach((name, parameter) -> {
            Tensor copy = Golden.copy(parameter.gradient());
            double[] values = new double[(int) copy.elements()];
            Arrays.setAll(values, copy::get);
            gradients.put(name, values);
          });
      return gradients;
    }
  }
}
