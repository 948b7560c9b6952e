package dev.cocktail.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;

/** Addresses without memory behind them, as a device's are to Java. */
final class AddressSource implements TensorArena.Source {
  final List<TensorArena.Region> regions = new ArrayList<>();
  final List<TensorArena.Region> held = new ArrayList<>();
  int closed;
  long next;

  AddressSource(long first) {
    next = first;
  }

  @Override
  public TensorArena.Region acquire(long bytes) {
    if (bytes > 1L << 40) {
      throw new OutOfMemoryError("as planned");
    }
    long rounded = (bytes + TensorArena.ALIGNMENT - 1) / TensorArena.ALIGNMENT * TensorArena.ALIGNMENT;
    var region = new TensorArena.Region(next, rounded, null);
    regions.add(region);
    held.add(region);
    // Regions touch each other: blocks must not be merged across their borders.
    next += rounded;
    return region;
  }

  @Override
  public void release(TensorArena.Region region) {
    assertThat(held.remove(region)).as("released once").isTrue();
  }

  @Override
  public void closed(TensorArena arena) {
    closed++;
  }

  /** Which region an address lies in and how far from its start. */
  String place(long address) {
    for (int i = 0; i < regions.size(); i++) {
      long offset = address - regions.get(i).address();
      if (offset >= 0 && offset < regions.get(i).bytes()) {
        return i + "+" + offset;
      }
    }
    throw new AssertionError("no region holds " + address);
  }
}
