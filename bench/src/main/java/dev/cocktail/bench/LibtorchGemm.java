package dev.cocktail.bench;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;

/**
 * Products by libtorch, through DJL, whose PyTorch engine must be on the class path. DJL has no way to give libtorch a
 * result to write to: every product allocates one, which a large one pays for in faults of its pages.
 */
final class LibtorchGemm implements GemmEngine {
  private final NDManager manager;
  private final NDArray a;
  private final NDArray b;

  LibtorchGemm(GemmCase.Product product, int threads) {
    GemmCase shape = product.shape();
    if (shape.beta() != 0 || shape.typeB() != DType.F32) {
      throw new IllegalArgumentException("libtorch is asked for C = A B in F32 only, not for " + shape.name());
    }
    // Read once, when the engine is loaded; every fork measures one number of threads.
    System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
    System.setProperty("ai.djl.pytorch.num_interop_threads", "1");
    manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    NDArray storedA = array(product.a());
    NDArray storedB = array(product.b());
    a = shape.transposeA() ? storedA.transpose() : storedA;
    b = shape.transposeB() ? storedB.transpose() : storedB;
    product.verify(this::multiply, () -> a.matMul(b).toFloatArray());
  }

  private NDArray array(Tensor tensor) {
    return manager.create(tensor.toFloats(), new Shape(tensor.dim(0), tensor.dim(1)));
  }

  /** Transposed operands are views, which libtorch hands on to its sgemm as such. */
  @Override
  public void multiply() {
    a.matMul(b).close();
  }

  @Override
  public void close() {
    manager.close();
  }
}
