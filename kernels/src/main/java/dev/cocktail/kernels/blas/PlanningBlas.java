package dev.cocktail.kernels.blas;

import dev.cocktail.kernels.driver.GpuDriver;

/** Multiplies nothing; see {@link dev.cocktail.kernels.driver.PlanningDriver}. */
public final class PlanningBlas implements Blas {
  private long products;

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
    products++; // Only memory is planned.
  }

  /** How many products, or batches of them, were asked for. */
  public long products() {
    return products;
  }

  @Override
  public void close() {
    // Nothing is held.
  }
}
