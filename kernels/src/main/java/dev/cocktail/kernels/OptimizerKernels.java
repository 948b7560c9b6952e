package dev.cocktail.kernels;

import dev.cocktail.tensor.AdamW;
import dev.cocktail.tensor.Tensor;
import java.util.List;

/** TODO. */
final class OptimizerKernels {
  private final CudaContext cuda;

  OptimizerKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void gradientNorm(Tensor norm, Tensor scale, List<Tensor> gradients, double maxNorm) {
    throw new UnsupportedOperationException("gradientNorm on " + cuda.info().name());
  }

  void adamW(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<Tensor> firstMoments,
      List<Tensor> secondMoments,
      Tensor scale,
      AdamW step) {
    throw new UnsupportedOperationException("adamW on " + cuda.info().name());
  }
}
