package dev.cocktail.kernels;

import dev.cocktail.kernels.blas.Blas;
import dev.cocktail.kernels.blas.PlanningBlas;
import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.kernels.driver.GpuInfo;
import dev.cocktail.kernels.driver.PlanningDriver;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Moment;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * An NVIDIA GPU as a device. Operations are issued to one stream and run behind each other; the host waits only where
 * it reads results. Activations are BF16, or F32 in a device opened for comparing; parameters are F32.
 *
 * <p>System property {@code cocktail.leaks=trace} makes {@link #close()} tell where each arena that is still open was
 * opened.
 */
public final class CudaDevice implements Device {
  private final GpuDriver driver;
  private final GpuDriver.Stream stream;
  private final Blas blas;
  private final DType activation;
  private final CudaMemory memory;
  private final Staging staging;
  private final CudaContext context;
  private final CudaOps ops;
  private final Map<TensorArena, Throwable> open = new LinkedHashMap<>();
  private final boolean traceLeaks = "trace".equals(System.getProperty("cocktail.leaks"));

  /**
   * A device on the driver's GPU; it owns both from now on.
   *
   * @param activation BF16 or F32
   */
  public CudaDevice(GpuDriver driver, Blas blas, DType activation) {
    if (activation != DType.BF16 && activation != DType.F32) {
      throw new IllegalArgumentException("activations are BF16 or F32 on a GPU, not " + activation);
    }
    this.driver = driver;
    this.blas = blas;
    this.activation = activation;
    this.stream = driver.openStream();
    this.memory = new CudaMemory(driver);
    this.staging = new Staging(driver, stream);
    this.context = new CudaContext(driver, stream, blas, activation, this::openScratch, staging);
    this.ops = new CudaOps(context);
  }

  /** What the device's families of kernels share, for more kernels in the order of its stream. */
  CudaContext context() {
    return context;
  }

  @Override
  public String name() {
    return "cuda:" + driver.info().ordinal();
  }

  @Override
  public String description() {
    GpuInfo info = driver.info();
    String note = driver.note();
    return "%s, compute capability %d.%d, %.1f GiB, %s activations, %s%s"
        .formatted(
            info.name(),
            info.capabilityMajor(),
            info.capabilityMinor(),
            info.totalBytes() / 0x1p30,
            activation,
            blas.description(),
            note.isEmpty() ? "" : ", " + note);
  }

  @Override
  public Ops ops() {
    return ops;
  }

  @Override
  public DType activationType() {
    return activation;
  }

  @Override
  public TensorArena openArena(String name) {
    TensorArena arena = new TensorArena(name, new ArenaSource(), false);
    open.put(arena, traceLeaks ? new Throwable("arena '" + name + "' was opened here") : null);
    return arena;
  }

  private TensorArena openScratch() {
    return new TensorArena("scratch", new ArenaSource(), false);
  }

  @Override
  public Tensor adopt(TensorArena arena, Tensor host) {
    Tensor copy = arena.allocate(host.dtype(), host.shape());
    copyFromHost(copy, host);
    return copy;
  }

  @Override
  public void copyFromHost(Tensor target, Tensor host) {
    requireAlike(target, host);
    staging.copyToGpu(target.address(), host.segment());
  }

  @Override
  public void copyToHost(Tensor host, Tensor source) {
    requireAlike(host, source);
    if (host.byteSize() > 0) {
      driver.copyToHost(host.segment(), source.address(), stream);
    }
    driver.synchronize(stream);
  }

  private static void requireAlike(Tensor target, Tensor from) {
    if (target.dtype() != from.dtype() || target.elements() != from.elements()) {
      throw new IllegalArgumentException("cannot copy " + from + " to " + target + ": dtypes and counts must agree");
    }
  }

  @Override
  public void synchronize() {
    driver.synchronize(stream);
  }

  @Override
  public Moment openMoment() {
    return new CudaMoment(driver, stream);
  }

  @Override
  public OptionalDouble peakOperationsPerSecond() {
    OptionalDouble perClock = MultiprocessorPeak.operationsPerClock(driver.info().capability(), activation);
    return driver.clockHertz() == 0 || perClock.isEmpty()
        ? OptionalDouble.empty()
        : OptionalDouble.of(driver.info().multiprocessors() * driver.clockHertz() * perClock.getAsDouble());
  }

  @Override
  public long availableBytes() {
    return memory.availableBytes();
  }

  @Override
  public Optional<Device> openPlanner() {
    return Optional.of(
        new CudaDevice(new PlanningDriver(driver.info(), driver.granularity()), new PlanningBlas(), activation));
  }

  @Override
  public long reservedBytes() {
    return memory.reservedBytes();
  }

  @Override
  public long peakReservedBytes() {
    return memory.reservedBytes();
  }

  @Override
  public void close() {
    if (!open.isEmpty()) {
      StringBuilder text = new StringBuilder("the device was closed before these arenas:");
      open.keySet().forEach(arena -> text.append(' ').append(arena).append(';'));
      IllegalStateException leak = new IllegalStateException(text.toString());
      open.values().stream().filter(where -> where != null).forEach(leak::addSuppressed);
      throw leak;
    }
    try (driver;
        blas) { // Also where the GPU failed and refuses everything.
      driver.synchronize(stream);
      memory.close();
    }
  }

  private final class ArenaSource implements TensorArena.Source {
    @Override
    public TensorArena.Region acquire(long bytes) {
      return memory.acquire(bytes);
    }

    @Override
    public void release(TensorArena.Region region) {
      memory.release(region);
    }

    @Override
    public void blockTaken(long address, long bytes) {
      driver.blockTaken(address, bytes);
    }

    @Override
    public void blockReturned(long address) {
      driver.blockReturned(address);
    }

    @Override
    public void closed(TensorArena arena) {
      open.remove(arena);
    }
  }
}
