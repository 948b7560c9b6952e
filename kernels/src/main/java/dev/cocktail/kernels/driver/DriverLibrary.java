package dev.cocktail.kernels.driver;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.cocktail.kernels.driver.NativeLibrary.UnavailableException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The functions of NVIDIA's driver that are called without JCuda. Questions what there is: so that a machine without a
 * GPU does not unpack JCuda's native library to learn that. And virtual memory: JCuda 12.6 stores the handle that
 * {@code cuMemCreate} returns past the end of the Java object it is given, over whatever lies behind it.
 */
final class DriverLibrary {
  static final int SUCCESS = 0;
  static final int OUT_OF_MEMORY = 2;

  /** Where the library is: by the system's rules first, then where WSL and NixOS have it. */
  private static final List<String> NAMES =
      List.of("libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1", "/run/opengl-driver/lib/libcuda.so.1");

  // Fields of CUmemAllocationProp, 32 bytes, and of CUmemAccessDesc, 12 bytes, as cuda.h declares them.
  private static final int PROPERTIES_BYTES = 32;
  private static final int PROPERTIES_TYPE = 0;
  private static final int PROPERTIES_LOCATION_TYPE = 8;
  private static final int PROPERTIES_LOCATION = 12;
  private static final int ACCESS_BYTES = 12;
  private static final int ACCESS_LOCATION_TYPE = 0;
  private static final int ACCESS_LOCATION = 4;
  private static final int ACCESS_FLAGS = 8;
  private static final int PINNED = 1;
  private static final int ON_DEVICE = 1;
  private static final int READ_AND_WRITE = 3;

  private final NativeLibrary library;
  private final NativeLibrary.Function initialize;
  private final NativeLibrary.Function driverVersion;
  private final NativeLibrary.Function deviceCount;
  private final NativeLibrary.Function device;
  private final NativeLibrary.Function deviceName;
  private final NativeLibrary.Function deviceMemory;
  private final NativeLibrary.Function deviceAttribute;
  private final NativeLibrary.Function errorName;
  private final NativeLibrary.Function errorText;

  private DriverLibrary(NativeLibrary library) throws UnavailableException {
    this.library = library;
    this.initialize = library.function("cuInit", JAVA_INT);
    this.driverVersion = library.function("cuDriverGetVersion", ADDRESS);
    this.deviceCount = library.function("cuDeviceGetCount", ADDRESS);
    this.device = library.function("cuDeviceGet", ADDRESS, JAVA_INT);
    this.deviceName = library.function("cuDeviceGetName", ADDRESS, JAVA_INT, JAVA_INT);
    this.deviceMemory = library.function("cuDeviceTotalMem_v2", ADDRESS, JAVA_INT);
    this.deviceAttribute = library.function("cuDeviceGetAttribute", ADDRESS, JAVA_INT, JAVA_INT);
    this.errorName = library.function("cuGetErrorName", JAVA_INT, ADDRESS);
    this.errorText = library.function("cuGetErrorString", JAVA_INT, ADDRESS);
  }

  /**
   * The driver's library.
   *
   * @throws UnavailableException when there is none, with the reason of the usual place
   */
  static DriverLibrary open() throws UnavailableException {
    UnavailableException first = null;
    for (String name : NAMES) {
      try {
        return new DriverLibrary(NativeLibrary.open(name));
      } catch (UnavailableException e) {
        first = first == null ? e : first;
      }
    }
    throw first;
  }

  /** Must come before everything but {@link #driverVersion}; returns the driver's code. */
  int initialize() {
    return initialize.call(0);
  }

  /** The newest CUDA version that the driver supports: 12040 for 12.4. */
  int driverVersion() {
    return number("cuDriverGetVersion", driverVersion);
  }

