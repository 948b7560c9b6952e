package dev.cocktail.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A sequence's attention has the same bits whatever lies beside it, packed or cached, and in every run. */
abstract class AttentionKernelsContract implements CudaSetting {
  private static final AttentionShape SHAPE = new AttentionShape(4, 2, 32, 0.2, 90);
  private static final int[] LENGTHS = {70, 1, 0, 131, 33};

  /** What forward and backward leave, each of a token's numbers behind each other. */
  private record Result(byte[] out, byte[] dQkv) {
    Result tokens(int from, int count, int tokens) {
      return new Result(part(out, from, count, tokens), part(dQkv, from, count, tokens));
    }

    void expectSame(Result other, String what) {
      assertThat(Arrays.equals(out, other.out)).as("out of %s", what).isTrue();
      assertThat(Arrays.equals(dQkv, other.dQkv)).as("dQkv of %s", what).isTrue();
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  void aPackedSequenceHasTheBitsItHasAlone(DType activation) {
    try (CudaDevice device = open(activation)) {
      int tokens = Arrays.stream(LENGTHS).sum();
      Tensor qkv = normal(activation, tokens, SHAPE.qkvWidth());
      Tensor dOut = normal(activation, tokens, SHAPE.queryWidth());
      Result packed = run(device, SHAPE, qkv, dOut, LENGTHS);
      packed.expectSame(run(device, SHAPE, qkv, dOut, LENGTHS), "a second run");
      int from = 0;
      for (int length : LENGTHS) {
        Result alone = run(device, SHAPE, qkv.rows(from, length), dOut.rows(from, length), length);
        alone.expectSame(packed.tokens(from, length, tokens), length + " tokens");
        from += length;
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  void aWindowAsLongAsTheSequenceIsNone(DType activation) {
    try (CudaDevice device = open(activation)) {
      Tensor qkv = normal(activation, 97, SHAPE.qkvWidth());
      Tensor dOut = normal(activation, 97, SHAPE.queryWidth());
      Result without = run(device, windowed(AttentionShape.NO_WINDOW), qkv, dOut, 97);
      run(device, windowed(97), qkv, dOut, 97).expectSame(without, "a window of 97");
      assertThat(run(device, windowed(96), qkv, dOut, 97).out).isNotEqualTo(without.out);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  void aDecodedSequenceHasTheBitsItHasAlone(DType activation) {
    int[] lengths = {1, 257, 90, 700};
    try (CudaDevice device = open(activation);
        TensorArena arena = device.openArena("cache")) {
      for (AttentionShape shape : List.of(SHAPE, windowed(AttentionShape.NO_WINDOW))) {
        Tensor keys = device.adopt(arena, normal(activation, lengths.length, 700, shape.kvWidth()));
        Tensor values = device.adopt(arena, normal(activation, lengths.length, 700, shape.kvWidth()));
        Tensor qkv = normal(activation, lengths.length, shape.qkvWidth());
        byte[] together = decode(device, shape, qkv, keys, values, new int[] {0, 1, 2, 3}, lengths, 700);
        for (int b = 0; b < lengths.length; b++) {
          int[] slot = {b};
          int[] length = {lengths[b]};
          byte[] alone = decode(device, shape, qkv.rows(b, 1), keys, values, slot, length, lengths[b]);
          assertThat(Arrays.equals(alone, part(together, b, 1, lengths.length)))
              .as("%d keys, %s", lengths[b], shape)
              .isTrue();
        }
      }
    }
  }

  private static AttentionShape windowed(int window) {
    return new AttentionShape(SHAPE.heads(), SHAPE.kvHeads(), SHAPE.headDim(), SHAPE.scale(), window);
  }

  private static Result run(CudaDevice device, AttentionShape shape, Tensor qkv, Tensor dOut, int... lengths) {
    try (TensorArena arena = device.openArena("attention")) {
      List<Integer> list = Arrays.stream(lengths).boxed().toList();
      Sequences sequences = Sequences.ofLengths(device, arena, list);
      Tensor x = device.adopt(arena, qkv);
      Tensor dY = device.adopt(arena, dOut);
      Tensor out = arena.allocate(dOut.dtype(), dOut.shape());
      Tensor lse = arena.allocate(DType.F32, sequences.tokens(), shape.heads());
      Tensor dX = arena.allocate(qkv.dtype(), qkv.shape());
      device.ops().attention(out, lse, x, sequences, shape);
      device.ops().attentionBackward(dX, dY, out, lse, x, sequences, shape);
      return new Result(bytes(device, out), bytes(device, dX));
    }
  }

  private static byte[] decode(
      CudaDevice device,
      AttentionShape shape,
      Tensor qkv,
      Tensor keys,
      Tensor values,
      int[] slots,
      int[] lengths,
      int longest) {
    try (TensorArena arena = device.openArena("decoding")) {
      Tensor out = arena.allocate(qkv.dtype(), lengths.length, shape.queryWidth());
      device
          .ops()
          .attentionDecode(
              out,
              device.adopt(arena, qkv),
              keys,
              values,
              device.adopt(arena, Tensor.ofInts(slots)),
              device.adopt(arena, Tensor.ofInts(lengths)),
              longest,
              shape);
      return bytes(device, out);
    }
  }

  private static Tensor normal(DType dtype, long... dims) {
    Tensor host = Tensor.zerosOnHost(dtype, Shape.of(dims));
    var random = new Random(Arrays.hashCode(dims));
    for (long i = 0; i < host.elements(); i++) {
      host.set(i, random.nextGaussian());
    }
    return host;
  }

  private static byte[] bytes(CudaDevice device, Tensor tensor) {
    Tensor host = Tensor.zerosOnHost(tensor.dtype(), tensor.shape());
    device.copyToHost(host, tensor);
    return host.segment().toArray(ValueLayout.JAVA_BYTE);
  }

  /** Rows of a tensor's bytes. */
  private static byte[] part(byte[] bytes, int from, int count, int rows) {
    int row = bytes.length / rows;
    return Arrays.copyOfRange(bytes, from * row, (from + count) * row);
  }
}
