package dev.cocktail.bench;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * A matrix product that a training step or generation asks for: {@code C[m,n] = op(A) op(B) + beta C}, A F32.
 *
 * @param name what it is in the step
 * @param transposeA whether A is stored [k,m]
 * @param typeB element type of B
 * @param transposeB whether B is stored [n,k]
 */
record GemmCase(String name, int m, int n, int k, boolean transposeA, DType typeB, boolean transposeB, double beta) {
  private static final int ROWS_CHECKED = 19;
  private static final int COLUMNS_CHECKED = 41;

  /** Large squares, the products of a 512-token step of the small preset with LoRA of rank 16, and of generation. */
  static List<GemmCase> all() {
    return List.of(
        new GemmCase("square", 1536, 1536, 1536, false, DType.F32, false, 0),
        new GemmCase("qkv", 512, 1536, 512, false, DType.F32, true, 0),
        new GemmCase("qkv bf16", 512, 1536, 512, false, DType.BF16, true, 0),
        new GemmCase("output", 512, 512, 512, false, DType.F32, true, 0),
        new GemmCase("gate and up", 512, 2816, 512, false, DType.F32, true, 0),
        new GemmCase("gate and up bf16", 512, 2816, 512, false, DType.BF16, true, 0),
        new GemmCase("down", 512, 512, 1408, false, DType.F32, true, 0),
        new GemmCase("qkv dX", 512, 512, 1536, false, DType.F32, false, 0),
        new GemmCase("gate and up dX", 512, 512, 2816, false, DType.F32, false, 0),
        new GemmCase("down dX", 512, 1408, 512, false, DType.F32, false, 0),
        new GemmCase("down dX bf16", 512, 1408, 512, false, DType.BF16, false, 0),
        new GemmCase("lm head", 512, 32064, 512, false, DType.F32, true, 0),
        new GemmCase("lora x A^T", 512, 16, 512, false, DType.F32, true, 0),
        new GemmCase("lora u B^T", 512, 1536, 16, false, DType.F32, true, 1),
        new GemmCase("lora dB", 1536, 16, 512, true, DType.F32, false, 1),
        new GemmCase("lora dA", 16, 512, 512, true, DType.F32, false, 1),
        new GemmCase("token bf16", 1, 8192, 3072, false, DType.BF16, true, 0),
        new GemmCase("token f32", 1, 8192, 3072, false, DType.F32, true, 0),
        new GemmCase("token f16", 1, 8192, 3072, false, DType.F16, true, 0),
        new GemmCase("8 tokens bf16", 8, 8192, 3072, false, DType.BF16, true, 0));
  }

  /** The case of a name. */
  static GemmCase of(String name) {
    return all().stream()
        .filter(shape -> shape.name.equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("product " + name + " is not one of the benchmark's"));
  }

  /** Floating-point operations of one product. */
  double operations() {
    return 2.0 * m * n * k;
  }

  /** Bytes of the three matrices, C counted twice where it is read too. */
  double bytes() {
    return 4.0 * m * k + (double) typeB.bytes() * n * k + 4.0 * m * n * (beta == 0 ? 1 : 2);
  }

  /** The case's matrices, normally distributed, ready to multiply. */
  Product on(Device device, TensorArena arena) {
    Tensor a = arena.allocate(DType.F32, transposeA ? k : m, transposeA ? m : k);
    Tensor b = arena.allocate(typeB, transposeB ? n : k, transposeB ? k : n);
    Tensor c = arena.allocate(DType.F32, m, n);
    fill(a, 1);
    fill(b, 2);
    fill(c, 3);
    return new Product(this, device, a, b, c);
  }

  private static void fill(Tensor tensor, long stream) {
    var random = new java.util.SplittableRandom(new RandomKey(42, stream).derive(tensor.elements()).stream());
    for (long i = 0; i < tensor.elements(); i++) {
      tensor.set(i, 2 * random.nextDouble() - 1);
    }
  }

  /** So many numbers below {@code size}, or all, from the first to the last, at every place of a tile. */
  private static int[] spread(int size, int count) {
    return IntStream.range(0, Math.min(count, size))
        .map(i -> (int) ((long) i * (size - 1) / Math.max(1, Math.min(count, size) - 1)))
        .toArray();
  }

  /** The matrices of a case on a device. */
  record Product(GemmCase shape, Device device, Tensor a, Tensor b, Tensor c) {
    void multiply() {
      device.ops().gemm(c, 1, a, shape.transposeA, b, shape.transposeB, shape.beta);
    }

    /** Requires that the product is right. */
    void verify() {
      verify(this::multiply, c::toFloats);
    }

    /**
     * Requires that a library's product is right: compares elements of a grid with double precision; a sum of k
     * products errs by k epsilon sum |a b|.
     *
     * @param multiply computes the product once, on a C equal to this one's as it is now
     * @param result C [m,n] after it, row by row
     */
    void verify(Runnable multiply, Supplier<float[]> result) {
      float[] before = c.toFloats();
      multiply.run();
      float[] after = result.get();
      for (int i : spread(shape.m, ROWS_CHECKED)) {
        for (int j : spread(shape.n, COLUMNS_CHECKED)) {
          double sum = shape.beta * before[i * shape.n + j];
          double magnitude = Math.abs(sum);
          for (int l = 0; l < shape.k; l++) {
            double product =
                a.get(shape.transposeA ? (long) l * shape.m + i : (long) i * shape.k + l)
                    * b.get(shape.transposeB ? (long) j * shape.k + l : (long) l * shape.n + j);
            sum += product;
            magnitude += Math.abs(product);
          }
          float actual = after[i * shape.n + j];
          if (!(Math.abs(actual - sum) <= 0x1p-24 * (shape.k + 4) * magnitude)) {
            throw new IllegalStateException(
                shape + " is wrong at " + i + ", " + j + ": " + actual + " instead of " + sum);
          }
        }
      }
    }
  }
}
