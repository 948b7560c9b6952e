package dev.cocktail.kernels.blas;

import dev.cocktail.kernels.driver.GpuDriver;

/** Multiplies nothing; see {@link dev.cocktail.kernels.driver.PlanningDriver}. */
public final class PlanningBlas implements Blas {
  @Override
  public String description() {
    return "no products";
  }

  @Override
  public void gemmBatched(
      long m,
      long n,
      long k,
      double alpha,
      Matrix a,
      long strideA,
      Matrix b,
      long strideB,
      double beta,
      Matrix c,
      long strideC,
      int batch,
      GpuDriver.Stream stream) {
    // Only memory is planned.
  }

  @Override
  public void close() {
    // Nothing is held.
  }
}
