package dev.cocktail.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.trainer.data.Example;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.StepBatch;
import dev.cocktail.trainer.optimiser.AdamWOptimizer;
import dev.cocktail.transformer.GenerationListener;
import dev.cocktail.transformer.GenerationSettings;
import dev.cocktail.transformer.Generator;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.PaddedInputs;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.testing.Difference;
import dev.cocktail.transformer.testing.Golden;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a CUDA device must do with whole models: forward and backward passes, training steps and generation against the
 * numbers of Hugging Face's code, and the invariances that hold on the processor.
 *
 * <p>In F32 the bounds are those of any correct implementation. In BF16 every activation is rounded with unit roundoff
 * {@code u = 2^-8}; a decoder layer rounds about ten times on the way forward and as often on the way back. Independent
 * roundings add up like a random walk, so relative errors of about {@code u sqrt(10 layers)} for logits and {@code u
 * sqrt(2 * 10 layers)} for gradients are expected, and twice as much is allowed.
 */
abstract class CudaTrainingContract {
  private static final double BF16_ROUNDOFF = 0x1p-8;
  private static final double F32_GRADIENT = 1e-4;
  private static final int ROUNDINGS_A_LAYER = 10;

  @TempDir static Path temporary;

  /** A device with activations of the given type; skips the test where there is none. */
  abstract Device open(DType activation);

  private static double logitsBound(DType activation, int layers) {
    return activation == DType.F32 ? Golden.LOGITS_L2 : 2 * BF16_ROUNDOFF * Math.sqrt(ROUNDINGS_A_LAYER * layers);
  }

