package dev.cocktail.kernels;

import static dev.cocktail.kernels.CudaContext.suffix;

import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.tensor.Tensor;

/** The gated unit on fused projections, forward and backward. */
final class SwigluKernels {
  private static final String FILE = "swiglu";

  private final CudaContext cuda;

  SwigluKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void swiglu(Tensor out, Tensor gateUp) {
    launch("swiglu_", new KernelArguments().pointer(out).pointer(gateUp), out, gateUp);
  }

  void swigluBackward(Tensor dGateUp, Tensor dOut, Tensor gateUp) {
    var arguments = new KernelArguments().pointer(dGateUp).pointer(dOut).pointer(gateUp);
    launch("swiglu_backward_", arguments, dOut, dGateUp, gateUp);
  }

  /** Issues a kernel over rows of the width that {@code narrow}, out or dOut, has. */
  private void launch(String kernel, KernelArguments arguments, Tensor narrow, Tensor... wide) {
    if (narrow.elements() == 0) {
      return;
    }
    long rows = narrow.dim(0);
    long columns = narrow.dim(1);
    int pack = Grids.packOf(narrow.dtype().bytes());
    boolean packed = columns % pack == 0 && Grids.aligned(narrow) && Grids.aligned(wide);
    var grid = Grids.rows(cuda.info(), rows, packed ? columns / pack : columns);
    cuda.launch(
        FILE,
        kernel + suffix(narrow.dtype()),
        grid.launch(),
        arguments.int64(rows).int64(columns).int32(packed ? 1 : 0).int32(grid.shift()));
  }
}
