package dev.cocktail.kernels;

import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Tensor;

/** TODO. */
final class RandomKernels {
  private final CudaContext cuda;

  RandomKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void dropout(Tensor out, boolean accumulate, Tensor in, double p, RandomKey key) {
    throw new UnsupportedOperationException("dropout on " + cuda.info().name());
  }

  void uniform(Tensor out, double low, double high, RandomKey key) {
    throw new UnsupportedOperationException("uniform on " + cuda.info().name());
  }

  void normal(Tensor out, double mean, double std, RandomKey key) {
    throw new UnsupportedOperationException("normal on " + cuda.info().name());
  }
}
