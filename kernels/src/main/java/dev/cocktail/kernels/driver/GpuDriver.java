package dev.cocktail.kernels.driver;

import java.lang.foreign.MemorySegment;

/**
 * One GPU and a context on it: memory, copies, streams, events, modules, launches. Everything above this interface,
 * from the allocation of arenas to the choice of kernels, is the same code whatever implements it. Used by one thread
 * at a time; addresses are the GPU's.
 *
 * <p>Copies, fills, launches and records are issued in the order of their stream and may be under way when the call
 * returns. A fault of earlier work on the GPU may show in any later call.
 *
 * @throws GpuException (all methods) when the driver refuses; the message names what was asked for
 */
public interface GpuDriver extends AutoCloseable {
  /** A queue of work. Work of different streams may overlap. */
  interface Stream {}

  /** A mark in a stream. */
  interface Event {}

  /** Loaded code. */
  interface Module {
    /**
     * A kernel of the module.
     *
     * @throws GpuException when the module has no kernel of this name
     */
    Function function(String name);
  }

  /** A kernel that can be launched. */
  interface Function {}

  /** What the GPU is. */
  GpuInfo info();

  /** The highest clock of the multiprocessors in hertz, 0 where nobody knows. */
  default double clockHertz() {
    return 0;
  }

  /** Whether anything is copied and computed; not so where only the use of memory is planned. */
  default boolean computes() {
    return true;
  }

  /** What a user should know about how this GPU is used, or an empty string. */
  default String note() {
    return "";
  }

  // Memory

  /** Bytes of memory that could be mapped now. */
  long freeBytes();

  /** Memory is mapped in multiples of this many bytes. */
  long granularity();

  /**
   * Takes a range of addresses without memory behind them.
   *
   * @param bytes a multiple of {@link #granularity()}
   */
  long reserve(long bytes);

  /**
   * Puts memory behind a part of a reserved range, contents undefined.
   *
   * @param address in a reserved range, at a multiple of the granularity from its start, not mapped yet
   * @param bytes a multiple of {@link #granularity()}
   * @throws OutOfGpuMemoryException when there is not as much
   */
  void map(long address, long bytes);

  /** Gives back a range that {@link #reserve} returned, with all memory behind it, once issued work is done. */
  void release(long address);

  /**
   * Tells that a block of mapped memory now belongs to a tensor, contents undefined. Means nothing to a GPU; an
   * emulator faults on accesses outside such blocks.
   */
  default void blockTaken(long address, long bytes) {}

  /** Tells that the block at the address, told to {@link #blockTaken}, belongs to nobody again. */
  default void blockReturned(long address) {}

  /** Memory of the host that the GPU can copy from and to without a detour, until the driver is closed. */
  MemorySegment allocatePinned(long bytes);

  // Copies

  /** Copies from the host; pinned memory must stay as it is until the copy is done, other memory may change at once. */
  void copyToGpu(long target, MemorySegment host, Stream stream);

  /** Copies to the host; the contents are there once the stream has been waited for. */
  void copyToHost(MemorySegment host, long source, Stream stream);

  /** Copies on the GPU; the ranges must not overlap. */
  void copyOnGpu(long target, long source, long bytes, Stream stream);

  /** Fills with a byte. */
  void fill(long target, byte value, long bytes, Stream stream);

  // Order

  Stream openStream();

  /** Waits until everything issued to the stream is done. */
  void synchronize(Stream stream);

  /** A mark that can be recorded again and again, until the driver is closed. */
  Event openEvent();

  /** Puts the mark behind everything issued to the stream so far. */
  void record(Event event, Stream stream);

  /** Makes what is issued to the stream from now on wait until the mark's last record is reached. */
  void await(Stream stream, Event event);

  /** Waits on the host until the mark's last record is reached; at once when it was never recorded. */
  void synchronize(Event event);

  /** Milliseconds between two marks that were reached. */
  double milliseconds(Event from, Event to);

  // Code

  /**
   * Loads a module.
   *
   * @param name for messages
   * @param ptx text of the module
   */
  Module load(String name, String ptx);

  /** Issues a kernel. The message of a failure names the kernel and the launch. */
  void launch(Function function, Launch launch, KernelArguments arguments, Stream stream);

  /** Waits for all work and gives everything back. */
  @Override
  void close();
}
