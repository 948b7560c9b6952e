package dev.cocktail.bench;

import dev.cocktail.tensor.AdamW;
import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Moment;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.transformer.Phi3Config;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Times the operations of a LoRA training step with a model's shapes. The floor of an operation that mostly moves
 * memory is its bytes, each read or written once, over the bandwidth of a large copy; that of one that mostly
 * multiplies is its arithmetic over the rate of a large matrix product. Both are measured first.
 */
final class OperationsReport {
  private static final int RANK = 16;
  private static final int WARM_UP = 2;

  /** On the host code is compiled while it runs: calls for so long come before the timed ones. */
  private static final double HOST_WARM_UP_SECONDS = 1;

  private final Device device;
  private final Ops ops;
  private final Phi3Config config;
  private final int tokens;
  private final int sequenceLength;
  private final int repetitions;
  private final String only;
  private final DType type;
  private final Moment before;
  private final Moment after;
  private Consumer<OperationTime> rows;
  private double copyRate;
  private double productRate;
  private int operations;

  OperationsReport(Device device, Phi3Config config, int tokens, int sequenceLength, int repetitions, String only) {
    this.device = device;
    this.ops = device.ops();
    this.config = config;
    this.tokens = tokens;
    this.sequenceLength = sequenceLength;
    this.repetitions = repetitions;
    this.only = only;
    this.type = device.activationType();
    this.before = device.openMoment();
    this.after = device.openMoment();
  }

  /** Measures and hands out one row an operation. */
  void run(Consumer<OperationTime> sink) {
    rows = sink;
    measureFloors();
    rowOperations();
    attention();
    products();
    outputLayer();
    optimiser();
  }

  /** How many operations were measured, besides the floors. */
  int operations() {
    return operations;
  }

  // Floors

  private void measureFloors() {
    boolean large = isAccelerator();
    long elements = large ? 1L << 30 : 1L << 25;
    try (TensorArena arena = device.openArena("copy")) {
      Tensor in = random(arena, type, elements);
      Tensor out = arena.allocate(type, elements);
      long bytes = 2 * elements * type.bytes();
      double seconds = seconds(() -> ops.cast(out, in));
      copyRate = bytes / seconds;
      rows.accept(new OperationTime("copy", seconds, bytes, 0, 1));
    }
    int n = large ? 8192 : 1024;
    try (TensorArena arena = device.openArena("product")) {
      Tensor a = random(arena, type, n, n);
      Tensor b = random(arena, type, n, n);
      Tensor c = arena.allocate(type, n, n);
      double seconds = seconds(() -> ops.gemm(c, 1, a, false, b, true, 0));
      productRate = 2.0 * n * n * n / seconds;
      rows.accept(new OperationTime("matrix product " + n, seconds, 0, 2.0 * n * n * n, 1));
    }
  }

  /** Whether the device has memory of its own. */
  private boolean isAccelerator() {
    return device.availableBytes() != Long.MAX_VALUE;
  }

  // Operations on rows

  private void rowOperations() {
    long t = tokens;
    int h = config.hiddenSize();
    int i = config.intermediateSize();
    long element = type.bytes();
    try (TensorArena arena = device.openArena("rows")) {
      Tensor x = random(arena, type, t, h);
      Tensor y = random(arena, type, t, h);
      Tensor sum = arena.allocate(type, t, h);
      Tensor out = arena.allocate(type, t, h);
      Tensor rstd = arena.allocate(DType.F32, t);
      Tensor weight = random(arena, type, h);
      memory("rmsNorm", 2 * t * h * element, () -> ops.rmsNorm(out, rstd, null, x, null, weight, 1e-5));
      memory("rmsNorm with residual", 4 * t * h * element, () -> ops.rmsNorm(out, rstd, sum, x, y, weight, 1e-5));
      memory(
          "rmsNormBackward, added",
          4 * t * h * element,
          () -> ops.rmsNormBackward(out, true, null, y, x, weight, rstd));
      memory("addScaled", 3 * t * h * element, () -> ops.addScaled(out, x, y, 1));
      memory("dropout", 2 * t * h * element, () -> ops.dropout(out, false, x, 0.1, new RandomKey(1, 2)));
      Tensor table = random(arena, type, config.vocabSize(), h);
      Tensor ids = ids(arena, config.vocabSize());
      memory("embedding", 2 * t * h * element, () -> ops.embedding(out, table, ids));
    }
    try (TensorArena arena = device.openArena("gates")) {
      Tensor gateUp = random(arena, type, t, 2L * i);
      Tensor dGateUp = arena.allocate(type, t, 2L * i);
      Tensor out = random(arena, type, t, i);
      memory("swiglu", 3 * t * i * element, () -> ops.swiglu(out, gateUp));
      memory("swigluBackward", 5 * t * i * element, () -> ops.swigluBackward(dGateUp, out, gateUp));
    }
  }

