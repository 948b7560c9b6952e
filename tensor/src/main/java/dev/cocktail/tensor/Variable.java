package dev.cocktail.tensor;

import static java.util.Objects.requireNonNull;

/**
 * A value in a computation, and the place where its gradient gathers. Leaves are made here: weights that are not
 * trained, inputs, and parameters; everything else comes out of a {@link Tape}.
 */
public final class Variable {
  private final Storage storage;
  private final boolean parameter;
  private Storage gradient;
  private boolean requiresGradient;
  private boolean keepsGradient;
  private boolean consumed;

  private Variable(Storage storage, boolean parameter, Storage gradient, boolean requiresGradient) {
    this.storage = storage;
    this.parameter = parameter;
    this.gradient = gradient;
    this.requiresGradient = requiresGradient;
  }

  /** A value that needs no gradient: a frozen weight or an input. Its memory stays the caller's. */
  public static Variable frozen(Tensor value) {
    return new Variable(Storage.borrowed(requireNonNull(value, "value")), false, null, false);
  }

  /**
   * A trainable leaf. Every backward pass adds to the gradient; setting it to zero between steps, and the memory of
   * both, is the caller's.
   *
   * @param value parameter type
   * @param gradient of the value's dtype and shape
   */
  public static Variable parameter(Tensor value, Tensor gradient) {
    if (value.dtype() != gradient.dtype() || !value.shape().equals(gradient.shape())) {
      throw new IllegalArgumentException("a parameter " + value + " cannot have a gradient " + gradient);
    }
    return new Variable(Storage.borrowed(value), true, Storage.borrowed(gradient), true);
  }

  /**
   * What stands for a leaf in products: its value rounded to another type by whoever owns it, while the gradient is the
   * leaf's own.
   */
  public static Variable rounded(Tensor value, Variable leaf) {
    if (!value.shape().equals(leaf.value().shape())) {
      throw new IllegalArgumentException(leaf + " cannot be rounded to " + value);
    }
    return new Variable(Storage.borrowed(value), leaf.parameter, leaf.gradient, leaf.requiresGradient);
  }

  static Variable intermediate(Storage storage, boolean requiresGradient) {
    return new Variable(storage, false, null, requiresGradient);
  }

  /**
   * The value.
   *
   * @throws IllegalStateException when an operation that works in place has consumed it
   */
  public Tensor value() {
    if (consumed) {
      throw new IllegalStateException(storage.tensor() + " was consumed by an operation that works in place");
    }
    return storage.tensor();
  }

  /** The gradient gathered so far, or null where there is none (yet). */
  public Tensor gradient() {
    return gradient == null ? null : gradient.tensor();
  }

  /** Whether a backward pass computes a gradient for this value. */
  public boolean requiresGradient() {
    return requiresGradient;
  }

  /** Whether this is a trainable leaf. */
  public boolean isParameter() {
    return parameter;
  }

  /** The type and shape of the value, known even after it was consumed. */
  Tensor handle() {
    return storage.tensor();
  }

  Storage storage() {
    return storage;
  }

  Storage gradientStorage() {
    return gradient;
  }

  void setGradient(Storage gradient) {
    this.gradient = gradient;
  }

  boolean keepsGradient() {
    return keepsGradient;
  }

  void keepGradient() {
    requiresGradient = true;
    keepsGradient = true;
  }

  void consume() {
    consumed = true;
  }

  @Override
  public String toString() {
    return (parameter ? "parameter " : "variable ") + storage.tensor();
  }
}
