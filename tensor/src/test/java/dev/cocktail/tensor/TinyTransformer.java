package dev.cocktail.tensor;

import dev.cocktail.tensor.testing.Values;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A transformer of two layers with everything a {@link Tape} can do: embedding, norms with and without a residual,
 * linear layers, a pair of low-rank matrices behind dropout, column factors with a constant denominator, rotary
 * embedding, grouped attention, the gated unit, cross-entropy. The same numbers on every device.
 */
final class TinyTransformer implements AutoCloseable {
  static final int LAYERS = 2;
  static final int VOCABULARY = 11;
  private static final int WIDTH = 6;
  private static final int INNER = 5;
  private static final int RANK = 2;
  private static final double EPSILON = 0.01;
  private static final AttentionShape SHAPE = new AttentionShape(2, 1, 4, 0.6f, 3);
  private static final List<Integer> LENGTHS = List.of(4, 0, 1, 3);
  private static final int TOKENS = 8;

  final Device device;
  final TensorArena arena;

  /** By name: "embedding", "head", and what a layer has, such as "0.qkv". */
  final Map<String, Variable> parameters = new LinkedHashMap<>();

  final Tensor weights;
  private final List<Tensor> norms = new ArrayList<>();
  private final Tensor ids;
  private final Tensor targets;
  private final Tensor cos;
  private final Tensor sin;
  private final Tensor positions;
  private final Sequences sequences;
  private final Random random;
  private final boolean everythingTrains;

  /** How a layer is run: {@link Tape#scoped} or {@link Tape#checkpoint}. */
  interface Run {
    Variable layer(Tape tape, Variable x, java.util.function.UnaryOperator<Variable> body);
  }

  TinyTransformer(Device device, long seed, boolean everythingTrains) {
    this.device = device;
    this.arena = device.openArena("tiny transformer");
    this.random = new Random(seed);
    this.everythingTrains = everythingTrains;
    parameter("embedding", 1, false, VOCABULARY, WIDTH);
    parameter("norm", 1, false, WIDTH);
    parameter("head", 1, false, VOCABULARY, WIDTH);
    for (int layer = 0; layer < LAYERS; layer++) {
      parameter(layer + ".norm", 1, false, WIDTH);
      parameter(layer + ".qkv", 0.5, false, SHAPE.qkvWidth(), WIDTH);
      parameter(layer + ".a", 0.5, true, RANK, WIDTH);
      parameter(layer + ".b", 0.5, true, SHAPE.qkvWidth(), RANK);
      parameter(layer + ".magnitude", 1, true, SHAPE.qkvWidth());
      parameter(layer + ".out", 0.5, false, WIDTH, SHAPE.queryWidth());
      parameter(layer + ".norm2", 1, false, WIDTH);
      parameter(layer + ".gate_up", 0.5, false, 2 * INNER, WIDTH);
      parameter(layer + ".down", 0.5, false, WIDTH, INNER);
      Tensor norm = arena.allocate(device.parameterType(), SHAPE.qkvWidth());
      device.ops().adaptedRowNorm(norm, value(layer + ".qkv"), value(layer + ".b"), value(layer + ".a"), 0.7);
      norms.add(norm);
    }
    weights = upload(device.parameterType(), Values.normal(random, TOKENS), TOKENS);
    ids = ints(3, 0, 3, 7, 10, 1, 3, 2);
    targets = ints(0, 3, 7, -100, -1, 3, 2, 9);
    cos = upload(device.parameterType(), Values.normal(random, 8), 4, 2);
    sin = upload(device.parameterType(), Values.normal(random, 8), 4, 2);
    positions = ints(0, 1, 2, 3, 0, 0, 1, 2);
    sequences = Sequences.ofLengths(device, arena, LENGTHS);
  }

