package dev.cocktail.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.tensor.testing.ReferenceDevice;
import dev.cocktail.transformer.LinearModule;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * One adapted projection in double precision against its formula written out, and its gradients against differences.
 */
class LoraModuleTest {
  private static final int TOKENS = 5;
  private static final int IN = 7;
  private static final int OUT = 6;
  private static final int RANK = 3;
  private static final RandomKey KEY = new RandomKey(5, 6);

  @ParameterizedTest
  @CsvSource({"false, 0", "true, 0", "false, 0.4", "true, 0.4"})
  void formulaAndGradients(boolean dora, double dropout) {
    try (ReferenceDevice device = new ReferenceDevice();
        TensorArena arena = device.openArena("test")) {
      Tensor w = normal(device, arena, 1, OUT, IN);
      LinearModule module = new LinearModule("model.layers.0.mlp.down_proj", 0, Variable.frozen(w), IN, OUT);
      AdapterConfig config = AdapterConfig.lora(RANK, 2, TargetModules.allLinear()).withDora(dora);
      LoraModule adapter = LoraModule.allocate(device, arena, config, module, true);
      adapter.initialise(device, config, module, KEY);
      device.ops().normal(adapter.b().value(), 0, 0.5, new RandomKey(2, 2));
      if (dora) {
        device.ops().uniform(adapter.magnitude().value(), 0.5, 2, new RandomKey(3, 3));
      }
      Variable x = Variable.parameter(normal(device, arena, 4, TOKENS, IN), zeros(device, arena, TOKENS, IN));
      Tensor weights = normal(device, arena, 7, TOKENS, OUT);
      double[] norm = norms(w, adapter, config);

      try (Tape tape = Tape.recording(device, arena)) {
        Variable y = adapter.applyDropping(tape, module, x, dropout, KEY);
        Tensor expected = formula(device, arena, w, adapter, config, x.value(), dropout, norm);
        for (long i = 0; i < expected.elements(); i++) {
          assertThat(y.value().get(i)).isCloseTo(expected.get(i), within(1e-12));
        }
        tape.seed(y, weights);
        tape.backward();
      }

      List<Variable> parameters =
          dora ? List.of(adapter.a(), adapter.b(), adapter.magnitude(), x) : List.of(adapter.a(), adapter.b(), x);
      for (Variable parameter : parameters) {
        for (long i = 0; i < parameter.value().elements(); i++) {
          double step = 1e-5;
          double value = parameter.value().get(i);
          parameter.value().set(i, value + step);
          double above = loss(formula(device, arena, w, adapter, config, x.value(), dropout, norm), weights);
          parameter.value().set(i, value - step);
          double below = loss(formula(device, arena, w, adapter, config, x.value(), dropout, norm), weights);
          parameter.value().set(i, value);
          // The function is at most quadratic in one number, so only rounding parts the difference from the derivative.
          assertThat(parameter.gradient().get(i)).isCloseTo((above - below) / (2 * step), within(1e-9));
        }
      }
    }
  }

  /** As PEFT computes it: base(x) + (m/n - 1) base(x') + m/n s B A x', where the norm n is held constant. */
  private static Tensor formula(
      ReferenceDevice device,
      TensorArena arena,
      Tensor w,
      LoraModule adapter,
      AdapterConfig config,
      Tensor x,
      double dropout,
      double[] norm) {
    Tensor dropped = x;
    if (dropout > 0) {
      dropped = arena.allocate(DType.F64, x.shape());
      device.ops().dropout(dropped, false, x, dropout, KEY);
    }
    Tensor y = arena.allocate(DType.F64, TOKENS, OUT);
    double scale = config.scaleOf("any");
    for (int t = 0; t < TOKENS; t++) {
      for (int n = 0; n < OUT; n++) {
        double base = 0;
        double baseDropped = 0;
        double change = 0;
        for (int k = 0; k < IN; k++) {
          base += w.get((long) n * IN + k) * x.get((long) t * IN + k);
          baseDropped += w.get((long) n * IN + k) * dropped.get((long) t * IN + k);
          for (int r = 0; r < RANK; r++) {
            change +=
                adapter.b().value().get((long) n * RANK + r)
                    * adapter.a().value().get((long) r * IN + k)
                    * dropped.get((long) t * IN + k);
          }
        }
        double factor = adapter.magnitude() == null ? 1 : adapter.magnitude().value().get(n) / norm[n];
        y.set((long) t * OUT + n, base + (factor - 1) * baseDropped + factor * scale * change);
      }
    }
    return y;
  }

  private static double[] norms(Tensor w, LoraModule adapter, AdapterConfig config) {
    double[] norms = new double[OUT];
    for (int n = 0; n < OUT; n++) {
      double sum = 0;
      for (int k = 0; k < IN; k++) {
        double v = w.get((long) n * IN + k);
        for (int r = 0; r < RANK; r++) {
          v +=
              config.scaleOf("any")
                  * adapter.b().value().get((long) n * RANK + r)
                  * adapter.a().value().get((long) r * IN + k);
        }
        sum += v * v;
      }
      norms[n] = Math.sqrt(sum);
    }
    return norms;
  }

  private static double loss(Tensor y, Tensor weights) {
    double sum = 0;
    for (long i = 0; i < y.elements(); i++) {
      sum += y.get(i) * weights.get(i);
    }
    return sum;
  }

  private static Tensor normal(ReferenceDevice device, TensorArena arena, long seed, long... dims) {
    Tensor tensor = arena.allocate(DType.F64, Shape.of(dims));
    device.ops().normal(tensor, 0, 1, new RandomKey(seed, 0));
    return tensor;
  }

  private static Tensor zeros(ReferenceDevice device, TensorArena arena, long... dims) {
    Tensor tensor = arena.allocate(DType.F64, Shape.of(dims));
    device.ops().fill(tensor, 0);
    return tensor;
  }
}
