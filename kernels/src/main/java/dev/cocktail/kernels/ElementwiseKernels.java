package dev.cocktail.kernels;

import static dev.cocktail.kernels.CudaContext.suffix;

import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import java.lang.foreign.ValueLayout;

/** Operations that take elements one by one: fill, conversions, sums, quotients. */
final class ElementwiseKernels {
  private static final String FILE = "elementwise";

  /** Elements of a pack of {@link #cast}: 16 bytes of the narrower type at least. */
  private static final int CAST_PACK = 8;

  private final CudaContext cuda;

  ElementwiseKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void fill(Tensor out, double value) {
    int bytes = out.dtype().bytes();
    long bits = bits(out.dtype(), value);
    launch("fill_b" + 8 * bytes, out, Grids.packOf(bytes), new KernelArguments().pointer(out).int64(bits), out);
  }

  /** The bits of a value rounded to a type. */
  private static long bits(DType dtype, double value) {
    Tensor element = Tensor.zerosOnHost(dtype, Shape.of(1));
    element.set(0, value);
    return switch (dtype.bytes()) {
      case 2 -> element.segment().get(ValueLayout.JAVA_SHORT, 0);
      case 4 -> element.segment().get(ValueLayout.JAVA_INT, 0);
      default -> element.segment().get(ValueLayout.JAVA_LONG, 0);
    };
  }

  void cast(Tensor out, Tensor in) {
    if (out.dtype() != in.dtype()) {
      String kernel = "cast_" + suffix(in.dtype()) + "_" + suffix(out.dtype());
      launch(kernel, out, CAST_PACK, new KernelArguments().pointer(out).pointer(in), out, in);
    } else if (out.byteSize() > 0) {
      cuda.driver().copyOnGpu(out.address(), in.address(), out.byteSize(), cuda.stream());
    }
  }

  void addScaled(Tensor out, Tensor a, Tensor b, double scale) {
    var arguments = new KernelArguments().pointer(out).pointer(a).pointer(b).float32(scale);
    launch("add_scaled_" + suffix(out.dtype()), out, Grids.packOf(out.dtype().bytes()), arguments, out, a, b);
  }

  void scale(Tensor x, double scale) {
    var arguments = new KernelArguments().pointer(x).float32(scale);
    launch("scale_" + suffix(x.dtype()), x, Grids.packOf(x.dtype().bytes()), arguments, x);
  }

  void divide(Tensor out, boolean accumulate, Tensor a, Tensor b) {
    var arguments = new KernelArguments().pointer(out).int32(accumulate ? 1 : 0).pointer(a).pointer(b);
    launch("divide_f32", out, Grids.packOf(Float.BYTES), arguments, out, a, b);
  }

  /**
   * Issues a kernel over the elements of {@code out}; its last arguments are the number of whole packs, 0 where one of
   * the tensors is not aligned for them, and the number of elements.
   */
  private void launch(String kernel, Tensor out, int pack, KernelArguments arguments, Tensor... tensors) {
    long count = out.elements();
    if (count == 0) {
      return;
    }
    long packs = Grids.aligned(tensors) ? count / pack : 0;
    long items = packs > 0 ? packs : count;
    cuda.launch(FILE, kernel, Grids.striding(cuda.info(), items), arguments.int64(packs).int64(count));
  }
}
