package dev.cocktail.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * Operations whose kernels move packs of 16 bytes must do the same, bit for bit, on tensors that begin in the middle of
 * one, as rows of other tensors may; and on more elements than their grids have threads.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class SlicesContract implements CudaSetting {
  /** Rows and columns: packs of every type fit a row, and 4 multiprocessors' threads stride more than once. */
  private static final int T = 331;

  private static final int H = 208;
  private static final RandomKey KEY = new RandomKey(5, 6);

  /** An operation on tensors that the setting makes. */
  private interface Case {
    void run(Ops ops, Setting setting);
  }

  private record Named(String name, Case operation) {
    @Override
    public String toString() {
      return name;
    }
  }

  static final List<Named> CASES =
      List.of(
          new Named("fill", (ops, x) -> ops.fill(x.out(T, H), 1.0 / 3)),
          new Named("fill F16", (ops, x) -> ops.fill(x.out(DType.F16, T, H), -7)),
          new Named("cast to F32", (ops, x) -> ops.cast(x.out(DType.F32, T, H), x.of(DType.F16, T, H))),
          new Named("cast to BF16", (ops, x) -> ops.cast(x.out(DType.BF16, T, H), x.of(DType.F16, T, H))),
          new Named("cast to F16", (ops, x) -> ops.cast(x.out(DType.F16, T, H), x.of(DType.F32, T, H))),
          new Named("addScaled", (ops, x) -> ops.addScaled(x.out(T, H), x.of(T, H), x.of(T, H), 0.3)),
          new Named("scale", (ops, x) -> ops.scale(x.inOut(T, H), 0.3)),
          new Named(
              "divide",
              (ops, x) -> ops.divide(x.out(DType.F32, T, H), false, x.of(DType.F32, T, H), x.of(DType.F32, T, H))),
          new Named("dropout", (ops, x) -> ops.dropout(x.out(T, H), false, x.of(T, H), 0.3, KEY)),
          new Named("dropout, adding", (ops, x) -> ops.dropout(x.inOut(T, H), true, x.of(T, H), 0.3, KEY)),
          new Named("uniform", (ops, x) -> ops.uniform(x.out(T, H), -1, 2, KEY)),
          new Named("normal", (ops, x) -> ops.normal(x.out(T, H), -1, 2, KEY)),
          new Named("scaleColumns", (ops, x) -> ops.scaleColumns(x.out(T, H), x.of(T, H), x.of(DType.F32, H))),
          new Named(
              "scaleColumnsBackward",
              (ops, x) ->
                  ops.scaleColumnsBackward(x.inOut(T, H), true, null, x.of(T, H), x.of(T, H), x.of(DType.F32, H))),
          new Named("gatherRows", (ops, x) -> ops.gatherRows(x.out(T, H), x.of(7, H), x.indices(T, 7))),
          new Named("embedding", (ops, x) -> ops.embedding(x.out(T, H), x.of(DType.F16, 7, H), x.indices(T, 7))),
          new Named(
              "embeddingBackward",
              (ops, x) -> ops.embeddingBackward(x.inOut(DType.F32, 7, H), x.of(T, H), x.indices(T, 7))),
          new Named("argmax", (ops, x) -> ops.argmax(x.out(DType.I32, T), x.of(T, H))),
          new Named("argmax of F64", (ops, x) -> ops.argmax(x.out(DType.I32, T), x.of(DType.F64, T, H))),
          new Named("swiglu", (ops, x) -> ops.swiglu(x.out(T, H), x.of(T, 2 * H))),
          new Named("swigluBackward", (ops, x) -> ops.swigluBackward(x.out(T, 2 * H), x.of(T, H), x.of(T, 2 * H))),
          new Named(
              "rope",
              (ops, x) -> {
                var shape = new AttentionShape(9, 3, 24, 1, AttentionShape.NO_WINDOW);
                ops.rope(
                    x.inOut(T, shape.qkvWidth()),
                    x.of(DType.F32, 5, 8),
                    x.of(DType.F32, 5, 8),
                    x.indices(T, 5),
                    shape,
                    false);
              }));

  /** Makes tensors that begin so many elements behind an aligned address, their contents the same for any such. */
  private static final class Setting {
    private final CudaDevice device;
    private final TensorArena arena;
    private final DType activation;
    private final int offset;
    private final List<Tensor> results = new ArrayList<>();
    private int made;

    Setting(CudaDevice device, TensorArena arena, int offset) {
      this.device = device;
      this.arena = arena;
      this.activation = device.activationType();
      this.offset = offset;
    }

    private Tensor slice(DType dtype, long... dims) {
      long elements = Shape.of(dims).elements();
      return arena.allocate(dtype, offset + elements).rows(offset, elements).reshape(dims);
    }

    Tensor of(long... dims) {
      return of(activation, dims);
    }

    Tensor of(DType dtype, long... dims) {
      Tensor tensor = slice(dtype, dims);
      Tensor host = Tensor.zerosOnHost(dtype, tensor.shape());
      var random = new java.util.Random(made++);
      for (long i = 0; i < host.elements(); i++) {
        host.set(i, random.nextGaussian());
      }
      device.copyFromHost(tensor, host);
      return tensor;
    }

    Tensor inOut(long... dims) {
      return inOut(activation, dims);
    }

    Tensor inOut(DType dtype, long... dims) {
      results.add(of(dtype, dims));
      return results.getLast();
    }

    Tensor out(long... dims) {
      return out(activation, dims);
    }

    Tensor out(DType dtype, long... dims) {
      results.add(slice(dtype, dims));
      return results.getLast();
    }

    Tensor indices(int count, int limit) {
      Tensor tensor = slice(DType.I32, count);
      device.copyFromHost(tensor, Tensor.ofInts(new java.util.Random(made++).ints(count, 0, limit).toArray()));
      return tensor;
    }

    List<byte[]> bytes() {
      List<byte[]> bytes = new ArrayList<>();
      for (Tensor result : results) {
        Tensor host = Tensor.zerosOnHost(result.dtype(), result.shape());
        device.copyToHost(host, result);
        bytes.add(host.segment().toArray(ValueLayout.JAVA_BYTE));
      }
      return bytes;
    }
  }

  private CudaDevice wide;
  private CudaDevice narrow;

  @BeforeAll
  void openDevices() {
    wide = open(DType.F32);
    narrow = open(DType.BF16);
  }

  @AfterAll
  void closeDevices() {
    wide.close();
    narrow.close();
  }

  @ParameterizedTest
  @FieldSource("CASES")
  void anUnalignedTensorChangesNoBit(Named named) {
    for (CudaDevice device : List.of(wide, narrow)) {
      List<byte[]> aligned = run(device, named.operation, 0);
      assertThat(aligned).hasSize(1);
      assertThat(run(device, named.operation, 1).getFirst())
          .as("%s, one element off, activations %s", named, device.activationType())
          .isEqualTo(aligned.getFirst());
    }
  }

  private static List<byte[]> run(CudaDevice device, Case operation, int offset) {
    try (TensorArena arena = device.openArena("slices")) {
      var setting = new Setting(device, arena, offset);
      operation.run(device.ops(), setting);
      return setting.bytes();
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  void anIndexOutsideATableGivesNoNumber(DType activation) {
    CudaDevice device = activation == DType.F32 ? wide : narrow;
    try (TensorArena arena = device.openArena("outside")) {
      var setting = new Setting(device, arena, 0);
      Tensor table = setting.of(3, 8);
      Tensor rows = arena.allocate(DType.I32, 4);
      device.copyFromHost(rows, Tensor.ofInts(-1, 2, 3, Integer.MAX_VALUE));
      Tensor out = setting.out(4, 8);
      device.ops().gatherRows(out, table, rows);
      Tensor host = Tensor.zerosOnHost(activation, out.shape());
      device.copyToHost(host, out);
      for (int i = 0; i < 32; i++) {
        assertThat(Double.isNaN(host.get(i))).as("element %d", i).isEqualTo(i / 8 != 1);
      }
      Tensor gradient = setting.inOut(DType.F32, 3, 8);
      byte[] before = setting.bytes().getLast();
      device.ops().embeddingBackward(gradient, setting.of(4, 8), rows);
      byte[] after = setting.bytes().getLast();
      for (int i = 0; i < 4 * 16; i++) {
        assertThat(after[i]).as("byte %d of rows without a gradient", i).isEqualTo(before[i]);
      }
      assertThat(after).isNotEqualTo(before);
    }
  }
}
