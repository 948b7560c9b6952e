package dev.cocktail.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The known answers that Random123, the generator's first implementation, publishes for philox4x32 with 10 rounds. */
class PhiloxTest {
  @Test
  void zeros() {
    assertThat(words(new RandomKey(0, 0), 0)).containsExactly(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
  }

  @Test
  void ones() {
    assertThat(words(new RandomKey(-1, -1), -1)).containsExactly(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
  }

  @Test
  void digitsOfPi() {
    // Counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0: the low word of each pair comes first.
    var key = new RandomKey(0x299f31d0_a4093822L, 0x03707344_13198a2eL);
    assertThat(words(key, 0x85a308d3_243f6a88L)).containsExactly(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
  }

  @Test
  void unitFloatsAreHalfOpenAndExact() {
    assertThat(Philox.toUnitFloat(0)).isZero();
    assertThat(Philox.toUnitFloat(-1)).isEqualTo(1 - 0x1p-24f);
    assertThat(Philox.toUnitFloat(0x80000000)).isEqualTo(0.5f);
  }

  private static int[] words(RandomKey key, long block) {
    int[] words = new int[4];
    Philox.block(key, block, words);
    return words;
  }
}
