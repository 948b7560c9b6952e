package dev.cocktail.tensor;

import java.util.Optional;
import java.util.OptionalDouble;

/** A place where tensors live and operations run. A device is driven by one thread at a time. */
public interface Device extends AutoCloseable {
  /** Short name as the command line spells it: {@code cpu}, {@code cuda:0}. */
  String name();

  /** One line for people: the processor or GPU, its width or capability, its memory. */
  String description();

  /** The operations, running on this device. */
  Ops ops();

  /** The element type of activations and of their gradients: F32 on the CPU, BF16 or F32 on a GPU. */
  DType activationType();

  /**
   * The element type of trainable parameters, their gradients and the optimiser's state; F32, but F64 in a reference.
   */
  default DType parameterType() {
    return DType.F32;
  }

  /**
   * Opens an arena; its owner must close it before the device is closed. The arena throws {@link
   * OutOfDeviceMemoryException} where the device's own memory does not suffice.
   */
  TensorArena openArena(String name);

  /**
   * A tensor with the given host tensor's contents that this device's operations can read: the tensor itself where the
   * device reads host memory, otherwise a copy in {@code arena}.
   */
  Tensor adopt(TensorArena arena, Tensor host);

  /**
   * Copies all elements of a host tensor to a tensor of this device; dtype and number of elements must agree.
   * Operations issued later see them; when this returns, the host tensor may be changed or freed, though the copy may
   * be under way.
   */
  void copyFromHost(Tensor target, Tensor host);

  /**
   * Copies all elements of a tensor of this device to a host tensor; dtype and number of elements must agree. Waits for
   * the operations issued so far: when this returns, the elements can be read.
   */
  void copyToHost(Tensor host, Tensor source);

  /** Waits until all operations issued so far are done. */
  void synchronize();

  /** A mark among this device's operations, for measuring; it lives as long as the device. */
  default Moment openMoment() {
    return Moment.onHost();
  }

  /**
   * Floating-point operations a second that this device's multiply-add units could do on activations at best, so that
   * what is reached can be told as a share of it. Measured on a CPU, which takes a moment the first time; on a GPU what
   * its kind does in a clock, at its highest clock. Empty where nobody knows.
   */
  default OptionalDouble peakOperationsPerSecond() {
    return OptionalDouble.empty();
  }

  /** Bytes that arenas can still be given; {@link Long#MAX_VALUE} where nobody knows a limit, as on the host. */
  default long availableBytes() {
    return Long.MAX_VALUE;
  }

  /**
   * A device that computes nothing and holds no memory, but takes and gives back addresses as this one would, scratch
   * memory included: what runs on it tells by {@link #peakReservedBytes()} how much memory it will take. Copies from it
   * give zeros. Empty for devices without a known limit.
   */
  default Optional<Device> openPlanner() {
    return Optional.empty();
  }

  /** Bytes of all arenas' regions now held from the system. */
  long reservedBytes();

  /** The largest value {@link #reservedBytes()} ever had. */
  long peakReservedBytes();

  /**
   * Gives all memory and threads back.
   *
   * @throws IllegalStateException naming every arena that is still open
   */
  @Override
  void close();
}
