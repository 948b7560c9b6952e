package dev.cocktail.bench;

import dev.cocktail.kernels.CudaDevice;
import dev.cocktail.kernels.blas.PlanningBlas;
import dev.cocktail.kernels.driver.GpuInfo;
import dev.cocktail.kernels.driver.PlanningDriver;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Precision;

/** A GPU of the kind that data centres have, for predicting memory where there is none. */
final class PlannedGpu {
  /** Multiprocessors and shared memory of an H100; they shape scratch memory a little. */
  private static final GpuInfo LIKE = new GpuInfo("planned GPU", 0, 9, 0, 132, 227 << 10, 80L << 30, 12_000);

  private static final long GRANULARITY = 2L << 20;

  private PlannedGpu() {}

  static Device open(Precision precision) {
    DType activation = precision == Precision.F32 ? DType.F32 : DType.BF16;
    return new CudaDevice(new PlanningDriver(LIKE, GRANULARITY), new PlanningBlas(), activation);
  }
}
