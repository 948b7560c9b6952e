package dev.cocktail.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.testing.FiniteDifferences;
import dev.cocktail.tensor.testing.ReferenceDevice;
import dev.cocktail.tensor.testing.Values;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The tape's own rules: where gradients meet, what is freed when, what is refused. */
class TapeTest {
  private final Random random = new Random(11);
  private final ReferenceDevice device = new ReferenceDevice();
  private TensorArena weights;
  private TensorArena step;

  @BeforeEach
  void open() {
    weights = device.openArena("weights");
    step = device.openArena("step");
  }

  @AfterEach
  void close() {
    step.close();
    weights.close();
    device.close();
  }

  private Tensor normal(long... dims) {
    Tensor tensor = weights.allocate(DType.F64, dims);
    Values.write(tensor, Values.normal(random, tensor.elements()));
    return tensor;
  }

  private Variable parameter(long... dims) {
    Tensor value = normal(dims);
    Tensor gradient = weights.allocate(DType.F64, dims);
    device.ops().fill(gradient, 0);
    return Variable.parameter(value, gradient);
  }

  /** A computation of one result from parameters. */
  private interface Graph {
    Variable build(Tape tape);
  }

  /** Checks the gradients of {@code sum(seed * result)} and that the tape leaves nothing behind. */
  private void check(Graph graph, Tensor seed, Variable... parameters) {
    try (var tape = Tape.recording(device, step)) {
      tape.seed(graph.build(tape), seed);
      tape.backward();
    }
    assertThat(step.allocatedBytes()).isZero();
    for (Variable parameter : parameters) {
      FiniteDifferences.check(
          parameter.toString(),
          () -> {
            try (var tape = Tape.inference(device, step)) {
              return Values.dot(Values.read(seed), Values.read(graph.build(tape).value()));
            }
          },
          parameter.value(),
          Values.read(parameter.gradient()),
          random);
    }
    assertThat(step.allocatedBytes()).isZero();
  }

  @Test
  void gradientsMeetWhereAValueIsUsedSeveralTimes() {
    Variable x = parameter(3, 4);
    Variable w = parameter(4, 4);
    Variable v = parameter(4, 4);
    check(
        tape -> {
          Variable y = tape.linear(x, w);
          return tape.add(tape.add(tape.linear(y, v), y), tape.add(y, y));
        },
        normal(3, 4),
        x,
        w,
        v);
  }

  @Test
  void aValueThatIsStillNeededSurvivesAnOperationInPlace() {
    Variable x = parameter(3, 4);
    Variable w = parameter(4, 4);
    Variable factors = parameter(4);
    check(
        tape -> {
          Variable y = tape.linear(x, w);
          // The norm keeps y for its gradient, so scaling y must not destroy it.
          Variable norm = tape.rmsNorm(y, Variable.frozen(normalFrozen()), 0.1);
          return tape.add(norm, tape.scaleColumns(y, factors));
        },
        normal(3, 4),
        x,
        w,
        factors);
  }

  private Tensor frozen;

  private Tensor normalFrozen() {
    if (frozen == null) {
      frozen = normal(4);
    }
    return frozen;
  }

  @Test
  void factorsThatAreUsedTwiceGatherBothGradients() {
    Variable x = parameter(3, 4);
    Variable magnitude = parameter(4);
    Tensor denominator = normal(4);
    check(
        tape -> {
          Variable factors = tape.divide(magnitude, denominator);
          Variable y = tape.scaleColumns(tape.add(x, x), factors);
          return tape.scaleColumns(y, factors);
        },
        normal(3, 4),
        x,
        magnitude);
  }

  @Test
  void gatedUnitOfAValueThatWasUsedBefore() {
    Variable x = parameter(3, 4);
    Variable w = parameter(6, 4);
    Variable v = parameter(3, 6);
    check(
        tape -> {
          Variable y = tape.linear(x, w);
          Variable before = tape.linear(y, v);
          return tape.add(tape.swiglu(y), before);
        },
        normal(3, 3),
        x,
        w,
        v);
  }

  @Test
  void anOperationThatCannotAddToAGradientSaysSo() {
    Variable x = parameter(3, 4);
    Variable w = parameter(6, 4);
    Variable v = parameter(3, 6);
    Tensor seed = normal(3, 3);
    try (var tape = Tape.recording(device, step)) {
      Variable y = tape.linear(x, w);
      Variable gated = tape.swiglu(y);
      tape.seed(tape.add(gated, tape.linear(y, v)), seed);
      assertThatThrownBy(tape::backward).isInstanceOf(IllegalStateException.class).hasMessageContaining("several uses");
    }
  }

  @Test
  void seedsAdd() {
    Variable x = parameter(2, 3);
    Variable w = parameter(3, 3);
    Tensor first = normal(2, 3);
    Tensor second = normal(2, 3);
    try (var tape = Tape.recording(device, step)) {
      Variable y = tape.linear(x, w);
      tape.seed(y, first);
      tape.seed(y, second);
      tape.backward();
    }
    Tensor sum = normal(2, 3);
    device.ops().addScaled(sum, first, second, 1);
    Tensor expected = normal(2, 3);
    device.ops().gemm(expected, 1, sum, false, w.value(), false, 0);
    assertThat(Values.read(x.gradient())).containsExactly(Values.read(expected));
  }

