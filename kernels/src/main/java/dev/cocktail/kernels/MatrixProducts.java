package dev.cocktail.kernels;

import dev.cocktail.kernels.blas.Blas;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;

/**
 * Matrix products of every pair of types over {@link Blas}, which multiplies operands of one type into that type or
 * F32. Operands of one type go there as they are. Where types differ and one operand is BF16 on a device whose
 * activations are, the other is rounded to BF16, as PyTorch's autocast does: adapters are F32 and small beside what
 * they meet. Any other pair is widened to F32. A result that the library does not write takes a detour over F32
 * scratch.
 */
final class MatrixProducts {
  /** Converted operands are held in scratch of about this many bytes at a time. */
  private static final long SCRATCH_BYTES = 256L << 20;

  private final CudaContext cuda;
  private final ElementwiseKernels elementwise;
  private final long scratchBytes;

  MatrixProducts(CudaContext cuda) {
    this(cuda, SCRATCH_BYTES);
  }

  /** Products that convert operands in blocks of at most so many bytes, or one row where a row is more. */
  MatrixProducts(CudaContext cuda, long scratchBytes) {
    this.cuda = cuda;
    this.elementwise = new ElementwiseKernels(cuda);
    this.scratchBytes = scratchBytes;
  }

  /** A matrix of a product; {@code stored} is [rows, columns] as it lies in memory. */
  private record Operand(Tensor stored, boolean isLeft, boolean transposed) {
    DType dtype() {
      return stored.dtype();
    }

    Operand with(Tensor converted) {
      return new Operand(converted, isLeft, transposed);
    }

    /** Whether a stored row is one of K, not a row or column of C. */
    boolean rowsAreInner() {
      return isLeft == transposed;
    }

    Blas.Matrix matrix() {
      return matrix(0);
    }

    /** The matrix from an element of K on. */
    Blas.Matrix matrix(long inner) {
      long stride = stored.dim(1);
      long offset = rowsAreInner() ? inner * stride : inner;
      return new Blas.Matrix(stored.address() + offset * dtype().bytes(), dtype(), stride, transposed);
    }
  }

  /** {@code C = alpha op(A) op(B) + beta C}; see {@link dev.cocktail.tensor.Ops#gemm}. */
  void gemm(Tensor c, double alpha, Tensor a, boolean transposeA, Tensor b, boolean transposeB, double beta) {
    requireFactor("a", a);
    requireFactor("b", b);
    if (c.elements() == 0) {
      return;
    }
    long inner = a.dim(transposeA ? 0 : 1);
    if (inner == 0) {
      scale(c, beta);
      return;
    }
    DType type = productType(a.dtype(), b.dtype());
    var left = new Operand(a, true, transposeA);
    var right = new Operand(b, false, transposeB);
    boolean inParts = inPartsOfK(left, type) || inPartsOfK(right, type);
    if (c.dtype() == DType.F32 || (c.dtype() == type && !inParts)) {
      multiply(c, alpha, left, right, beta, type);
      return;
    }
    try (TensorArena scratch = cuda.openScratch()) {
      Tensor wide = scratch.allocate(DType.F32, c.shape());
      if (beta != 0) {
        elementwise.cast(wide, c);
      }
      multiply(wide, alpha, left, right, beta, type);
      elementwise.cast(c, wide);
    }
  }

  private static void requireFactor(String name, Tensor x) {
    if (x.dtype() == DType.F64) {
      throw new IllegalArgumentException("gemm: " + name + " is " + x + ", expected F32, BF16 or F16");
    }
  }

  private void scale(Tensor c, double beta) {
    if (beta == 0) {
      elementwise.fill(c, 0);
    } else if (beta != 1) {
      elementwise.scale(c, beta);
    }
  }

  /** The type that operands of the two given types are multiplied in. */
  private DType productType(DType a, DType b) {
    if (a == b) {
      return a;
    }
    boolean narrow = cuda.activation() == DType.BF16 && (a == DType.BF16 || b == DType.BF16);
    return narrow ? DType.BF16 : DType.F32;
  }

  /** Whether an operand is converted in several blocks whose products add up. */
  private boolean inPartsOfK(Operand x, DType type) {
    return x.dtype() != type && x.rowsAreInner() && blockRows(x, type) < x.stored.dim(0);
  }

  /** How many rows of an operand are converted at once. */
  private long blockRows(Operand x, DType type) {
    return Math.clamp(scratchBytes / (x.stored.dim(1) * type.bytes()), 1, x.stored.dim(0));
  }

  private void multiply(Tensor c, double alpha, Operand left, Operand right, double beta, DType type) {
    if (left.dtype() == type && right.dtype() == type) {
      multiplyPart(c, 0, c.dim(0), c.dim(1), left.matrix(), right.matrix(), innerOf(left), alpha, beta);
    } else if (left.dtype() == type) {
      convertAndMultiply(c, alpha, right, left, beta, type);
    } else if (right.dtype() == type) {
      convertAndMultiply(c, alpha, left, right, beta, type);
    } else {
      // BF16 beside F16: the smaller is converted whole.
      boolean leftFirst = left.stored.elements() < right.stored.elements();
      Operand smaller = leftFirst ? left : right;
      try (TensorArena scratch = cuda.openScratch()) {
        Tensor converted = scratch.allocate(type, smaller.stored.shape());
        elementwise.cast(converted, smaller.stored);
        convertAndMultiply(c, alpha, leftFirst ? right : left, smaller.with(converted), beta, type);
      }
    }
  }

  private static long innerOf(Operand x) {
    return x.stored.dim(x.rowsAreInner() ? 0 : 1);
  }

  /**
   * Multiplies {@code source}, converted in blocks of its stored rows, with {@code other}. Such rows are rows or
   * columns of C, or they are a part of K: then the products of all blocks but the first are added.
   */
  private void convertAndMultiply(Tensor c, double alpha, Operand source, Operand other, double beta, DType type) {
    long rows = source.stored.dim(0);
    long most = blockRows(source, type);
    try (TensorArena scratch = cuda.openScratch()) {
      Tensor block = scratch.allocate(type, most, source.stored.dim(1));
      for (long from = 0; from < rows; from += most) {
        long count = Math.min(most, rows - from);
        Tensor converted = block.rows(0, count);
        elementwise.cast(converted, source.stored.rows(from, count));
        boolean inner = source.rowsAreInner();
        Blas.Matrix own = source.with(converted).matrix();
        Blas.Matrix facing = other.matrix(inner ? from : 0);
        Blas.Matrix left = source.isLeft ? own : facing;
        Blas.Matrix right = source.isLeft ? facing : own;
        if (inner) {
          multiplyPart(c, 0, c.dim(0), c.dim(1), left, right, count, alpha, from == 0 ? beta : 1);
        } else if (source.isLeft) {
          multiplyPart(c, from * c.dim(1), count, c.dim(1), left, right, innerOf(source), alpha, beta);
        } else {
          multiplyPart(c, from, c.dim(0), count, left, right, innerOf(source), alpha, beta);
        }
      }
    }
  }

  /** One product into M x N elements of C from element {@code first} on. */
  private void multiplyPart(
      Tensor c, long first, long m, long n, Blas.Matrix left, Blas.Matrix right, long k, double alpha, double beta) {
    var target = new Blas.Matrix(c.address() + first * c.dtype().bytes(), c.dtype(), c.dim(1), false);
    cuda.blas().gemm(m, n, k, alpha, left, right, beta, target, cuda.stream());
  }
}
