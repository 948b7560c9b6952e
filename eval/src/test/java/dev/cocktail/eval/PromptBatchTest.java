package dev.cocktail.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class PromptBatchTest {
  @Property(tries = 300)
  void everyPromptIsInOneBatchThatFits(
      @ForAll @Size(max = 50) List<@IntRange(min = 1, max = 100) Integer> rooms,
      @ForAll @IntRange(min = 100, max = 5000) int budget) {
    int[] lengths = rooms.stream().mapToInt(room -> room).toArray();
    List<Integer> seen = new ArrayList<>();
    int before = 0;
    for (PromptBatch batch : PromptBatch.of(lengths, budget)) {
      int shortest = batch.prompts().stream().mapToInt(prompt -> lengths[prompt]).min().orElseThrow();
      int longest = batch.prompts().stream().mapToInt(prompt -> lengths[prompt]).max().orElseThrow();
      assertThat(batch.slots()).isPositive();
      assertThat(batch.slots() * longest).isLessThanOrEqualTo(budget);
      assertThat(shortest).isGreaterThan(before);
      before = longest;
      seen.addAll(batch.prompts());
    }
    assertThat(seen).containsExactlyInAnyOrderElementsOf(IntStream.range(0, lengths.length).boxed().toList());
  }

  @Test
  void longPromptsRunOneByOneAndShortOnesTogether() {
    assertThat(PromptBatch.of(new int[] {90, 10, 9, 60, 11}, 100))
        .containsExactly(
            new PromptBatch(List.of(2, 1, 4), 9), new PromptBatch(List.of(3), 1), new PromptBatch(List.of(0), 1));
    assertThatThrownBy(() -> PromptBatch.of(new int[] {101}, 100)).isInstanceOf(IllegalArgumentException.class);
  }
}
