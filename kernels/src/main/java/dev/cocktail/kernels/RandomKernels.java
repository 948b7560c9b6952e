package dev.cocktail.kernels;

import static dev.cocktail.kernels.CudaContext.suffix;

import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Tensor;

/** Operations that draw random numbers: the same words as on every other device. */
final class RandomKernels {
  private static final String FILE = "random";

  /** Elements that share a block of words. */
  private static final int GROUP = 4;

  private final CudaContext cuda;

  RandomKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void dropout(Tensor out, boolean accumulate, Tensor in, double p, RandomKey key) {
    long count = out.elements();
    if (count == 0) {
      return;
    }
    int pack = Grids.packOf(out.dtype().bytes());
    long packs = Grids.aligned(out, in) ? count / pack : 0;
    // The upper 24 bits of a word are an integer: compared with p 2^24 it may as well be compared with the next
    // integer.
    int threshold = (int) Math.ceil(p * 0x1p24);
    cuda.launch(
        FILE,
        "dropout_" + suffix(out.dtype()),
        Grids.striding(cuda.info(), packs > 0 ? packs : Grids.ceilDiv(count, GROUP)),
        new KernelArguments()
            .pointer(out)
            .int32(accumulate ? 1 : 0)
            .pointer(in)
            .int32(threshold)
            .float32(1 / (1 - p))
            .int64(key.seed())
            .int64(key.stream())
            .int64(packs)
            .int64(count));
  }

  void uniform(Tensor out, double low, double high, RandomKey key) {
    draw("uniform", out, low, high - low, key);
  }

  void normal(Tensor out, double mean, double std, RandomKey key) {
    draw("normal", out, mean, std, key);
  }

  private void draw(String distribution, Tensor out, double first, double second, RandomKey key) {
    long count = out.elements();
    if (count == 0) {
      return;
    }
    cuda.launch(
        FILE,
        distribution + "_" + suffix(out.dtype()),
        Grids.striding(cuda.info(), Grids.ceilDiv(count, GROUP)),
        new KernelArguments()
            .pointer(out)
            .float64(first)
            .float64(second)
            .int64(key.seed())
            .int64(key.stream())
            .int64(count));
  }
}
