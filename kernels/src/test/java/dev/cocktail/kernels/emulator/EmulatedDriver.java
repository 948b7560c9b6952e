package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.kernels.driver.GpuException;
import dev.cocktail.kernels.driver.GpuInfo;
import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.kernels.driver.Launch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A GPU in software. Work is done as late as a GPU may do it, see {@link IssuedWork}; what a kernel must not do is an
 * {@link EmulatorFault}, thrown by whatever waits for the kernel. System property {@code cocktail.cuda.blocking=true}
 * makes each call wait, so that the fault's stack trace shows who issued the kernel.
 */
public final class EmulatedDriver implements GpuDriver {
  private static final int SHARED_BYTES = 99 << 10;

  /** Modules are read once, however many devices load them. */
  private static final Map<String, PtxModule> READ = new ConcurrentHashMap<>();

  private static final class LoadedModule implements Module {
    private final PtxModule module;
    private final long globalBase;
    private final Map<String, Kernel> kernels = new HashMap<>();

    LoadedModule(PtxModule module, long globalBase) {
      this.module = module;
      this.globalBase = globalBase;
    }

    @Override
    public Function function(String name) {
      PtxModule.Kernel kernel = module.kernels().get(name);
      if (kernel == null) {
        throw new GpuException("module " + module.name() + " has no kernel " + name);
      }
      return kernels.computeIfAbsent(name, ignored -> new Kernel(Decoder.decode(module, kernel, globalBase)));
    }
  }

  private record Kernel(Program program) implements Function {}

  private final GpuInfo info;
  private final GlobalMemory memory;
  private final IssuedWork work = new IssuedWork();
  private final Arena pinned = Arena.ofShared();
  private final List<MemorySegment> pinnedSegments = new ArrayList<>();
  private boolean closed;
  private long executed;

  /** A GPU of compute capability 8.0 with so much memory and few multiprocessors, which keeps grids small. */
  public EmulatedDriver(long memoryBytes) {
    info = new GpuInfo("emulated GPU", 0, 8, 0, 4, SHARED_BYTES, memoryBytes & -granularity(), 12_000);
    memory = new GlobalMemory(info.totalBytes());
  }

  /** The memory, for libraries that work on it beside kernels. */
  GlobalMemory memory() {
    return memory;
  }

  /** Work that was issued and not done, for libraries that issue theirs beside kernels. */
  IssuedWork work() {
    return work;
  }

  /** Instructions that all threads of all launches that were waited for have done. */
  public long executedInstructions() {
    return executed;
  }

  @Override
  public GpuInfo info() {
    return info;
  }

  @Override
  public long freeBytes() {
    return memory.freeBytes();
  }

  @Override
  public long granularity() {
    return 1L << GlobalMemory.PAGE_BITS;
  }

  @Override
  public long reserve(long bytes) {
    return memory.reserve(bytes);
  }

  @Override
  public void map(long address, long bytes) {
    memory.map(address, bytes);
  }

  @Override
  public void release(long address) {
    work.finishAll();
    memory.release(address);
  }

  @Override
  public void blockTaken(long address, long bytes) {
    work.issueForAll(() -> memory.blockTaken(address, bytes));
  }

  @Override
  public void blockReturned(long address) {
    work.issueForAll(() -> memory.blockReturned(address));
  }

  @Override
  public MemorySegment allocatePinned(long bytes) {
    MemorySegment segment = pinned.allocate(bytes, 256);
    pinnedSegments.add(segment);
    return segment;
  }

  @Override
  public void copyToGpu(long target, MemorySegment host, Stream stream) {
    // What is not pinned may change when this returns.
    MemorySegment source = isPinned(host) ? host : MemorySegment.ofArray(host.toArray(ValueLayout.JAVA_BYTE));
    work.issue(stream, () -> memory.write("copy to the GPU", target, source));
  }

  private boolean isPinned(MemorySegment host) {
    return host.isNative() && pinnedSegments.stream().anyMatch(each -> each.asOverlappingSlice(host).isPresent());
  }

  @Override
  public void copyToHost(MemorySegment host, long source, Stream stream) {
    work.issue(stream, () -> memory.read("copy to the host", source, host));
  }

  @Override
  public void copyOnGpu(long target, long source, long bytes, Stream stream) {
    if (target < source + bytes && source < target + bytes) {
      throw new EmulatorFault("copy on the GPU: %d bytes at 0x%x and 0x%x overlap".formatted(bytes, source, target));
    }
    work.issue(
        stream,
        () -> {
          try (Arena arena = Arena.ofConfined()) {
            MemorySegment between = arena.allocate(bytes, 8);
            memory.read("copy on the GPU from", source, between);
            memory.write("copy on the GPU to", target, between);
          }
        });
  }

