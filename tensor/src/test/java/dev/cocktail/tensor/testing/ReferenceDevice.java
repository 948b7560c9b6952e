package dev.cocktail.tensor.testing;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * The device that judges the others: activations, parameters and statistics are F64, operations are naive ({@link
 * ReferenceOps}), and new memory is poisoned with NaN, so that reading what was never written shows.
 */
public final class ReferenceDevice implements Device {
  private final ReferenceOps ops = new ReferenceOps();
  private final Source source = new Source();

  /** Regions that are native memory of an arena of their own, so that touching them after their release throws. */
  private static final class Source implements TensorArena.Source {
    private final Map<Long, Arena> owners = new HashMap<>();
    private final Set<TensorArena> open = new LinkedHashSet<>();
    private long reservedBytes;
    private long peakReservedBytes;

    @Override
    public TensorArena.Region acquire(long bytes) {
      Arena owner = Arena.ofShared();
      MemorySegment segment = owner.allocate(bytes, TensorArena.ALIGNMENT);
      owners.put(segment.address(), owner);
      reservedBytes += bytes;
      peakReservedBytes = Math.max(peakReservedBytes, reservedBytes);
      return new TensorArena.Region(segment.address(), bytes, segment);
    }

    @Override
    public void release(TensorArena.Region region) {
      owners.remove(region.address()).close();
      reservedBytes -= region.bytes();
    }

    @Override
    public void closed(TensorArena arena) {
      open.remove(arena);
    }
  }

  @Override
  public String name() {
    return "reference";
  }

  @Override
  public String description() {
    return "plain loops in double precision";
  }

  @Override
  public Ops ops() {
    return ops;
  }

  @Override
  public DType activationType() {
    return DType.F64;
  }

  @Override
  public DType parameterType() {
    return DType.F64;
  }

  @Override
  public TensorArena openArena(String name) {
    var arena = new TensorArena(name, source, true);
    source.open.add(arena);
    return arena;
  }

  @Override
  public Tensor adopt(TensorArena arena, Tensor host) {
    return host;
  }

  @Override
  public void copyFromHost(Tensor target, Tensor host) {
    copy(target, host);
  }

  @Override
  public void copyToHost(Tensor host, Tensor source) {
    copy(host, source);
  }

  private static void copy(Tensor target, Tensor from) {
    if (target.dtype() != from.dtype() || target.elements() != from.elements()) {
      throw new IllegalArgumentException("cannot copy " + from + " to " + target);
    }
    target.segment().copyFrom(from.segment());
  }

  @Override
  public void synchronize() {
    // Operations are done when they return.
  }

  @Override
  public long reservedBytes() {
    return source.reservedBytes;
  }

  @Override
  public long peakReservedBytes() {
    return source.peakReservedBytes;
  }

  @Override
  public void close() {
    if (!source.open.isEmpty()) {
      throw new IllegalStateException("closing device " + name() + " while arenas are open: " + source.open);
    }
  }
}
