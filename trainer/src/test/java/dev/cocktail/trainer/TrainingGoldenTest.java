package dev.cocktail.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.trainer.data.Example;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.StepBatch;
import dev.cocktail.trainer.optimiser.AdamWOptimizer;
import dev.cocktail.trainer.optimiser.LearningRateSchedule;
import dev.cocktail.transformer.PaddedInputs;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.testing.Golden;
import dev.cocktail.transformer.testing.TestDevice;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whole training steps against PyTorch's: losses, norms and parameters after one, two and five steps of AdamW. */
class TrainingGoldenTest {
  /** Bounds that any correct F32 implementation meets, as the reference states them. */
  private static final double CHANGE_L2 = 1e-3;

  private static final double CHANGE_MAX = 1e-4;
  private static final double LOSS = 2e-6;
  private static final double NORM = 1e-5;
  private static final double RATE = 1e-3;
  private static final double DECAY = 0.01;
  private static final int STEPS = 5;

  @TempDir static Path temporary;

  /**
   * A way to train.
   *
   * @param log its key in {@code expected.json}, null where the reference has no log of it
   * @param error prefix of its keys among the reference's own errors
   */
  private record Recipe(
      String adapter, String file, String log, String error, double clip, boolean cosine, int[] saved) {
    IntToDoubleFunction rates() {
      var shape = cosine ? LearningRateSchedule.Shape.COSINE : LearningRateSchedule.Shape.CONSTANT;
      return new LearningRateSchedule(shape, RATE, cosine ? 2 : 0, STEPS);
    }

    @Override
    public String toString() {
      return file;
    }
  }

  private static final double NONE = Double.POSITIVE_INFINITY;
  private static final List<Recipe> LORA =
      List.of(
          new Recipe("adapter", "lora_adamw", "adamw", "adamw", NONE, false, new int[] {1, 5}),
          new Recipe("adapter", "lora_clipcos", "adamw_clip_cosine", "clipcos", 1.0, true, new int[] {2, 5}),
          new Recipe("adapter", "lora_clip0.1", "adamw_clip0.1", "clip0.1_", 0.1, false, new int[] {5}));
  private static final List<Recipe> KIN =
      List.of(
          new Recipe("adapter_rslora", "rslora_adamw", null, null, NONE, false, new int[] {5}),
          new Recipe("adapter_dora", "dora_adamw", null, null, NONE, false, new int[] {5}));

  static Stream<Arguments> cases() {
    var lora =
        Stream.of(
                "bundled",
                "phi3_gqa_tiny",
                "phi3_mini_tiny",
                "phi35_longrope_tiny/short_len12",
                "phi35_longrope_tiny/long_len40")
            .flatMap(name -> LORA.stream().map(recipe -> List.of(name, recipe)));
    var kin = KIN.stream().map(recipe -> List.of("phi3_mini_tiny", recipe));
    return Stream.concat(lora, kin)
        .flatMap(pair ->
            Stream.of(TestDevice.values())
                .flatMap(device ->
                    IntStream.of(1, 2).mapToObj(parts -> Arguments.of(pair.get(0), pair.get(1), device, parts))));
  }

  @ParameterizedTest(name = "{0} {1} on {2}, {3} micro-batches")
  @MethodSource("cases")
  void stepsMatch(String name, Recipe recipe, TestDevice kind, int parts) {
    Golden golden = GoldenAdapters.of(name, temporary);
    JsonNode expected = golden.json("expected.json");
    var settings = new AdamWOptimizer.Settings(0.9, 0.999, 1e-8, DECAY, recipe.clip());
    try (Device device = kind.open();
        Phi3Model model = Phi3Model.load(golden.model(), device);
        var adapter = LoraTrainable.load(model, golden.model().resolve(recipe.adapter()));
        var optimiser = new AdamWOptimizer(device, adapter.parameters(), settings)) {
      Map<String, Tensor> start = parameters(adapter);
      var step = new TrainingStep(model, 2, false);
      StepBatch batch = batch(golden.inputs(), parts);
      for (int s = 0; s <= STEPS; s++) {
        // The reference's log ends with the loss after the last step.
        double rate = s < STEPS ? recipe.rates().applyAsDouble(s) : 0;
        TrainingStep.Outcome outcome = step.run(batch, micro -> adapter.adapter(), optimiser, rate);
        checkLog(recipe, expected, kind, s, outcome, rate);
        int taken = s + 1;
        if (IntStream.of(recipe.saved()).anyMatch(saved -> saved == taken)) {
          checkParameters(golden, recipe, expected, kind, taken, start, parameters(adapter));
        }
      }
    }
  }