  @Test
  void gradientsOfValuesAreKeptOnRequest() {
    Variable x = parameter(2, 3);
    Variable w = parameter(3, 3);
    Variable v = parameter(3, 3);
    Tensor seed = normal(2, 3);
    try (var tape = Tape.recording(device, step)) {
      Variable y = tape.linear(x, w);
      tape.keepGradient(y);
      Variable z = tape.linear(y, v);
      Variable forgotten = tape.linear(y, w);
      tape.seed(z, seed);
      tape.backward();
      Tensor expected = normal(2, 3);
      device.ops().gemm(expected, 1, seed, false, v.value(), false, 0);
      assertThat(Values.read(y.gradient())).containsExactly(Values.read(expected));
      assertThat(forgotten.gradient()).isNull();
    }
    assertThat(step.allocatedBytes()).isZero();
  }

  @Test
  void memoryOfAScopeIsFreedUnlessTheBackwardPassNeedsIt() {
    Variable x = parameter(64, 8);
    Variable w = Variable.frozen(normal(8, 8));
    long one = 64 * 8 * 8;
    try (var tape = Tape.inference(device, step)) {
      Variable y = tape.linear(x, w);
      Variable z = tape.scoped(y, h -> tape.linear(tape.linear(tape.linear(h, w), w), w));
      assertThat(step.allocatedBytes()).as("only the result").isEqualTo(one);
      assertThat(z.value().elements()).isEqualTo(64 * 8);
      assertThatThrownBy(y::value).as("the argument is consumed").isInstanceOf(IllegalStateException.class);
    }
    assertThat(step.allocatedBytes()).isZero();
    try (var tape = Tape.recording(device, step)) {
      tape.scoped(tape.linear(x, w), h -> tape.linear(tape.linear(tape.linear(h, w), w), w));
      assertThat(step.allocatedBytes()).as("linear layers of frozen weights keep nothing").isEqualTo(one);
    }
    assertThat(step.allocatedBytes()).isZero();
  }

  @Test
  void aCheckpointKeepsOnlyItsArgument() {
    Variable x = parameter(64, 8);
    Variable w = parameter(8, 8);
    Tensor seed = normal(64, 8);
    long stored = peak(x, w, seed, Tape::scoped);
    long recomputed = peak(x, w, seed, Tape::checkpoint);
    assertThat(recomputed).isLessThan(stored / 2);
  }

  private long peak(Variable x, Variable w, Tensor seed, TinyTransformer.Run run) {
    try (var arena = device.openArena("peak")) {
      try (var tape = Tape.recording(device, arena)) {
        Variable y = x;
        for (int layer = 0; layer < 8; layer++) {
          y = run.layer(tape, y, h -> tape.linear(tape.linear(tape.linear(tape.linear(h, w), w), w), w));
        }
        tape.seed(y, seed);
        tape.backward();
      }
      assertThat(arena.allocatedBytes()).isZero();
      return arena.peakBytes();
    }
  }

  @Test
  void theBackwardPassFreesAsItGoes() {
    Variable x = parameter(64, 8);
    Variable w = parameter(8, 8);
    try (var tape = Tape.recording(device, step)) {
      Variable y = x;
      for (int layer = 0; layer < 8; layer++) {
        y = tape.scoped(y, h -> tape.linear(h, w));
      }
      long forward = step.peakBytes();
      Tensor seed = normal(64, 8);
      tape.seed(y, seed);
      tape.backward();
      long one = 64 * 8 * 8;
      assertThat(step.peakBytes()).as("two gradients at a time on top").isLessThanOrEqualTo(forward + 2 * one);
      assertThat(step.allocatedBytes()).as("the result is left").isEqualTo(one);
    }
    assertThat(step.allocatedBytes()).isZero();
  }

  @Test
  void aTapeThatNeverWentBackLeavesNothingEither() {
    try (var model = new TinyTransformer(device, 1, true)) {
      for (TinyTransformer.Run run : new TinyTransformer.Run[] {Tape::scoped, Tape::checkpoint}) {
        try (var tape = Tape.recording(device, step)) {
          model.forward(tape, run);
        }
        assertThat(step.allocatedBytes()).isZero();
        try (var tape = Tape.recording(device, step)) {
          model.forward(tape, run);
          tape.backward();
        }
        assertThat(step.allocatedBytes()).isZero();
      }
    }
  }

  @Test
  void aBodyThatFailsLeavesNothing() {
    Variable x = parameter(2, 3);
    Variable w = parameter(3, 3);
    for (TinyTransformer.Run run : new TinyTransformer.Run[] {Tape::scoped, Tape::checkpoint}) {
      try (var tape = Tape.recording(device, step)) {
        Variable y = tape.linear(x, w);
        assertThatThrownBy(() ->
                run.layer(
                    tape,
                    y,
                    h -> {
                      tape.linear(h, w);
                      throw new IllegalStateException("as planned");
                    }))
            .hasMessage("as planned");
        assertThat(tape.isRecording()).isTrue();
      }
      assertThat(step.allocatedBytes()).isZero();
    }
  }

  @Test
  void misuseIsRefused() {
    Variable x = parameter(2, 4);
    Variable w = parameter(4, 4);
    Variable factors = parameter(4);
    try (var tape = Tape.inference(device, step)) {
      Variable y = tape.linear(x, w);
      tape.scaleColumns(y, factors);
      assertThatThrownBy(() -> tape.linear(y, w))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("consumed");
      assertThatThrownBy(tape::backward).isInstanceOf(IllegalStateException.class).hasMessageContaining("inference");
    }
    assertThatThrownBy(() -> Variable.parameter(x.value(), w.value())).isInstanceOf(IllegalArgumentException.class);
  }
}
