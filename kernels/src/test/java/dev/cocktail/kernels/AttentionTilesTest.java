package dev.cocktail.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.cpu.CpuDevice;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Work lists: every token in one tile of its own sequence, the most work first. */
class AttentionTilesTest {
  private static final List<Integer> LENGTHS = List.of(130, 0, 1, 64, 65, 300, 0);

  private record Tile(int start, int end, int first) {}

  @Test
  void everyTokenIsInOneTileOfItsSequence() {
    withSequences(sequences -> {
      for (int rows : new int[] {32, 64, 128}) {
        for (int[] list :
            List.of(
                new AttentionTiles().ofQueries(sequences, rows, 17),
                new AttentionTiles().ofKeys(sequences, rows, AttentionShape.NO_WINDOW))) {
          Set<Integer> tokens = new HashSet<>();
          for (Tile tile : tiles(list)) {
            assertThat(tile.first - tile.start).isNotNegative().matches(offset -> offset % rows == 0);
            assertThat(tile.first).isLessThan(tile.end);
            for (int token = tile.first; token < Math.min(tile.first + rows, tile.end); token++) {
              assertThat(tokens.add(token)).isTrue();
              assertThat(sequences.offset(sequenceOf(sequences, token))).isEqualTo(tile.start);
              assertThat(sequences.offset(sequenceOf(sequences, token) + 1)).isEqualTo(tile.end);
            }
          }
          assertThat(tokens).hasSize(sequences.tokens());
        }
      }
    });
  }

  @Test
  void theMostWorkIsFirst() {
    withSequences(sequences -> {
      var tiles = new AttentionTiles();
      int window = AttentionShape.NO_WINDOW;
      assertThat(tiles(tiles.ofQueries(sequences, 64, window)).getFirst()).isEqualTo(new Tile(260, 560, 516));
      assertThat(tiles(tiles.ofKeys(sequences, 64, window)).getFirst()).isEqualTo(new Tile(260, 560, 260));
      int before = Integer.MAX_VALUE;
      for (Tile tile : tiles(tiles.ofQueries(sequences, 64, 100))) {
        int work = Math.min(tile.first + 64, tile.end) - Math.max(tile.start, tile.first - 99);
        assertThat(work).isLessThanOrEqualTo(before);
        before = work;
      }
    });
  }

  @Test
  void listsAreKeptForTheirSequencesOnly() {
    withSequences(sequences -> {
      var tiles = new AttentionTiles();
      int[] list = tiles.ofQueries(sequences, 64, 100);
      assertThat(tiles.ofQueries(sequences, 64, 100)).isSameAs(list);
      assertThat(tiles.ofKeys(sequences, 64, 100)).isNotSameAs(list);
      withSequences(others -> assertThat(tiles.ofQueries(others, 64, 100)).isNotSameAs(list).isEqualTo(list));
    });
  }

  private static void withSequences(Consumer<Sequences> use) {
    try (CpuDevice device = new CpuDevice(1);
        TensorArena arena = device.openArena("sequences")) {
      use.accept(Sequences.ofLengths(device, arena, LENGTHS));
    }
  }

  private static int sequenceOf(Sequences sequences, int token) {
    int b = 0;
    while (sequences.offset(b + 1) <= token) {
      b++;
    }
    return b;
  }

  private static List<Tile> tiles(int[] list) {
    List<Tile> tiles = new ArrayList<>();
    for (int i = 0; i < list.length; i += AttentionTiles.NUMBERS) {
      tiles.add(new Tile(list[i], list[i + 1], list[i + 2]));
    }
    return tiles;
  }
}
