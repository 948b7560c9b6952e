package dev.cocktail.tensor;

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

  /** Opens an arena; its owner must close it before the device is closed. */
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
