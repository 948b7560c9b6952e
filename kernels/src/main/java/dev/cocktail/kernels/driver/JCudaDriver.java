package dev.cocktail.kernels.driver;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static jcuda.driver.JCudaDriver.cuCtxSetCurrent;
import static jcuda.driver.JCudaDriver.cuCtxSynchronize;
import static jcuda.driver.JCudaDriver.cuDeviceGet;
import static jcuda.driver.JCudaDriver.cuDeviceGetCount;
import static jcuda.driver.JCudaDriver.cuDevicePrimaryCtxRelease;
import static jcuda.driver.JCudaDriver.cuDevicePrimaryCtxRetain;
import static jcuda.driver.JCudaDriver.cuEventCreate;
import static jcuda.driver.JCudaDriver.cuEventElapsedTime;
import static jcuda.driver.JCudaDriver.cuEventRecord;
import static jcuda.driver.JCudaDriver.cuEventSynchronize;
import static jcuda.driver.JCudaDriver.cuFuncGetAttribute;
import static jcuda.driver.JCudaDriver.cuFuncSetAttribute;
import static jcuda.driver.JCudaDriver.cuInit;
import static jcuda.driver.JCudaDriver.cuLaunchKernel;
import static jcuda.driver.JCudaDriver.cuMemHostAlloc;
import static jcuda.driver.JCudaDriver.cuMemcpyDtoDAsync;
import static jcuda.driver.JCudaDriver.cuMemcpyDtoHAsync;
import static jcuda.driver.JCudaDriver.cuMemcpyHtoDAsync;
import static jcuda.driver.JCudaDriver.cuMemsetD8Async;
import static jcuda.driver.JCudaDriver.cuModuleGetFunction;
import static jcuda.driver.JCudaDriver.cuModuleLoadDataEx;
import static jcuda.driver.JCudaDriver.cuStreamCreate;
import static jcuda.driver.JCudaDriver.cuStreamSynchronize;
import static jcuda.driver.JCudaDriver.cuStreamWaitEvent;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUevent;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;

/**
 * A GPU through NVIDIA's driver, in its primary context.
 *
 * <p>A fault of a kernel is told by whatever call comes later. System property {@code cocktail.cuda.blocking=true}
 * makes each launch wait for its kernel, so that the message names the one that faulted.
 */
public final class JCudaDriver implements GpuDriver {
  private static final int STREAM_NON_BLOCKING = 1;
  private static final int FUNCTION_STATIC_SHARED_BYTES = 1;
  private static final int FUNCTION_MOST_DYNAMIC_SHARED_BYTES = 8;

  /** Static and dynamic shared memory that a block has without asking. */
  private static final int UNASKED_SHARED_BYTES = 48 << 10;

  private static final int LOG_BUFFER = 5;
  private static final int LOG_BUFFER_BYTES = 6;
  private static final int LOG_BYTES = 16 << 10;

  private record Mark(CUevent handle) implements Event {}

  private record Code(CUmodule handle, String name) {}

  private static final class Kernel implements Function {
    final CUfunction handle;
    final String name;
    final int staticSharedBytes;
    int dynamicSharedBytes;

    Kernel(CUfunction handle, String name, int staticSharedBytes) {
      this.handle = handle;
      this.name = name;
      this.staticSharedBytes = staticSharedBytes;
      this.dynamicSharedBytes = Math.max(0, UNASKED_SHARED_BYTES - staticSharedBytes);
    }
  }

  private final boolean blocking = Boolean.getBoolean("cocktail.cuda.blocking");
  private final CUdevice device;
  private final CUcontext context;
  private final GpuInfo info;
  private final GpuMemory memory;
  private final double clockHertz;
  private final Arena arena = Arena.ofShared();
  private final List<NativeStream> streams = new ArrayList<>();
  private final List<CUevent> events = new ArrayList<>();
  private final List<CUmodule> modules = new ArrayList<>();
  private final List<HostPointer> pinned = new ArrayList<>();
  private final List<MemorySegment> pinnedSegments = new ArrayList<>();
  private MemorySegment argumentBytes = arena.allocate(256, 16);
  private MemorySegment argumentTable = arena.allocate(JAVA_LONG, 32);
  private HostPointer argumentPointer = new HostPointer(argumentTable);
  private Thread caller;
  private String lastLaunch = "";
  private boolean closed;

  private JCudaDriver(CUdevice device, CUcontext context, GpuInfo info, GpuMemory memory, double clockHertz) {
    this.clockHertz = clockHertz;
    this.device = device;
    this.context = context;
    this.info = info;
    this.memory = memory;
    this.caller = Thread.currentThread();
  }

