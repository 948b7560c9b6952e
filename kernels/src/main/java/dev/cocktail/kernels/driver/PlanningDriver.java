package dev.cocktail.kernels.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Gives out addresses and does nothing else, so that the code above it shows how much memory it takes. There is no end
 * to its memory: how far a computation is beyond what a GPU has shows too.
 */
public final class PlanningDriver implements GpuDriver {
  private static final long FIRST_ADDRESS = 1L << 40;

  /** Room for predictions far beyond any GPU. */
  private static final long ADDRESSES = 1L << 46;

  private record Mark() implements Stream, Event, Function {}

  private static final Mark NOTHING = new Mark();

  private final GpuInfo info;
  private final long granularity;
  private final Arena pinned = Arena.ofConfined();
  private long launches;

  /** Plans for a GPU. */
  public PlanningDriver(GpuInfo info, long granularity) {
    this.info =
        new GpuInfo(
            info.name(),
            info.ordinal(),
            info.capabilityMajor(),
            info.capabilityMinor(),
            info.multiprocessors(),
            info.sharedBytesPerBlock(),
            ADDRESSES,
            info.driverVersion());
    this.granularity = granularity;
  }

  @Override
  public GpuInfo info() {
    return info;
  }

  @Override
  public boolean computes() {
    return false;
  }

  @Override
  public long freeBytes() {
    return ADDRESSES;
  }

  @Override
  public long granularity() {
    return granularity;
  }

  @Override
  public long reserve(long bytes) {
    return FIRST_ADDRESS;
  }

  @Override
  public void map(long address, long bytes) {
    // There is always as much.
  }

  @Override
  public void release(long address) {
    // Nothing was taken.
  }

  @Override
  public MemorySegment allocatePinned(long bytes) {
    return pinned.allocate(bytes, 64);
  }

  @Override
  public void copyToGpu(long target, MemorySegment host, Stream stream) {
    // Contents do not matter.
  }

  @Override
  public void copyToHost(MemorySegment host, long source, Stream stream) {
    host.fill((byte) 0);
  }

  @Override
  public void copyOnGpu(long target, long source, long bytes, Stream stream) {
    // Contents do not matter.
  }

  @Override
  public void fill(long target, byte value, long bytes, Stream stream) {
    // Contents do not matter.
  }

  @Override
  public Stream openStream() {
    return NOTHING;
  }

  @Override
  public void synchronize(Stream stream) {
    // Nothing is under way.
  }

  @Override
  public Event openEvent() {
    return NOTHING;
  }

  @Override
  public void record(Event event, Stream stream) {
    // Nothing is under way.
  }

  @Override
  public void await(Stream stream, Event event) {
    // Nothing is under way.
  }

  @Override
  public void synchronize(Event event) {
    // Nothing is under way.
  }

  @Override
  public double milliseconds(Event from, Event to) {
    return 0;
  }

  @Override
  public Module load(String name, String ptx) {
    return kernel -> NOTHING;
  }

  @Override
  public void launch(Function function, Launch launch, KernelArguments arguments, Stream stream) {
    launches++; // Nothing is computed.
  }

  /** How many kernels were launched. */
  public long launches() {
    return launches;
  }

  @Override
  public void close() {
    pinned.close();
  }
}
