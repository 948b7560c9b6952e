package dev.cocktail.transformer;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;

/**
 * The keys and values of running sequences, one slot each, in every layer: activation [slots, capacity, nkv d]. The
 * capacity grows by doubling as sequences do, up to what the longest can become.
 */
final class KeyValueCache implements AutoCloseable {
  private static final int SMALLEST = 64;

  private final Phi3Config config;
  private final Device device;
  private final TensorArena arena;
  private final int slots;
  private final int longest;
  private final Tensor[] keys;
  private final Tensor[] values;
  private int capacity;

  /**
   * An empty cache.
   *
   * @param longest the most tokens that a sequence can come to
   */
  KeyValueCache(Phi3Config config, Device device, int slots, int longest) {
    this.config = config;
    this.device = device;
    this.slots = slots;
    this.longest = longest;
    this.arena = device.openArena("key/value cache");
    this.keys = new Tensor[config.layers()];
    this.values = new Tensor[config.layers()];
  }

  /** Makes room for sequences of this many tokens, keeping what is stored. */
  void reserve(int tokens) {
    if (tokens <= capacity) {
      return;
    }
    int wanted = (int) Math.min(Math.max(Math.max(2L * capacity, SMALLEST), tokens), Math.max(tokens, longest));
    for (int layer = 0; layer < keys.length; layer++) {
      keys[layer] = grown(keys[layer], wanted);
      values[layer] = grown(values[layer], wanted);
    }
    capacity = wanted;
  }

  private Tensor grown(Tensor old, int wanted) {
    DType dtype = device.activationType();
    int width = config.attentionShape().kvWidth();
    Tensor tensor = arena.allocate(dtype, slots, wanted, width);
    if (old != null) {
      for (int slot = 0; slot < slots; slot++) {
        Tensor target = tensor.rows(slot, 1).reshape(wanted, width).rows(0, capacity);
        device.ops().cast(target, old.rows(slot, 1).reshape(capacity, width));
      }
      arena.free(old);
    }
    return tensor;
  }

  /** Keys of a layer, activation [slots, capacity, nkv d]. */
  Tensor keys(int layer) {
    return keys[layer];
  }

  /** Values of a layer, activation [slots, capacity, nkv d]. */
  Tensor values(int layer) {
    return values[layer];
  }

  @Override
  public void close() {
    arena.close();
  }
}
