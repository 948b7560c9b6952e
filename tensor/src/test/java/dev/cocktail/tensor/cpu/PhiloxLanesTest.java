package dev.cocktail.tensor.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.Philox;
import dev.cocktail.tensor.RandomKey;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PhiloxLanesTest {
  /** The last two runs carry from the counter's low word to its high one. */
  @ParameterizedTest
  @ValueSource(longs = {0, 5, 1L << 40, 0xFFFFFFFAL, -6})
  void drawsTheWordsOfTheScalarForm(long first) {
    var key = new RandomKey(0x0123456789ABCDEFL, 0xFEDCBA9876543210L);
    int[] expected = new int[4];
    for (int blocks : new int[] {1, 7, 8, 9, 37}) {
      int[] words = new int[4 * blocks];
      PhiloxLanes.fill(key, first, blocks, words);
      for (int block = 0; block < blocks; block++) {
        Philox.block(key, first + block, expected);
        assertThat(Arrays.copyOfRange(words, 4 * block, 4 * block + 4)).isEqualTo(expected);
      }
    }
  }
}
