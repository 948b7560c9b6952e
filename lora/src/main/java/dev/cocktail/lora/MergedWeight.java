package dev.cocktail.lora;

import dev.cocktail.lora.AdapterFile.Factors;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;

/**
 * A weight with an adapter added: {@code V = W + s B A}, for DoRA {@code m / ||V|| V} with the norm of each row.
 * Computed in double precision and rounded once, to nearest even.
 */
final class MergedWeight {
  private static final int BLOCK = 32;

  private MergedWeight() {}

  /**
   * Computes all rows, several at a time; every row on its own, so the number of threads changes nothing.
   *
   * @param out [out, in], of w's dtype
   * @param w [out, in]
   * @return whether every number is finite and within the range of the dtype
   */
  static boolean compute(Tensor out, Tensor w, Factors factors, double scale) {
    double[][] a = HostRows.rows(factors.a());
    double[][] b = HostRows.rows(factors.b());
    int rows = b.length;
    double limit = limit(w.dtype());
    AtomicBoolean inRange = new AtomicBoolean(true);
    IntStream.range(0, (rows + BLOCK - 1) / BLOCK)
        .parallel()
        .forEach(block -> {
          double[] row = new double[Math.toIntExact(w.dim(1))];
          double[] change = new double[row.length];
          for (int n = block * BLOCK; n < Math.min(rows, (block + 1) * BLOCK); n++) {
            HostRows.read(w, (long) n * row.length, row);
            addRow(row, change, a, b[n], scale);
            if (factors.magnitude() != null) {
              normalise(row, factors.magnitude().get(n));
            }
            if (!isWithin(row, limit)) {
              inRange.set(false);
            }
            HostRows.write(out, (long) n * row.length, row);
          }
        });
    return inRange.get();
  }

  /** The smallest magnitude that would be rounded to infinity. */
  private static double limit(DType dtype) {
    return switch (dtype) {
      case F16 -> 65520;
      case BF16 -> 0x1.FFp127;
      case F64 -> Double.POSITIVE_INFINITY;
      default -> 0x1.FFFFFFp127;
    };
  }

  private static boolean isWithin(double[] row, double limit) {
    boolean within = true;
    for (double value : row) {
      within &= Math.abs(value) < limit;
    }
    return within;
  }

  private static void addRow(double[] row, double[] change, double[][] a, double[] b, double scale) {
    Arrays.fill(change, 0);
    for (int r = 0; r < b.length; r++) {
      double factor = b[r];
      double[] direction = a[r];
      for (int k = 0; k < change.length; k++) {
        change[k] += factor * direction[k];
      }
    }
    for (int k = 0; k < row.length; k++) {
      row[k] += scale * change[k];
    }
  }

  private static void normalise(double[] row, double magnitude) {
    double sum = 0;
    for (double value : row) {
      sum += value * value;
    }
    double factor = magnitude / Math.sqrt(sum);
    for (int k = 0; k < row.length; k++) {
      row[k] *= factor;
    }
  }
}