  @Override
  public void fill(long target, byte value, long bytes, Stream stream) {
    work.issue(stream, () -> memory.fill("fill", target, value, bytes));
  }

  @Override
  public Stream openStream() {
    return new IssuedWork.Queue();
  }

  @Override
  public void synchronize(Stream stream) {
    work.finish(stream);
  }

  @Override
  public Event openEvent() {
    return new IssuedWork.Mark();
  }

  @Override
  public void record(Event event, Stream stream) {
    work.record((IssuedWork.Mark) event, stream);
  }

  @Override
  public void await(Stream stream, Event event) {
    work.await(stream, (IssuedWork.Mark) event);
  }

  @Override
  public void synchronize(Event event) {
    work.finish((IssuedWork.Mark) event);
  }

  @Override
  public double milliseconds(Event from, Event to) {
    IssuedWork.Mark first = (IssuedWork.Mark) from;
    IssuedWork.Mark last = (IssuedWork.Mark) to;
    if (!first.isReached() || !last.isReached()) {
      throw new GpuException("the time between two marks of which one was not reached");
    }
    return (last.nanos() - first.nanos()) / 1e6;
  }

  @Override
  public Module load(String name, String ptx) {
    PtxModule module = READ.computeIfAbsent(name + "\n" + ptx, ignored -> PtxParser.parse(name, ptx));
    return new LoadedModule(module, loadGlobals(module.globals()));
  }

  private long loadGlobals(List<PtxModule.Variable> variables) {
    if (variables.isEmpty()) {
      return 0;
    }
    PtxModule.Variable last = variables.getLast();
    long bytes = (last.offset() + last.bytes() + granularity() - 1) / granularity() * granularity();
    long base = memory.reserve(bytes);
    memory.map(base, bytes);
    for (PtxModule.Variable variable : variables) {
      long address = base + variable.offset();
      memory.blockTaken(address, variable.bytes());
      if (variable.initial() != null) {
        memory.write("start of " + variable.name(), address, MemorySegment.ofArray(variable.initial()));
      } else {
        memory.fill("start of " + variable.name(), address, (byte) 0, variable.bytes());
      }
    }
    return base;
  }

  @Override
  public void launch(Function function, Launch launch, KernelArguments arguments, Stream stream) {
    Program program = ((Kernel) function).program();
    PtxModule.Kernel kernel = program.kernel;
    String what = "launch of " + kernel.name() + ", " + launch + ": ";
    if (launch.threads() > kernel.mostThreads()) {
      throw new EmulatorFault(what + "the kernel was compiled for at most " + kernel.mostThreads() + " threads");
    }
    long shared = Decoder.dynamicSharedOffset(kernel) + launch.sharedBytes();
    if (launch.sharedBytes() == 0) {
      shared = kernel.sharedBytes();
    }
    if (shared > info.sharedBytesPerBlock()) {
      throw new EmulatorFault(
          what + shared + " bytes of shared memory, a block may have " + info.sharedBytesPerBlock());
    }
    byte[] parameters = parameters(what, kernel, arguments);
    int sharedBytes = (int) shared;
    work.issue(stream, () -> executed += Grid.run(program, launch, memory, parameters, sharedBytes));
  }

  private static byte[] parameters(String what, PtxModule.Kernel kernel, KernelArguments arguments) {
    List<PtxModule.Variable> parameters = kernel.parameters();
    if (arguments.count() != parameters.size()) {
      throw new EmulatorFault(what + arguments.count() + " arguments, the kernel has " + parameters.size());
    }
    byte[] bytes = arguments.toBytes();
    for (int i = 0; i < parameters.size(); i++) {
      if (arguments.offset(i) != parameters.get(i).offset()) {
        throw new EmulatorFault(
            what
                + "argument %d lies at byte %d, the kernel expects it at byte %d"
                    .formatted(i + 1, arguments.offset(i), parameters.get(i).offset()));
      }
    }
    if (bytes.length != kernel.parameterBytes()) {
      throw new EmulatorFault(
          what + "%d bytes of arguments, the kernel expects %d".formatted(bytes.length, kernel.parameterBytes()));
    }
    return bytes;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      try (pinned) {
        work.finishAll();
      }
    }
  }
}
