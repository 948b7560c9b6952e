package dev.cocktail.bench;

import dev.cocktail.kernels.CudaDevice;
import dev.cocktail.kernels.blas.PlanningBlas;
import dev.cocktail.kernels.driver.GpuInfo;
import dev.cocktail.kernels.driver.PlanningDriver;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Precision;
import java.util.Map;

/** A GPU of the kind that data centres have, for predicting memory where there is none. */
final class PlannedGpu {
  /** Multiprocessors and shared memory of an H100; they shape scratch memory a little. */
  private static final GpuInfo LIKE = new GpuInfo("planned GPU", 0, 9, 0, 132, 227 << 10, 80L << 30, 12_000);

  private static final long GRANULARITY = 2L << 20;

  private PlannedGpu() {}

  /**
   * The memory of a step, and how many kernels and matrix products it launches: what a second step adds, so that the
   * making of the model does not count.
   */
  static Map<String, Object> plan(StepBenchmark.Options options, Precision precision) {
    DType activation = precision == Precision.F32 ? DType.F32 : DType.BF16;
    Map<String, Object> figures = Map.of();
    long launches = 0;
    long products = 0;
    for (int steps = 1; steps <= 2; steps++) {
      var driver = new PlanningDriver(LIKE, GRANULARITY);
      var blas = new PlanningBlas();
      try (Device device = new CudaDevice(driver, blas, activation)) {
        figures = StepBenchmark.plan(device, options, steps);
        launches = driver.launches() - launches;
        products = blas.products() - products;
      }
    }
    figures.put("kernel_launches", launches);
    figures.put("matrix_products", products);
    return figures;
  }
}
