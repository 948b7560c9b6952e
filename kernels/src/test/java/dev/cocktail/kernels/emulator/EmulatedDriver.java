package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.kernels.driver.GpuException;
import dev.cocktail.kernels.driver.GpuInfo;
import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.kernels.driver.Launch;
import dev.cocktail.kernels.driver.OutOfGpuMemoryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/** A GPU that is not there: everything is done, in order, when the call returns. */
public final class EmulatedDriver implements GpuDriver {
  private static final int THREADS = Math.min(2, Runtime.getRuntime().availableProcessors());

  /** Launches smaller than this are not worth a second thread. */
  private static final long BLOCKS_FOR_TWO = 4;

  private final GpuInfo info;
  private final long totalBytes;
  private final GlobalMemory memory;
  private final Arena pinned = Arena.ofShared();

  /** A GPU of compute capability 8.0 with so much memory. */
  public EmulatedDriver(long totalBytes) {
    this.totalBytes = totalBytes & -GlobalMemory.PAGE;
    this.info = new GpuInfo("emulated GPU", 0, 8, 0, 4, 99 << 10, this.totalBytes, 12_000);
    this.memory = new GlobalMemory(this.totalBytes);
  }

  GlobalMemory memory() {
    return memory;
  }

  @Override
  public GpuInfo info() {
    return info;
  }

  @Override
  public long freeBytes() {
    return totalBytes - memory.mappedBytes();
  }

  @Override
  public long granularity() {
    return GlobalMemory.PAGE;
  }

  @Override
  public long reserve(long bytes) {
    if (bytes > totalBytes) {
      throw new OutOfGpuMemoryException(bytes, freeBytes(), memory.mappedBytes());
    }
    return GlobalMemory.START;
  }

  @Override
  public void map(long address, long bytes) {
    if (bytes > freeBytes()) {
      throw new OutOfGpuMemoryException(bytes, freeBytes(), memory.mappedBytes());
    }
    memory.map(address, bytes);
  }

  @Override
  public void release(long address) {
    memory.unmapAll();
  }

  @Override
  public void blockTaken(long address, long bytes) {
    memory.take(address, bytes);
  }

  @Override
  public void blockReturned(long address) {
    memory.giveBack(address);
  }

  @Override
  public MemorySegment allocatePinned(long bytes) {
    return pinned.allocate(bytes, 64);
  }

  @Override
  public void copyToGpu(long target, MemorySegment host, Stream stream) {
    memory.write(target, host);
  }

  @Override
  public void copyToHost(MemorySegment host, long source, Stream stream) {
    // What was never written may be looked at from the host: it cannot change a result.
    memory.read(source, host, false);
  }

  @Override
  public void copyOnGpu(long target, long source, long bytes, Stream stream) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(bytes, 64);
      memory.read(source, copy, true);
      memory.write(target, copy);
    }
  }

  @Override
  public void fill(long target, byte value, long bytes, Stream stream) {
    try (Arena arena = Arena.ofConfined()) {
      memory.write(target, arena.allocate(bytes, 64).fill(value));
    }
  }

  private record EmulatedStream() implements Stream {}

  private static final class EmulatedEvent implements Event {
    private long nanos;
  }

  @Override
  public Stream openStream() {
    return new EmulatedStream();
  }

  @Override
  public void synchronize(Stream stream) {
    // Everything is done when its call returns.
  }

  @Override
  public Event openEvent() {
    return new EmulatedEvent();
  }

  @Override
  public void record(Event event, Stream stream) {
    ((EmulatedEvent) event).nanos = System.nanoTime();
  }

  @Override
  public void await(Stream stream, Event event) {
    // Everything is done when its call returns.
  }

  @Override
  public void synchronize(Event event) {
    // Everything is done when its call returns.
  }

  @Override
  public double milliseconds(Event from, Event to) {
    return (((EmulatedEvent) to).nanos - ((EmulatedEvent) from).nanos) / 1e6;
  }

  private record EmulatedFunction(Program program) implements Function {}

  @Override
  public Module load(String name, String ptx) {
    Map<String, PtxKernel> kernels = Ptx.kernels(ptx);
    Map<String, Function> functions = new HashMap<>();
    return kernel -> {
      PtxKernel found = kernels.get(kernel);
      if (found == null) {
        throw new GpuException("module " + name + " has no kernel " + kernel);
      }
      return functions.computeIfAbsent(kernel, _ -> new EmulatedFunction(Ptx.program(found)));
    };
  }

  @Override
  public void launch(Function function, Launch launch, KernelArguments arguments, Stream stream) {
    Program program = ((EmulatedFunction) function).program();
    requireFitting(program, launch, arguments);
    byte[] bytes = arguments.toBytes();
    long blocks = (long) launch.gridX() * launch.gridY() * launch.gridZ();
    AtomicLong next = new AtomicLong();
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Runnable work =
        () -> {
          try {
            var run = new BlockRun(program, memory, bytes, launch);
            for (long block = next.getAndIncrement();
                block < blocks && failure.get() == null;
                block = next.getAndIncrement()) {
              run.run(block);
            }
          } catch (RuntimeException | Error e) {
            failure.compareAndSet(null, e);
          }
        };
    if (blocks < BLOCKS_FOR_TWO) {
      work.run();
    } else {
      List<Thread> threads = new ArrayList<>();
      for (int i = 1; i < THREADS; i++) {
        threads.add(Thread.ofPlatform().start(work));
      }
      work.run();
      threads.forEach(EmulatedDriver::join);
    }
    rethrow(failure.get(), program, launch);
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new GpuException("interrupted while a kernel ran", e);
    }
  }

  private static void rethrow(Throwable failure, Program program, Launch launch) {
    if (failure instanceof EmulatorFault fault) {
      throw new EmulatorFault(fault.getMessage() + " (" + launch + ")", fault);
    }
    if (failure != null) {
      throw new GpuException("the emulator failed in " + program.name() + " (" + launch + "): " + failure, failure);
    }
  }

  private void requireFitting(Program program, Launch launch, KernelArguments arguments) {
    PtxKernel kernel = program.kernel();
    if (launch.threads() > kernel.mostThreads()) {
      throw new EmulatorFault(
          "%s is launched with %d threads, it takes at most %d"
              .formatted(kernel.name(), launch.threads(), kernel.mostThreads()));
    }
    int shared = program.staticSharedBytes() + launch.sharedBytes();
    if (shared > info.sharedBytesPerBlock()) {
      throw new EmulatorFault(
          "%s is launched with %d bytes of shared memory a block, there are %d"
              .formatted(kernel.name(), shared, info.sharedBytesPerBlock()));
    }
    List<PtxKernel.Parameter> parameters = kernel.parameters();
    boolean fits = arguments.count() == parameters.size();
    int end = arguments.toBytes().length;
    for (int i = 0; fits && i < parameters.size(); i++) {
      int following = i + 1 < parameters.size() ? parameters.get(i + 1).offset() : end;
      fits =
          arguments.offset(i) == parameters.get(i).offset()
              && following >= parameters.get(i).offset() + parameters.get(i).bytes();
    }
    fits &= parameters.isEmpty() || end == parameters.getLast().offset() + parameters.getLast().bytes();
    if (!fits) {
      throw new EmulatorFault(
          "%s takes parameters %s, the launch gives %d of %d bytes in all"
              .formatted(kernel.name(), parameters, arguments.count(), end));
    }
  }

  @Override
  public void close() {
    memory.unmapAll();
    pinned.close();
  }
}
