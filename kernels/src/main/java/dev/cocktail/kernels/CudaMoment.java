package dev.cocktail.kernels;

import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.tensor.Moment;

/** An event in the device's stream. */
final class CudaMoment implements Moment {
  private final GpuDriver driver;
  private final GpuDriver.Stream stream;
  private final GpuDriver.Event event;

  CudaMoment(GpuDriver driver, GpuDriver.Stream stream) {
    this.driver = driver;
    this.stream = stream;
    this.event = driver.openEvent();
  }

  @Override
  public void mark() {
    driver.record(event, stream);
  }

  @Override
  public long nanosSince(Moment earlier) {
    driver.synchronize(event);
    return Math.round(1e6 * driver.milliseconds(((CudaMoment) earlier).event, event));
  }
}