  // Attention

  private void attention() {
    int d = config.headDim();
    var shape = new AttentionShape(config.heads(), config.kvHeads(), d, 1 / Math.sqrt(d), AttentionShape.NO_WINDOW);
    long element = type.bytes();
    try (TensorArena arena = device.openArena("attention")) {
      Sequences packed =
          Sequences.ofLengths(device, arena, Collections.nCopies(tokens / sequenceLength, sequenceLength));
      Tensor qkv = random(arena, type, tokens, shape.qkvWidth());
      Tensor dQkv = arena.allocate(type, tokens, shape.qkvWidth());
      Tensor out = arena.allocate(type, tokens, shape.queryWidth());
      Tensor dOut = random(arena, type, tokens, shape.queryWidth());
      Tensor lse = arena.allocate(DType.F32, tokens, shape.heads());
      double pairs = 0.5 * sequenceLength * (sequenceLength + 1.0) * packed.count();
      double arithmetic = 4 * pairs * d * shape.heads();
      matrix("attention", arithmetic, () -> ops.attention(out, lse, qkv, packed, shape));
      matrix(
          "attentionBackward", 2.5 * arithmetic, () -> ops.attentionBackward(dQkv, dOut, out, lse, qkv, packed, shape));
      // A true rotation, so that turning the same rows again and again keeps their length.
      Tensor cos = arena.allocate(DType.F32, sequenceLength, d / 2);
      Tensor sin = arena.allocate(DType.F32, sequenceLength, d / 2);
      ops.fill(cos, Math.cos(1));
      ops.fill(sin, Math.sin(1));
      Tensor rows = ids(arena, sequenceLength);
      long rotated = 2L * tokens * (shape.queryWidth() + shape.kvWidth()) * element;
      memory("rope", rotated, () -> ops.rope(qkv, cos, sin, rows, shape, false));
    }
    try (TensorArena arena = device.openArena("decoding")) {
      int slots = 8;
      int length = sequenceLength;
      Tensor keys = random(arena, type, slots, length, shape.kvWidth());
      Tensor values = random(arena, type, slots, length, shape.kvWidth());
      Tensor qkv = random(arena, type, slots, shape.qkvWidth());
      Tensor out = arena.allocate(type, slots, shape.queryWidth());
      Tensor which = ints(arena, 0, 1, 2, 3, 4, 5, 6, 7);
      Tensor lengths = ints(arena, length, length, length, length, length, length, length, length);
      memory(
          "attentionDecode, 8 sequences",
          2L * slots * length * shape.kvWidth() * element,
          () -> ops.attentionDecode(out, qkv, keys, values, which, lengths, length, shape));
    }
  }

  // Matrix products

  private void products() {
    int h = config.hiddenSize();
    int i = config.intermediateSize();
    int qkv = (config.heads() + 2 * config.kvHeads()) * config.headDim();
    product("qkv", h, qkv);
    product("output projection", config.heads() * config.headDim(), h);
    product("gate and up", h, 2 * i);
    product("down", i, h);
  }

  /** The frozen linear module's product and its input's gradient, and those of the adapter beside it. */
  private void product(String name, int in, int out) {
    try (TensorArena arena = device.openArena(name)) {
      Tensor x = random(arena, type, tokens, in);
      Tensor w = random(arena, type, out, in);
      Tensor y = random(arena, type, tokens, out);
      double arithmetic = 2.0 * tokens * in * out;
      matrix(name, arithmetic, () -> ops.gemm(y, 1, x, false, w, true, 0));
      matrix(name + ", dX", arithmetic, () -> ops.gemm(x, 1, y, false, w, false, 0));
      Tensor a = random(arena, DType.F32, RANK, in);
      Tensor b = random(arena, DType.F32, out, RANK);
      Tensor u = arena.allocate(type, tokens, RANK);
      long element = type.bytes();
      memory(name + ", x A^T", (long) tokens * in * element, () -> ops.gemm(u, 1, x, false, a, true, 0));
      memory(name + ", y + u B^T", 2L * tokens * out * element, () -> ops.gemm(y, 2, u, false, b, true, 1));
      Tensor dA = arena.allocate(DType.F32, RANK, in);
      Tensor dB = arena.allocate(DType.F32, out, RANK);
      memory(name + ", dA", (long) tokens * in * element, () -> ops.gemm(dA, 1, u, true, x, false, 0));
      memory(name + ", dB", (long) tokens * out * element, () -> ops.gemm(dB, 1, y, true, u, false, 0));
    }
  }

