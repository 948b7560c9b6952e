package dev.cocktail.tensor;

/** A tensor with a count of those who still need it; the last one to let go frees it, unless it was only borrowed. */
final class Storage {
  private final Tensor tensor;
  private final TensorArena owner;
  private int holders;

  private Storage(Tensor tensor, TensorArena owner, int holders) {
    this.tensor = tensor;
    this.owner = owner;
    this.holders = holders;
  }

  /** A fresh block with one holder. */
  static Storage allocate(TensorArena arena, DType dtype, Shape shape) {
    return new Storage(arena.allocate(dtype, shape), arena, 1);
  }

  /** Somebody else's tensor, never freed from here. */
  static Storage borrowed(Tensor tensor) {
    return new Storage(tensor, null, 1);
  }

  Tensor tensor() {
    return tensor;
  }

  /** Whether the only holder may write into the memory. */
  boolean isExclusive() {
    return owner != null && holders == 1;
  }

  Storage hold() {
    // Borrowed memory is not counted: weights are shared by tapes on several threads.
    if (owner != null) {
      holders++;
    }
    return this;
  }

  void release() {
    if (owner == null) {
      return;
    }
    if (holders == 0) {
      throw new IllegalStateException(tensor + " was let go more often than held");
    }
    holders--;
    if (holders == 0) {
      owner.free(tensor);
    }
  }
}
