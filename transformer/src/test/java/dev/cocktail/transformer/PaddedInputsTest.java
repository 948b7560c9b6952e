package dev.cocktail.transformer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.transformer.testing.Golden;
import dev.cocktail.transformer.testing.TestDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rectangles into packed sequences and back. */
class PaddedInputsTest {
  @TempDir Path temporary;

  private PaddedInputs parse(String json) throws IOException {
    Path file = temporary.resolve("tokens.json");
    Files.writeString(file, json);
    return PaddedInputs.read(file, Golden.bundled(temporary).config());
  }

  private void refuses(String json, String... parts) {
    var refusal =
        assertThatThrownBy(() -> parse(json))
            .as(json)
            .isInstanceOf(InvalidInputException.class)
            .hasMessageContaining("tokens.json");
    for (String part : parts) {
      refusal.hasMessageContaining(part);
    }
  }

  @Test
  void paddingOnEitherSideIsLeftOut() throws IOException {
    PaddedInputs inputs =
        parse(
            """
            {"input_ids": [[5, 6, 7, 0], [0, 0, 8, 9], [0, 0, 0, 0]],
             "attention_mask": [[1, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 0]],
             "labels": [[-100, 6, 7, -100], [-100, -100, -100, 9], [-100, -100, -100, -100]]}\
            """);
    List<TokenSequence> sequences = inputs.sequences();
    assertThat(sequences.get(0).ids()).containsExactly(5, 6, 7);
    assertThat(sequences.get(0).positions()).containsExactly(0, 1, 2);
    assertThat(sequences.get(0).targets()).containsExactly(6, 7, -1);
    assertThat(sequences.get(0).lossWeights()).containsExactly(1f / 3, 1f / 3, 0);
    assertThat(sequences.get(1).ids()).containsExactly(8, 9);
    assertThat(sequences.get(1).positions()).containsExactly(2, 3);
    assertThat(sequences.get(1).targets()).containsExactly(9, -1);
    assertThat(sequences.get(1).ropeLength()).isEqualTo(4);
    assertThat(sequences.get(2).length()).isZero();
    Tensor spread = inputs.unpack(Tensor.ofFloats(Shape.of(5, 2), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
    assertThat(spread.shape()).isEqualTo(Shape.of(3, 4, 2));
    assertThat(spread.toFloats())
        .containsExactly(1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0, 7, 8, 9, 10, 0, 0, 0, 0, 0, 0, 0, 0);
  }

  @Test
  void maskAndLabelsMayBeAbsent() throws IOException {
    TokenSequence sequence = parse("{\"input_ids\": [[5, 6]]}").sequences().getFirst();
    assertThat(sequence.ids()).containsExactly(5, 6);
    assertThat(sequence.targetCount()).isZero();
  }

  @Test
  void badFilesAreRefusedByPlace() {
    refuses("[1]", "JSON object");
    refuses("{\"ids\": [[1]]}", "input_ids");
    refuses("{\"input_ids\": [[1, 2], [3]]}", "row 1", "2 numbers");
    refuses("{\"input_ids\": 3}", "input_ids", "rows");
    refuses("{\"input_ids\": [[1, \"x\"]]}", "[0][1]", "\"x\"");
    refuses("{\"input_ids\": [[1, 1.5]]}", "[0][1]");
    refuses("{\"input_ids\": [[1, 512]]}", "[0][1] is 512", "vocabulary of 512");
    refuses("{\"input_ids\": [[-1]]}", "[0][0] is -1");
    refuses("{\"input_ids\": [[1, 2]], \"labels\": [[1, 512]]}", "'labels' [0][1]");
    refuses("{\"input_ids\": [[1, 2]], \"labels\": [[1]]}", "row 0 of 'labels'");
    refuses("{\"input_ids\": [[1, 2]], \"attention_mask\": []}", "attention_mask", "1 rows");
    refuses("{\"input_ids\": [[1, 2, 3]], \"attention_mask\": [[1, 0, 1]]}", "row 0", "gap");
    refuses(
        "{\"input_ids\": [[1, 2, 3]], \"attention_mask\": [[0, 1, 1]], \"labels\": [[-100, 2, 3]]}", "[0][1]", "hides");
  }

  @Test
  void rowsBeyondTheContextAreRefused() {
    refuses("{\"input_ids\": [[" + "1, ".repeat(4096) + "1]]}", "4097", "4096");
  }

  @Test
  void tokensOutsideTheVocabularyAreNotPacked() {
    Phi3Config config = Golden.bundled(temporary).config();
    try (Device device = TestDevice.CPU.open();
        TensorArena arena = device.openArena("step")) {
      assertThatThrownBy(() -> TokenBatch.pack(config, device, arena, List.of(TokenSequence.of(512))))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("512");
      TokenSequence target = TokenSequence.of(1).withTargets(new int[] {512});
      assertThatThrownBy(() -> TokenBatch.pack(config, device, arena, List.of(target)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("target 512");
    }
  }

  @Test
  void sequencesKnowTheirTargets() {
    TokenSequence sequence = TokenSequence.supervised(new int[] {4, 5, 6}, new int[] {4, -100, 6});
    assertThat(sequence.targets()).containsExactly(-1, 6, -1);
    assertThat(sequence.lossWeights()).containsExactly(0, 1, 0);
    assertThat(sequence.weighted(0.25).lossWeights()).containsExactly(0, 0.25f, 0);
    assertThat(sequence.ofTask(3).task()).isEqualTo(3);
    assertThat(sequence.startingAt(9).positions()).containsExactly(9, 10, 11);
    assertThat(sequence.startingAt(9).ropeLength()).isEqualTo(12);
    assertThatThrownBy(() -> TokenSequence.supervised(new int[2], new int[3]))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