  /** Number of GPUs, or minus the driver's code where it does not tell. */
  int deviceCount() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_INT);
      int code = deviceCount.call(result);
      return code == SUCCESS ? result.get(JAVA_INT, 0) : -code;
    }
  }

  GpuInfo info(int ordinal, int driverVersion) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_LONG);
      check("cuDeviceGet", device.call(result, ordinal));
      int handle = result.get(JAVA_INT, 0);
      MemorySegment name = arena.allocate(256);
      check("cuDeviceGetName", deviceName.call(name, 255, handle));
      check("cuDeviceTotalMem", deviceMemory.call(result, handle));
      long memory = result.get(JAVA_LONG, 0);
      return new GpuInfo(
          name.getString(0, StandardCharsets.UTF_8).strip(),
          ordinal,
          attribute(ordinal, Attribute.CAPABILITY_MAJOR),
          attribute(ordinal, Attribute.CAPABILITY_MINOR),
          attribute(ordinal, Attribute.MULTIPROCESSORS),
          attribute(ordinal, Attribute.SHARED_BYTES_OPT_IN),
          memory,
          driverVersion);
    }
  }

  /** Properties of a GPU by their numbers in {@code CUdevice_attribute}. */
  enum Attribute {
    CLOCK_KILOHERTZ(13),
    MULTIPROCESSORS(16),
    CAPABILITY_MAJOR(75),
    CAPABILITY_MINOR(76),
    SHARED_BYTES_OPT_IN(97),
    VIRTUAL_MEMORY(102);

    private final int number;

    Attribute(int number) {
      this.number = number;
    }
  }

  /** A property of a GPU. */
  int attribute(int ordinal, Attribute attribute) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_INT);
      check("cuDeviceGet", device.call(result, ordinal));
      check("cuDeviceGetAttribute", deviceAttribute.call(result, attribute.number, result.get(JAVA_INT, 0)));
      return result.get(JAVA_INT, 0);
    }
  }

  private int number(String what, NativeLibrary.Function function) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_INT);
      check(what, function.call(result));
      return result.get(JAVA_INT, 0);
    }
  }

  private void check(String what, int code) {
    if (code != SUCCESS) {
      throw new GpuException(what + ": " + describe(code));
    }
  }

  /** The driver's name and words for a code: {@code CUDA_ERROR_NO_DEVICE (no CUDA-capable device is detected)}. */
  String describe(int code) {
    String name = errorText(errorName, code);
    String text = errorText(errorText, code);
    return name.isEmpty() ? "error " + code : text.isEmpty() ? name : name + " (" + text + ")";
  }

  private static String errorText(NativeLibrary.Function function, int code) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(ADDRESS);
      if (function.call(code, result) != SUCCESS) {
        return "";
      }
      MemorySegment text = result.get(ADDRESS, 0);
      return text.address() == 0 ? "" : text.reinterpret(1024).getString(0, StandardCharsets.UTF_8);
    }
  }

  /**
   * The driver's functions for virtual memory of one GPU; all return the driver's code.
   *
   * @throws UnavailableException when the driver has none
   */
  VirtualMemory virtualMemory(int ordinal) throws UnavailableException {
    return new VirtualMemory(library, ordinal);
  }

  /** Addresses and the memory behind them, given separately. */
  static final class VirtualMemory {
    private final NativeLibrary.Function granularity;
    private final NativeLibrary.Function reserve;
    private final NativeLibrary.Function create;
    private final NativeLibrary.Function map;
    private final NativeLibrary.Function setAccess;
    private final NativeLibrary.Function unmap;
    private final NativeLibrary.Function releaseHandle;
    private final NativeLibrary.Function free;
    private final MemorySegment properties;
    private final MemorySegment access;
    private final MemorySegment result;

    private VirtualMemory(NativeLibrary library, int ordinal) throws UnavailableException {
      this.granularity = library.function("cuMemGetAllocationGranularity", ADDRESS, ADDRESS, JAVA_INT);
      this.reserve = library.function("cuMemAddressReserve", ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
      this.create = library.function("cuMemCreate", ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG);
      this.map = library.function("cuMemMap", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
      this.setAccess = library.function("cuMemSetAccess", JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG);
      this.unmap = library.function("cuMemUnmap", JAVA_LONG, JAVA_LONG);
      this.releaseHandle = library.function("cuMemRelease", JAVA_LONG);
      this.free = library.function("cuMemAddressFree", JAVA_LONG, JAVA_LONG);
      Arena arena = Arena.ofAuto();
      this.properties = arena.allocate(PROPERTIES_BYTES, 8);
      properties.set(JAVA_INT, PROPERTIES_TYPE, PINNED);
      properties.set(JAVA_INT, PROPERTIES_LOCATION_TYPE, ON_DEVICE);
      properties.set(JAVA_INT, PROPERTIES_LOCATION, ordinal);
      this.access = arena.allocate(ACCESS_BYTES, 4);
      access.set(JAVA_INT, ACCESS_LOCATION_TYPE, ON_DEVICE);
      access.set(JAVA_INT, ACCESS_LOCATION, ordinal);
      access.set(JAVA_INT, ACCESS_FLAGS, READ_AND_WRITE);
      this.result = arena.allocate(JAVA_LONG);
    }

    /** What the last call that gives a number gave. */
    long result() {
      return result.get(JAVA_LONG, 0);
    }

    int granularity() {
      return granularity.call(result, properties, 0);
    }

    int reserve(long bytes) {
      return reserve.call(result, bytes, 0L, 0L, 0L);
    }

    /** Makes memory and puts it behind addresses; it goes when it is unmapped. */
    int map(long address, long bytes) {
      int code = create.call(result, bytes, properties, 0L);
      if (code != SUCCESS) {
        return code;
      }
      long handle = result();
      code = map.call(address, bytes, 0L, handle, 0L);
      if (code == SUCCESS) {
        code = setAccess.call(address, bytes, access, 1L);
        if (code != SUCCESS) {
          unmap.call(address, bytes);
        }
      }
      releaseHandle.call(handle);
      return code;
    }

    int unmap(long address, long bytes) {
      return unmap.call(address, bytes);
    }

    int free(long address, long bytes) {
      return free.call(address, bytes);
    }
  }
}
