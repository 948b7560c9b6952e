package dev.cocktail.tensor.cpu;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * The processor as a device: memory off the heap, operations on the Java Vector API, a fixed pool of threads.
 * Activations are F32.
 *
 * <p>System properties: {@code cocktail.threads} is the number of threads where the constructor is not told one; {@code
 * cocktail.poison=true} fills fresh and freed blocks with NaN bytes; {@code cocktail.leaks=trace} makes {@link
 * #close()} tell where each arena that is still open was opened.
 */
public final class CpuDevice implements Device {
  private final WorkerPool pool;
  private final CpuOps ops;
  private final CpuMemory memory = new CpuMemory();
  private final Map<TensorArena, Throwable> open = new LinkedHashMap<>();
  private final boolean poison = Boolean.getBoolean("cocktail.poison");
  private final boolean traceLeaks = "trace".equals(System.getProperty("cocktail.leaks"));
  private boolean closed;

  /** A device of as many threads as {@code cocktail.threads} says, or as there are processors. */
  public CpuDevice() {
    this(defaultThreads());
  }

  /**
   * A device of the given number of threads.
   *
   * @param threads at least 1; results do not depend on it
   */
  public CpuDevice(int threads) {
    pool = new WorkerPool(threads);
    ops = new CpuOps(pool, memory);
  }

  private static int defaultThreads() {
    String asked = System.getProperty("cocktail.threads");
    if (asked == null) {
      return Runtime.getRuntime().availableProcessors();
    }
    try {
      int threads = Integer.parseInt(asked.strip());
      if (threads >= 1) {
        return threads;
      }
    } catch (NumberFormatException e) {
      // told below
    }
    throw new InvalidInputException(
        "system property cocktail.threads is '"
            + asked
            + "'; expected the number of threads to compute with, 1 or more");
  }

  /** How many threads compute. */
  public int threads() {
    return pool.threads();
  }

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public String description() {
    return pool.threads()
        + (pool.threads() == 1 ? " thread on " : " threads on ")
        + Runtime.getRuntime().availableProcessors()
        + " processors ("
        + System.getProperty("os.arch")
        + "), "
        + Lanes.FLOATS.vectorBitSize()
        + "-bit vectors";
  }

  @Override
  public Ops ops() {
    return ops;
  }

  @Override
  public DType activationType() {
    return DType.F32;
  }

  @Override
  public synchronized TensorArena openArena(String name) {
    if (closed) {
      throw new IllegalStateException("the device is closed");
    }
    TensorArena arena = new TensorArena(name, new ArenaSource(), poison);
    open.put(arena, traceLeaks ? new Throwable("arena '" + name + "' was opened here") : null);
    return arena;
  }

  private synchronized void arenaClosed(TensorArena arena) {
    open.remove(arena);
    if (closed) {
      memory.trim();
    }
  }

  /** The tensor itself where operations can address its memory; a copy where it lies on the Java heap. */
  @Override
  public Tensor adopt(TensorArena arena, Tensor host) {
    if (host.segment().isNative()) {
      return host;
    }
    Tensor copy = arena.allocate(host.dtype(), host.shape());
    copyFromHost(copy, host);
    return copy;
  }

  @Override
  public void copyFromHost(Tensor target, Tensor host) {
    if (target.dtype() != host.dtype() || target.elements() != host.elements()) {
      throw new IllegalArgumentException("cannot copy " + host + " to " + target + ": dtypes and counts must agree");
    }
    target.segment().copyFrom(host.segment());
  }

  @Override
  public void copyToHost(Tensor host, Tensor source) {
    copyFromHost(host, source);
  }

  @Override
  public void synchronize() {
    // Operations are done when they return.
  }

  @Override
  public OptionalDouble peakOperationsPerSecond() {
    return OptionalDouble.of(MultiplyAddPeak.perSecond(pool));
  }

  @Override
  public long reservedBytes() {
    return memory.reservedBytes();
  }

  @Override
  public long peakReservedBytes() {
    return memory.peakReservedBytes();
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    pool.close();
    memory.trim();
    if (!open.isEmpty()) {
      throw leak();
    }
  }

  private IllegalStateException leak() {
    StringBuilder text = new StringBuilder("the device was closed before these arenas:");
    open.keySet().forEach(arena -> text.append(' ').append(arena).append(';'));
    text.setLength(text.length() - 1);
    if (!traceLeaks) {
      text.append(" (run with -Dcocktail.leaks=trace to see where they were opened)");
    }
    IllegalStateException leak = new IllegalStateException(text.toString());
    open.values().stream().filter(where -> where != null).forEach(leak::addSuppressed);
    return leak;
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
    public void closed(TensorArena arena) {
      arenaClosed(arena);
    }
  }
}