  private void outputLayer() {
    int h = config.hiddenSize();
    try (TensorArena arena = device.openArena("output")) {
      Tensor hidden = random(arena, type, tokens, h);
      Tensor dHidden = arena.allocate(type, tokens, h);
      Tensor w = random(arena, type, config.vocabSize(), h);
      Tensor losses = arena.allocate(DType.F32, tokens);
      Tensor weights = random(arena, DType.F32, tokens);
      Tensor targets = ids(arena, config.vocabSize());
      double arithmetic = 4.0 * tokens * h * config.vocabSize();
      matrix(
          "crossEntropy with gradient",
          arithmetic,
          () -> ops.crossEntropy(losses, dHidden, null, hidden, w, targets, weights));
    }
  }

  private void optimiser() {
    int h = config.hiddenSize();
    try (TensorArena arena = device.openArena("optimiser")) {
      int count = 8 * config.layers();
      List<Tensor> values = random(arena, count, h);
      List<Tensor> gradients = random(arena, count, h);
      List<Tensor> first = random(arena, count, h);
      List<Tensor> second = random(arena, count, h);
      second.forEach(tensor -> ops.fill(tensor, 1));
      Tensor norm = arena.allocate(DType.F32, 1);
      Tensor scale = arena.allocate(DType.F32, 1);
      long bytes = 4L * count * RANK * h;
      memory("gradientNorm", bytes, () -> ops.gradientNorm(norm, scale, gradients, 1));
      var step = new AdamW(1e-9, 0.9, 0.999, 1e-8, 0.01, 10);
      memory("adamW", 7 * bytes, () -> ops.adamW(values, gradients, first, second, scale, step));
    }
  }

  // Measuring

  private void memory(String name, long bytes, Runnable operation) {
    if (name.contains(only)) {
      operations++;
      double seconds = seconds(operation);
      rows.accept(new OperationTime(name, seconds, bytes, 0, bytes / seconds / copyRate));
    }
  }

  private void matrix(String name, double arithmetic, Runnable operation) {
    if (name.contains(only)) {
      operations++;
      double seconds = seconds(operation);
      rows.accept(new OperationTime(name, seconds, 0, arithmetic, arithmetic / seconds / productRate));
    }
  }

  /** Median of the timed calls. */
  private double seconds(Runnable operation) {
    long start = System.nanoTime();
    double least = isAccelerator() ? 0 : HOST_WARM_UP_SECONDS;
    for (int i = 0; i < WARM_UP || System.nanoTime() - start < 1e9 * least; i++) {
      operation.run();
    }
    double[] seconds = new double[repetitions];
    for (int i = 0; i < repetitions; i++) {
      device.synchronize();
      before.mark();
      operation.run();
      after.mark();
      seconds[i] = Math.max(1, after.nanosSince(before)) / 1e9;
    }
    Arrays.sort(seconds);
    return seconds[repetitions / 2];
  }

  // Arguments

  private Tensor random(TensorArena arena, DType dtype, long... dims) {
    Tensor tensor = arena.allocate(dtype, dims);
    ops.normal(tensor, 0, 1, new RandomKey(7, tensor.elements()));
    return tensor;
  }

  private List<Tensor> random(TensorArena arena, int count, int width) {
    return IntStream.range(0, count).mapToObj(index -> random(arena, DType.F32, RANK, width)).toList();
  }

  /** One number below the limit for each token. */
  private Tensor ids(TensorArena arena, int limit) {
    int[] ids = new int[tokens];
    Arrays.setAll(ids, t -> (int) ((t * 2654435761L) % limit));
    return ints(arena, ids);
  }

  private Tensor ints(TensorArena arena, int... values) {
    Tensor tensor = arena.allocate(DType.I32, values.length);
    device.copyFromHost(tensor, Tensor.ofInts(values));
    return tensor;
  }
}
