package dev.cocktail.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/** Any sequence of calls: blocks never overlap, come back whole, and lie at the same places again. */
class TensorArenaPropertyTest {
  /** Allocates so many bytes, or with a negative number frees one of the live blocks. */
  record Action(int bytes, int victim) {}

  @Provide
  Arbitrary<List<Action>> actions() {
    Arbitrary<Integer> bytes =
        Arbitraries.frequencyOf(
            Tuple.of(4, Arbitraries.integers().between(0, 3000)),
            Tuple.of(2, Arbitraries.integers().between(3000, 400_000)),
            Tuple.of(1, Arbitraries.integers().between(400_000, 3_000_000)),
            Tuple.of(5, Arbitraries.just(-1)));
    return Combinators.combine(bytes, Arbitraries.integers().between(0, 1000)).as(Action::new).list().ofMaxSize(120);
  }

  private static List<Tensor> play(TensorArena arena, List<Action> actions, List<Long> addresses) {
    List<Tensor> live = new ArrayList<>();
    for (Action action : actions) {
      if (action.bytes >= 0) {
        Tensor tensor = arena.allocate(DType.U8, action.bytes);
        addresses.add(tensor.address());
        live.add(tensor);
      } else if (!live.isEmpty()) {
        arena.free(live.remove(action.victim % live.size()));
      }
      checkLive(arena, live);
    }
    return live;
  }

  private static long blockBytes(Tensor tensor) {
    return Math.max(1, (tensor.byteSize() + TensorArena.ALIGNMENT - 1) / TensorArena.ALIGNMENT) * TensorArena.ALIGNMENT;
  }

  private static void checkLive(TensorArena arena, List<Tensor> live) {
    List<Tensor> sorted = new ArrayList<>(live);
    sorted.sort((a, b) -> Long.compare(a.address(), b.address()));
    long end = 0;
    long total = 0;
    for (Tensor tensor : sorted) {
      assertThat(tensor.address() % TensorArena.ALIGNMENT).as("aligned").isZero();
      assertThat(tensor.address()).as("no overlap").isGreaterThanOrEqualTo(end);
      end = tensor.address() + blockBytes(tensor);
      total += blockBytes(tensor);
    }
    assertThat(arena.allocatedBytes()).isEqualTo(total);
    assertThat(arena.peakBytes()).isGreaterThanOrEqualTo(total);
    assertThat(arena.reservedBytes()).isGreaterThanOrEqualTo(total);
  }

  @Property(tries = 200)
  void blocksDoNotOverlapAndComeBackWhole(@ForAll("actions") List<Action> actions) {
    var source = new AddressSource(1L << 30);
    var arena = new TensorArena("test", source, true);
    List<Tensor> live = play(arena, actions, new ArrayList<>());
    for (Tensor tensor : live) {
      assertThat(source.place(tensor.address())).isNotNull();
      int region = Integer.parseInt(source.place(tensor.address()).split("\\+")[0]);
      TensorArena.Region holder = source.regions.get(region);
      assertThat(tensor.address() + blockBytes(tensor))
          .as("inside its region")
          .isLessThanOrEqualTo(holder.address() + holder.bytes());
    }
    live.forEach(arena::free);
    assertThat(arena.allocatedBytes()).isZero();
    long reserved = arena.reservedBytes();
    // Free neighbours were merged: each region can be had in one piece again.
    List<TensorArena.Region> regions = new ArrayList<>(source.regions);
    regions.sort((a, b) -> Long.compare(b.bytes(), a.bytes()));
    for (TensorArena.Region region : regions) {
      arena.allocate(DType.U8, region.bytes());
    }
    assertThat(arena.reservedBytes()).isEqualTo(reserved);
    arena.close();
    arena.close();
    assertThat(source.held).isEmpty();
    assertThat(source.closed).isEqualTo(1);
  }

  @Property(tries = 100)
  void equalCallsGiveEqualPlaces(@ForAll("actions") List<Action> actions) {
    List<List<String>> places = new ArrayList<>();
    for (long first : new long[] {1L << 30, 0x7F12_3456_7000L}) {
      var source = new AddressSource(first);
      var arena = new TensorArena("test", source, false);
      List<Long> addresses = new ArrayList<>();
      play(arena, actions, addresses);
      places.add(addresses.stream().map(source::place).toList());
      arena.close();
    }
    assertThat(places.get(0)).isEqualTo(places.get(1));
  }
}