  private static void checkLog(
      Recipe recipe, JsonNode expected, TestDevice kind, int s, TrainingStep.Outcome outcome, double rate) {
    JsonNode log = recipe.log() == null ? null : expected.required(recipe.log());
    if (log == null) {
      if (s == 0) {
        String kin = recipe.adapter().replace("adapter_", "");
        double loss = expected.at("/extras/" + kin + "/loss_f64").doubleValue();
        assertThat(outcome.loss()).isCloseTo(loss, within(kind.tolerance(LOSS) * loss));
      }
      return;
    }
    double exact = log.required("losses_f64").required(s).doubleValue();
    assertThat(outcome.loss()).as("loss before step %d", s + 1).isCloseTo(exact, within(kind.tolerance(LOSS) * exact));
    if (s < STEPS) {
      JsonNode line = log.required("log").required(s);
      double norm = line.required("grad_norm_before_clip").doubleValue();
      assertThat(outcome.gradientNorm()).as("norm at step %d", s + 1).isCloseTo(norm, within(NORM * norm));
      assertThat(rate).isCloseTo(line.required("lr_used").doubleValue(), within(1e-18));
    }
  }

  /** In double precision we are as far from the reference's F32 numbers as the reference's own F64 numbers are. */
  private static void checkParameters(
      Golden golden,
      Recipe recipe,
      JsonNode expected,
      TestDevice kind,
      int taken,
      Map<String, Tensor> start,
      Map<String, Tensor> actual) {
    Map<String, Tensor> reference = golden.tensors(recipe.file() + "_step" + taken + ".safetensors");
    assertThat(actual.keySet()).isEqualTo(reference.keySet());
    double squares = 0;
    double change = 0;
    double max = 0;
    for (var entry : reference.entrySet()) {
      Tensor wanted = entry.getValue();
      Tensor found = actual.get(entry.getKey());
      Tensor before = start.get(entry.getKey());
      assertThat(found.elements()).isEqualTo(wanted.elements());
      for (long i = 0; i < wanted.elements(); i++) {
        double difference = Math.abs(found.get(i) - wanted.get(i));
        assertThat(difference).isNotNaN();
        squares += difference * difference;
        change += Math.pow(wanted.get(i) - before.get(i), 2);
        max = Math.max(max, difference);
      }
    }
    double relative = Math.sqrt(squares / change);
    JsonNode errors = expected.required("own_f32_error_[relL2,max/max]");
    String prefix = recipe.error() + taken;
    boolean tight = kind == TestDevice.REFERENCE && errors.has(prefix + "_delta_relL2_f32_vs_f64");
    double slack = 1.05; // The saved tensors are rounded to F32.
    assertThat(relative)
        .as("relative L2 of the change after step %d", taken)
        .isLessThanOrEqualTo(tight ? slack * errors.get(prefix + "_delta_relL2_f32_vs_f64").doubleValue() : CHANGE_L2);
    assertThat(max)
        .as("largest difference after step %d", taken)
        .isLessThanOrEqualTo(tight ? slack * errors.get(prefix + "_max_abs_f32_vs_f64").doubleValue() : CHANGE_MAX);
  }

  private static Map<String, Tensor> parameters(LoraTrainable adapter) {
    Map<String, Tensor> copies = new LinkedHashMap<>();
    adapter.parameters().forEach((name, parameter) -> copies.put(name, Golden.copy(parameter.value())));
    return copies;
  }

  /**
   * The reference's rows, padding and all: what follows a token cannot change it, and longrope in the reference goes by
   * the padded length.
   */
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