  /**
   * Opens a GPU.
   *
   * @throws GpuException with the cause and the way out, when there is no such GPU, or it is full or taken
   */
  public static JCudaDriver open(int ordinal) {
    DriverLibrary library;
    try {
      library = DriverLibrary.open(); // From here on JCuda's own library finds the driver, wherever it lies.
    } catch (NativeLibrary.UnavailableException e) {
      throw new GpuException("no NVIDIA driver: " + e.getMessage(), e);
    }
    try {
      JCudaNatives.load(() -> jcuda.driver.JCudaDriver.setExceptionsEnabled(false));
      return open(library, ordinal);
    } catch (LinkageError e) {
      throw new GpuException("JCuda's native library does not load: " + firstLine(e), e);
    }
  }

  private static String firstLine(Throwable e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }

  private static JCudaDriver open(DriverLibrary library, int ordinal) {
    checkOpening(ordinal, cuInit(0));
    int[] count = {0};
    checkOpening(ordinal, cuDeviceGetCount(count));
    if (ordinal < 0 || ordinal >= count[0]) {
      throw new GpuException(
          "there is no cuda:%d; this machine has %s"
              .formatted(ordinal, count[0] == 1 ? "one GPU, cuda:0" : "cuda:0 to cuda:" + (count[0] - 1)));
    }
    CUdevice device = new CUdevice();
    checkOpening(ordinal, cuDeviceGet(device, ordinal));
    GpuInfo info = library.info(ordinal, library.driverVersion());
    CUcontext context = new CUcontext();
    checkOpening(ordinal, cuDevicePrimaryCtxRetain(context, device));
    try {
      checkOpening(ordinal, cuCtxSetCurrent(context));
      double clockHertz = 1e3 * library.attribute(ordinal, DriverLibrary.Attribute.CLOCK_KILOHERTZ);
      return new JCudaDriver(device, context, info, GpuMemory.of(library, ordinal), clockHertz);
    } catch (RuntimeException e) {
      cuDevicePrimaryCtxRelease(device);
      throw e;
    }
  }

  private static void checkOpening(int ordinal, int code) {
    if (code != DriverErrors.SUCCESS) {
      throw new GpuException(DriverErrors.ofOpening(ordinal, code));
    }
  }

  /** Every call goes through here first: the context belongs to a thread. */
  private void enter() {
    if (closed) {
      throw new IllegalStateException("the driver of cuda:" + info.ordinal() + " is closed");
    }
    Thread current = Thread.currentThread();
    if (current != caller) {
      check(cuCtxSetCurrent(context), "cannot use the GPU from thread " + current.getName());
      caller = current;
    }
  }

  private void check(int code, String what) {
    if (code != DriverErrors.SUCCESS) {
      throw failure(code, what);
    }
  }

  private GpuException failure(int code, String what) {
    String reason = DriverErrors.describe(code);
    if (!DriverErrors.isOfEarlierWork(code)) {
      return new GpuException("cuda:%d: %s: %s".formatted(info.ordinal(), what, reason));
    }
    String hint =
        blocking
            ? ""
            : "; with -Dcocktail.cuda.blocking=true (in COCKTAIL_OPTS) each launch is waited for, and the message names"
                + " the kernel that failed";
    return new GpuException(
        "cuda:%d: earlier work on the GPU failed: %s; noticed when: %s%s%s"
            .formatted(
                info.ordinal(),
                reason,
                what,
                lastLaunch.isEmpty() ? "" : "; the last kernel issued before was " + lastLaunch,
                hint));
  }

  @Override
  public GpuInfo info() {
    return info;
  }

  @Override
  public double clockHertz() {
    return clockHertz;
  }

  @Override
  public String note() {
    return memory.note();
  }

  // Memory

  @Override
  public long freeBytes() {
    enter();
    return memory.freeBytes();
  }

  @Override
  public long granularity() {
    return memory.granularity();
  }

  @Override
  public long reserve(long bytes) {
    enter();
    return memory.reserve(bytes);
  }

  @Override
  public void map(long address, long bytes) {
    enter();
    int code = memory.map(address, bytes);
    if (code == DriverLibrary.OUT_OF_MEMORY) {
      throw new OutOfGpuMemoryException(bytes, memory.freeBytes(), memory.heldBytes());
    }
    check(code, "cannot map %,d bytes of memory".formatted(bytes));
  }

  @Override
  public void release(long address) {
    enter();
    check(cuCtxSynchronize(), "cannot wait for the work that uses the memory given back");
    check(memory.release(address), "cannot give memory back");
  }