  private static double gradientBound(DType activation, int layers) {
    return activation == DType.F32 ? F32_GRADIENT : 2 * BF16_ROUNDOFF * Math.sqrt(2 * ROUNDINGS_A_LAYER * layers);
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void bundledModelMatches(DType activation) {
    logitsAndGradientsMatch("bundled", activation);
  }

  @ParameterizedTest
  @ValueSource(strings = {"phi3_mini_tiny", "phi35_longrope_tiny/short_len12", "phi35_longrope_tiny/long_len40"})
  void otherModelsMatchInBothTypes(String name) {
    logitsAndGradientsMatch(name, DType.F32);
    logitsAndGradientsMatch(name, DType.BF16);
  }

  private void logitsAndGradientsMatch(String name, DType activation) {
    Golden golden = GoldenAdapters.of(name, temporary);
    try (Device device = open(activation);
        Phi3Model model = Phi3Model.load(golden.model(), device);
        var adapter = LoraTrainable.load(model, golden.model().resolve("adapter"))) {
      PaddedInputs inputs = golden.inputs();
      int layers = model.config().layers();
      Map<String, Tensor> base = Trace.run(model, inputs, LinearTransform.BASE, null);
      checkMasked(inputs, base.get("logits"), golden.tensors("logits_base.safetensors").get("logits"))
          .assertWithin(name + " logits", logitsBound(activation, layers), Double.POSITIVE_INFINITY);
      adapter.parameters().values().forEach(parameter -> device.ops().fill(parameter.gradient(), 0));
      Map<String, Tensor> found = Trace.run(model, inputs, adapter.training(new RandomKey(0, 0)), adapter.parameters());
      checkMasked(inputs, found.get("logits"), golden.tensors("logits_lora.safetensors").get("logits"))
          .assertWithin(name + " logits with adapter", logitsBound(activation, layers), Double.POSITIVE_INFINITY);
      golden
          .tensors("grads_lora.safetensors")
          .forEach((key, gradient) ->
              Difference.of(found.get(key), gradient)
                  .assertWithin(name + " " + key, gradientBound(activation, layers), Double.POSITIVE_INFINITY));
    }
  }

  /** Over the tokens that the mask lets count. */
  private static Difference checkMasked(PaddedInputs inputs, Tensor actual, Tensor expected) {
    long channels = expected.elements() / ((long) inputs.rows() * inputs.width());
    return Difference.of(
        actual,
        expected,
        i -> {
          int token = (int) (i / channels);
          return inputs.mask()[token / inputs.width()][token % inputs.width()];
        });
  }

  @Test
  void stepsOfAdamWMatch() {
    Golden golden = GoldenAdapters.bundled(temporary);
    JsonNode log = golden.json("expected.json").required("adamw");
    try (Device device = open(DType.F32);
        var run = new Run(device, golden, false)) {
      Map<String, Tensor> start = run.parameters();
      for (int step = 0; step < 5; step++) {
        TrainingStep.Outcome outcome = run.step(batch(golden.inputs(), 1));
        double loss = log.required("losses_f64").required(step).doubleValue();
        assertThat(outcome.loss()).as("loss of step %d", step).isCloseTo(loss, within(Golden.LOSS * loss));
        if (step == 0 || step == 4) {
          checkChange(golden.tensors("lora_adamw_step" + (step + 1) + ".safetensors"), start, run.parameters());
        }
      }
    }
  }

  private static void checkChange(
      Map<String, Tensor> reference, Map<String, Tensor> start, Map<String, Tensor> actual) {
    double squares = 0;
    double change = 0;
    for (var entry : reference.entrySet()) {
      Tensor wanted = entry.getValue();
      for (long i = 0; i < wanted.elements(); i++) {
        double difference = actual.get(entry.getKey()).get(i) - wanted.get(i);
        squares += difference * difference;
        change += Math.pow(wanted.get(i) - start.get(entry.getKey()).get(i), 2);
      }
    }
    assertThat(Math.sqrt(squares / change)).as("relative L2 of the change").isLessThanOrEqualTo(1e-3);
  }

  /** The same bits from run to run, with layers kept or recomputed. */
  @Test
  void learningInBf16RepeatsBitForBit() {
    Golden golden = GoldenAdapters.bundled(temporary);
    List<Map<String, Tensor>> results = new ArrayList<>();
    List<Double> losses = new ArrayList<>();
    for (boolean recompute : new boolean[] {false, false, true}) {
      try (Device device = open(DType.BF16);
          var run = new Run(device, golden, recompute)) {
        double first = run.step(batch(golden.inputs(), 1)).loss();
        double second = run.step(batch(golden.inputs(), 1)).loss();
        assertThat(second).as("loss after a step").isLessThan(first);
        losses.add(second);
        results.add(run.parameters());
      }
    }
    assertThat(losses).containsOnly(losses.getFirst());
    for (Map<String, Tensor> other : results) {
      results
          .getFirst()
          .forEach(
              (name, values) -> assertThat(other.get(name).toFloats()).as(name).containsExactly(values.toFloats()));
    }
  }

  /** One packed batch, and each sequence in a micro-batch of its own, are the same step. */
  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void packingChangesNothing(DType activation) {
    Golden golden = GoldenAdapters.bundled(temporary);
    List<TrainingStep.Outcome> outcomes = new ArrayList<>();
    for (int parts = 1; parts <= 2; parts++) {
      try (Device device = open(activation);
          var run = new Run(device, golden, false)) {
        outcomes.add(run.step(batch(golden.inputs(), parts)));
      }
    }
    double loss = outcomes.getFirst().loss();
    double norm = outcomes.getFirst().gradientNorm();
    double unit = activation == DType.F32 ? 0x1p-20 : BF16_ROUNDOFF;
    assertThat(outcomes.getLast().loss()).isCloseTo(loss, within(unit * loss));
    assertThat(outcomes.getLast().gradientNorm()).isCloseTo(norm, within(unit * norm));
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void thePlannerPredictsTheMemoryOfAStep(DType activation) {
    Golden golden = GoldenAdapters.bundled(temporary);
    try (Device device = open(activation);
        Device planner = device.openPlanner().orElseThrow()) {
      for (Device each : List.of(device, planner)) {
        try (var run = new Run(each, golden, false)) {
          run.step(batch(golden.inputs(), 1));
        }
      }
      assertThat(planner.peakReservedBytes()).isEqualTo(device.peakReservedBytes());
    }
  }

  @Test
  void greedyGenerationIsExact() {
    Golden golden = GoldenAdapters.bundled(temporary);
    int[] prompt = Golden.ints(golden.json("generation.json").required("prompt"));
    int[] wanted = Golden.ints(golden.json("generation.json").required("base"));
    try (Device device = open(DType.F32);
        Phi3Model model = Phi3Model.load(golden.model(), device)) {
      var settings = GenerationSettings.greedy(wanted.length, Set.of());
      var answers =
          new Generator(model, LinearTransform.BASE).generate(List.of(prompt), settings, GenerationListener.NONE);
      assertThat(answers.getFirst().ids()).containsExactly(wanted);
    }
  }

  /** A model with its adapter and optimiser, in the recipe of the reference's log. */
  private static final class Run implements AutoCloseable {
    private final Device device;
    private final Phi3Model model;
    private final LoraTrainable adapter;
    private final AdamWOptimizer optimiser;
    private final TrainingStep step;

    Run(Device device, Golden golden, boolean recompute) {
      this.device = device;
      this.model = Phi3Model.load(golden.model(), device);
      this.adapter = LoraTrainable.load(model, golden.model().resolve("adapter"));
      var settings = new AdamWOptimizer.Settings(0.9, 0.999, 1e-8, 0.01, Double.POSITIVE_INFINITY);
      this.optimiser = new AdamWOptimizer(device, adapter.parameters(), settings);
      this.step = new TrainingStep(model, 2, recompute);
    }

    TrainingStep.Outcome step(StepBatch batch) {
      return step.run(batch, micro -> adapter.training(new RandomKey(0, micro)), optimiser, 1e-3);
    }

    Map<String, Tensor> parameters() {
      Map<String, Tensor> copies = new LinkedHashMap<>();
      adapter
          .parameters()
          .forEach((name, parameter) -> {
            Tensor copy = Tensor.zerosOnHost(parameter.value().dtype(), parameter.value().shape());
            device.copyToHost(copy, parameter.value());
            copies.put(name, copy);
          });
      return copies;
    }

    @Override
    public void close() {
      optimiser.close();
      adapter.close();
      model.close();
    }
  }

  private static StepBatch batch(PaddedInputs inputs, int parts) {
    List<MicroBatch.Sequence> rows = new ArrayList<>();
    for (int b = 0; b < inputs.rows(); b++) {
      boolean[] supervised = new boolean[inputs.width()];
      for (int s = 0; s < supervised.length; s++) {
        supervised[s] = inputs.labels()[b][s] >= 0;
      }
      rows.add(new MicroBatch.Sequence(b, new Example(inputs.ids()[b], supervised, "row " + b)));
    }
    return parts == 1
        ? new StepBatch(List.of(new MicroBatch(rows)))
        : new StepBatch(rows.stream().map(row -> new MicroBatch(List.of(row))).toList());
  }
}
