package dev.cocktail.transformer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Tape;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.transformer.testing.TestDevice;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** What a pass holds at its peak. */
class StepMemoryTest {
  private static final int TOKENS = 64;
  private static final int HIDDEN = 64;

  private static Phi3Config config(int layers) {
    return new Phi3Config(
        32,
        HIDDEN,
        128,
        layers,
        4,
        4,
        16,
        128,
        1e-5,
        RopeConfig.plain(16, 10000),
        OptionalInt.empty(),
        true,
        OptionalInt.empty(),
        List.of(),
        OptionalInt.empty());
  }

  private enum Mode {
    INFERENCE,
    STORED,
    RECOMPUTED
  }

  private static long peak(int layers, Mode mode) {
    try (Device device = TestDevice.CPU.open();
        Phi3Model model = Phi3Model.random(config(layers), device, DType.F32, 1);
        TensorArena arena = device.openArena("step")) {
      int[] ids = new int[TOKENS];
      TokenBatch batch = TokenBatch.pack(model.config(), device, arena, List.of(TokenSequence.supervised(ids, ids)));
      try (Tape tape = mode == Mode.INFERENCE ? Tape.inference(device, arena) : Tape.recording(device, arena)) {
        Variable hidden =
            model.forward(
                tape,
                batch,
                LinearTransform.BASE,
                (name, value) -> {
                  if (name.equals("inputs_embeds") && mode != Mode.INFERENCE) {
                    tape.keepGradient(value);
                  }
                },
                mode == Mode.RECOMPUTED);
        model.loss(tape, hidden, batch);
        if (mode != Mode.INFERENCE) {
          tape.backward();
        }
      }
      return arena.peakBytes();
    }
  }

  @Test
  void inferenceHoldsOneLayerHoweverManyThereAre() {
    assertThat(peak(12, Mode.INFERENCE)).isEqualTo(peak(2, Mode.INFERENCE));
  }

  @Test
  void recomputationKeepsOneHiddenStatePerLayer() {
    long perLayer = (peak(12, Mode.RECOMPUTED) - peak(4, Mode.RECOMPUTED)) / 8;
    assertThat(perLayer).isEqualTo((long) TOKENS * HIDDEN * Float.BYTES);
    assertThat(peak(12, Mode.STORED)).isGreaterThan(3 * peak(12, Mode.RECOMPUTED));
  }
}