  @Override
  public MemorySegment allocatePinned(long bytes) {
    enter();
    HostPointer pointer = new HostPointer();
    int code = cuMemHostAlloc(pointer, bytes, 0);
    if (code == DriverLibrary.OUT_OF_MEMORY) {
      throw new GpuException(
          "the host has no %,d bytes to pin for copies to cuda:%d; end other programs, or raise the limit of locked"
                  .formatted(bytes, info.ordinal())
              + " memory (ulimit -l)");
    }
    check(code, "cannot pin %,d bytes of the host".formatted(bytes));
    pinned.add(pointer);
    MemorySegment segment = MemorySegment.ofAddress(pointer.address()).reinterpret(bytes, arena, null);
    pinnedSegments.add(segment);
    return segment;
  }

  private boolean isPinned(MemorySegment host) {
    for (MemorySegment segment : pinnedSegments) {
      long offset = host.address() - segment.address();
      if (offset >= 0 && offset + host.byteSize() <= segment.byteSize()) {
        return true;
      }
    }
    return false;
  }

  // Copies

  @Override
  public void copyToGpu(long target, MemorySegment host, Stream stream) {
    enter();
    long bytes = host.byteSize();
    if (bytes == 0) {
      return;
    }
    if (!host.isNative()) {
      try (Arena temporary = Arena.ofConfined()) {
        copyToGpu(target, temporary.allocate(bytes, 8).copyFrom(host), stream);
      }
      return;
    }
    String what = "cannot copy %,d bytes to the GPU".formatted(bytes);
    check(cuMemcpyHtoDAsync(new GpuPointer(target), new HostPointer(host), bytes, handle(stream)), what);
    if (!isPinned(host)) {
      check(cuStreamSynchronize(handle(stream)), what); // It may change when this returns.
    }
  }

  @Override
  public void copyToHost(MemorySegment host, long source, Stream stream) {
    enter();
    long bytes = host.byteSize();
    if (bytes == 0) {
      return;
    }
    String what = "cannot copy %,d bytes from the GPU".formatted(bytes);
    if (!host.isNative()) {
      try (Arena temporary = Arena.ofConfined()) {
        MemorySegment copy = temporary.allocate(bytes, 8);
        check(cuMemcpyDtoHAsync(new HostPointer(copy), new GpuPointer(source), bytes, handle(stream)), what);
        check(cuStreamSynchronize(handle(stream)), what);
        host.copyFrom(copy);
      }
      return;
    }
    check(cuMemcpyDtoHAsync(new HostPointer(host), new GpuPointer(source), bytes, handle(stream)), what);
  }

  @Override
  public void copyOnGpu(long target, long source, long bytes, Stream stream) {
    enter();
    if (bytes > 0) {
      check(
          cuMemcpyDtoDAsync(new GpuPointer(target), new GpuPointer(source), bytes, handle(stream)),
          "cannot copy on the GPU");
    }
  }

  @Override
  public void fill(long target, byte value, long bytes, Stream stream) {
    enter();
    if (bytes > 0) {
      check(cuMemsetD8Async(new GpuPointer(target), value, bytes, handle(stream)), "cannot fill memory");
    }
  }

  // Order

  private static NativeStream handle(Stream stream) {
    return (NativeStream) stream;
  }

  private static CUevent handle(Event event) {
    return ((Mark) event).handle;
  }

  @Override
  public Stream openStream() {
    enter();
    NativeStream stream = new NativeStream();
    check(cuStreamCreate(stream, STREAM_NON_BLOCKING), "cannot make a stream");
    streams.add(stream);
    return stream;
  }

  @Override
  public void synchronize(Stream stream) {
    enter();
    check(cuStreamSynchronize(handle(stream)), "waiting for the work issued");
  }

  @Override
  public Event openEvent() {
    enter();
    CUevent event = new CUevent();
    check(cuEventCreate(event, 0), "cannot make an event");
    events.add(event);
    return new Mark(event);
  }

  @Override
  public void record(Event event, Stream stream) {
    enter();
    check(cuEventRecord(handle(event), handle(stream)), "cannot record an event");
  }

  @Override
  public void await(Stream stream, Event event) {
    enter();
    check(cuStreamWaitEvent(handle(stream), handle(event), 0), "cannot make a stream wait for an event");
  }

  @Override
  public void synchronize(Event event) {
    enter();
    check(cuEventSynchronize(handle(event)), "waiting for the work before an event");
  }

  @Override
  public double milliseconds(Event from, Event to) {
    enter();
    float[] time = {0};
    check(cuEventElapsedTime(time, handle(from), handle(to)), "cannot measure the time between two events");
    return time[0];
  }

  // Code