  private void parameter(String name, double scale, boolean adapter, long... dims) {
    double[] values = Values.normal(random, Shape.of(dims).elements());
    for (int i = 0; i < values.length; i++) {
      values[i] *= scale;
    }
    Tensor value = upload(device.parameterType(), values, dims);
    if (!adapter && !everythingTrains) {
      parameters.put(name, Variable.frozen(value));
      return;
    }
    Tensor gradient = arena.allocate(device.parameterType(), dims);
    device.ops().fill(gradient, 0);
    parameters.put(name, Variable.parameter(value, gradient));
  }

  private Tensor upload(DType dtype, double[] values, long... dims) {
    Tensor host = hostCopy(dtype, Shape.of(dims));
    Values.write(host, values);
    Tensor tensor = arena.allocate(dtype, dims);
    device.copyFromHost(tensor, host);
    return tensor;
  }

  private Tensor ints(int... values) {
    Tensor tensor = arena.allocate(DType.I32, values.length);
    device.copyFromHost(tensor, Tensor.ofInts(values));
    return tensor;
  }

  private static Tensor hostCopy(DType dtype, Shape shape) {
    return Tensor.onHost(dtype, shape, java.lang.foreign.Arena.ofAuto().allocate(shape.elements() * dtype.bytes(), 64));
  }

  double[] read(Tensor tensor) {
    Tensor host = hostCopy(tensor.dtype(), tensor.shape());
    device.copyToHost(host, tensor);
    return Values.read(host);
  }

  private Tensor value(String name) {
    return parameters.get(name).value();
  }

  /** The losses of all tokens. */
  Tensor forward(Tape tape, Run run) {
    Variable x = tape.embedding(parameters.get("embedding"), ids);
    for (int layer = 0; layer < LAYERS; layer++) {
      int number = layer;
      x = run.layer(tape, x, h -> layer(tape, number, h));
    }
    x = tape.rmsNorm(x, parameters.get("norm"), EPSILON);
    return tape.crossEntropy(x, parameters.get("head"), targets, weights);
  }

  private Variable layer(Tape tape, int number, Variable x) {
    Variable normed = tape.rmsNorm(x, of(number, "norm"), EPSILON);
    Variable qkv = tape.linear(normed, of(number, "qkv"));
    Variable dropped = tape.dropout(normed, 0.25, new RandomKey(5, number));
    qkv = tape.addLinear(qkv, tape.linear(dropped, of(number, "a")), of(number, "b"), 0.7);
    qkv = tape.scaleColumns(qkv, tape.divide(of(number, "magnitude"), norms.get(number)));
    qkv = tape.rope(qkv, cos, sin, positions, SHAPE);
    Variable out = tape.linear(tape.attention(qkv, sequences, SHAPE), of(number, "out"));
    var second = tape.addRmsNorm(x, out, of(number, "norm2"), EPSILON);
    Variable gated = tape.swiglu(tape.linear(second.normalised(), of(number, "gate_up")));
    return tape.add(second.sum(), tape.linear(gated, of(number, "down")));
  }

  private Variable of(int layer, String name) {
    return parameters.get(layer + "." + name);
  }

  /** The weighted loss, forward only. */
  double loss() {
    try (var step = device.openArena("loss");
        var tape = Tape.inference(device, step)) {
      return Values.dot(read(weights), read(forward(tape, Tape::scoped)));
    }
  }

  /** One pass forward and back; gradients are added to what is there. */
  double[] losses(Run run) {
    try (var step = device.openArena("step");
        var tape = Tape.recording(device, step)) {
      Tensor losses = forward(tape, run);
      tape.backward();
      return read(losses);
    }
  }

  Map<String, double[]> gradients() {
    Map<String, double[]> gradients = new LinkedHashMap<>();
    parameters.forEach((name, parameter) -> {
      if (parameter.isParameter()) {
        gradients.put(name, read(parameter.gradient()));
      }
    });
    return gradients;
  }

  @Override
  public void close() {
    arena.close();
  }
}