  @Override
  public Module load(String name, String ptx) {
    enter();
    CUmodule module = new CUmodule();
    try (Arena temporary = Arena.ofConfined()) {
      MemorySegment text = temporary.allocateFrom(ptx, StandardCharsets.US_ASCII);
      MemorySegment log = temporary.allocate(LOG_BYTES);
      MemorySegment values = temporary.allocate(JAVA_LONG, 2);
      values.setAtIndex(JAVA_LONG, 0, log.address());
      values.setAtIndex(JAVA_LONG, 1, LOG_BYTES);
      int[] options = {LOG_BUFFER, LOG_BUFFER_BYTES};
      int code = cuModuleLoadDataEx(module, new HostPointer(text), 2, options, new HostPointer(values));
      if (code != DriverErrors.SUCCESS) {
        log.set(JAVA_BYTE, LOG_BYTES - 1, (byte) 0);
        String told = log.getString(0, StandardCharsets.UTF_8).strip().replaceAll("\\s*\\n\\s*", "; ");
        throw failure(code, "the code '" + name + "' cannot be loaded" + (told.isEmpty() ? "" : " [" + told + "]"));
      }
    }
    modules.add(module);
    Code loaded = new Code(module, name);
    return kernel -> function(loaded, kernel);
  }

  private Function function(Code module, String kernel) {
    enter();
    CUfunction function = new CUfunction();
    check(
        cuModuleGetFunction(function, module.handle, kernel),
        "the code '%s' has no kernel %s".formatted(module.name, kernel));
    int[] bytes = {0};
    check(cuFuncGetAttribute(bytes, FUNCTION_STATIC_SHARED_BYTES, function), "cannot ask about kernel " + kernel);
    return new Kernel(function, kernel, bytes[0]);
  }

  @Override
  public void launch(Function function, Launch launch, KernelArguments arguments, Stream stream) {
    enter();
    Kernel kernel = (Kernel) function;
    if (launch.sharedBytes() > kernel.dynamicSharedBytes) {
      allowShared(kernel, launch);
    }
    pack(arguments);
    int code =
        cuLaunchKernel(
            kernel.handle,
            launch.gridX(),
            launch.gridY(),
            launch.gridZ(),
            launch.threads(),
            1,
            1,
            launch.sharedBytes(),
            handle(stream),
            argumentPointer,
            null);
    if (code != DriverErrors.SUCCESS) {
      throw failure(code, "kernel %s cannot be launched (%s)".formatted(kernel.name, launch));
    }
    lastLaunch = kernel.name;
    if (blocking) {
      int result = cuStreamSynchronize(handle(stream));
      if (result != DriverErrors.SUCCESS) {
        throw new GpuException(
            "cuda:%d: kernel %s failed (%s): %s"
                .formatted(info.ordinal(), kernel.name, launch, DriverErrors.describe(result)));
      }
    }
  }

  private void allowShared(Kernel kernel, Launch launch) {
    check(
        cuFuncSetAttribute(kernel.handle, FUNCTION_MOST_DYNAMIC_SHARED_BYTES, launch.sharedBytes()),
        "kernel %s cannot be launched (%s): with its own %,d bytes a block would need more shared memory than the %,d there are"
            .formatted(kernel.name, launch, kernel.staticSharedBytes, info.sharedBytesPerBlock()));
    kernel.dynamicSharedBytes = launch.sharedBytes();
  }

  /** Puts the arguments where the driver reads them; it has copied them when a launch returns. */
  private void pack(KernelArguments arguments) {
    byte[] bytes = arguments.toBytes();
    int count = arguments.count();
    if (bytes.length > argumentBytes.byteSize()) {
      argumentBytes = arena.allocate(2L * bytes.length, 16);
    }
    if (count * JAVA_LONG.byteSize() > argumentTable.byteSize()) {
      argumentTable = arena.allocate(JAVA_LONG, 2L * count);
      argumentPointer = new HostPointer(argumentTable);
    }
    MemorySegment.copy(bytes, 0, argumentBytes, JAVA_BYTE, 0, bytes.length);
    for (int i = 0; i < count; i++) {
      argumentTable.setAtIndex(JAVA_LONG, i, argumentBytes.address() + arguments.offset(i));
    }
  }

  /**
   * {@inheritDoc}
   *
   * @throws GpuException when work on the GPU had failed; everything was given back all the same
   */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    cuCtxSetCurrent(context);
    int code = cuCtxSynchronize();
    // A context whose work failed refuses what follows; the driver then frees everything with the context.
    events.forEach(jcuda.driver.JCudaDriver::cuEventDestroy);
    modules.forEach(jcuda.driver.JCudaDriver::cuModuleUnload);
    streams.forEach(jcuda.driver.JCudaDriver::cuStreamDestroy);
    pinned.forEach(jcuda.driver.JCudaDriver::cuMemFreeHost);
    memory.close();
    cuDevicePrimaryCtxRelease(device);
    arena.close();
    check(code, "closing the GPU");
  }
}
