package dev.cocktail.trainer.scratch;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.transformer.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BytePairTrainerTest {
  private static final List<String> TEXTS =
      IntStream.range(0, 200)
          .mapToObj(
              i -> "Net sales of company " + i * 37 % 101 + " rose to EUR " + i * 7919 % 997 + " mn, the firm said.")
          .toList();

  /** The example of Sennrich, Haddow and Birch (2016): the first merges of low, lower, newest, widest. */
  @Test
  void theMostFrequentPairsAreMergedFirst() {
    String text = "low ".repeat(5) + "lower ".repeat(2) + "newest ".repeat(6) + "widest ".repeat(3);

    ObjectNode json = BytePairTrainer.train(List.of(text.strip()), List.of("<end>"), 1 + 256 + 3);

    assertThat(json.path("model").path("merges").toString()).isEqualTo("[[\"e\",\"s\"],[\"es\",\"t\"],[\"l\",\"o\"]]");
    assertThat(json.path("model").path("vocab").path("<end>").intValue()).isZero();
    assertThat(json.path("model").path("vocab")).hasSize(260);
  }

  @Test
  void theLearntTokenizerLoadsAndGivesTextBack(@TempDir Path folder) throws IOException {
    Files.writeString(
        folder.resolve("tokenizer.json"), BytePairTrainer.train(TEXTS, UntrainedModel.SPECIAL_TOKENS, 600).toString());
    Files.writeString(folder.resolve("tokenizer_config.json"), "{}");
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      for (String text : List.of(TEXTS.getFirst(), "Ünïcödé 漢字 🙂", "a  b\n\tc")) {
        int[] ids = tokenizer.encode(text, false);
        assertThat(tokenizer.decode(ids, true)).isEqualTo(text);
      }
      assertThat(tokenizer.encode("<|user|>", false)).containsExactly(2);
      assertThat(tokenizer.encode(TEXTS.getFirst(), false).length).isLessThan(TEXTS.getFirst().length() / 2);
    }
  }

  /** Counts that are kept up to date find the pairs that counting anew for every merge would. */
  @Test
  void mergesAreThoseOfCountingAnew() {
    ObjectNode json = BytePairTrainer.train(TEXTS, List.of("<end>"), 1 + 256 + 60);

    Map<List<String>, Long> words = new HashMap<>();
    for (String text : TEXTS) {
      var matcher = BytePairTrainer.WORD.matcher(text);
      while (matcher.find()) {
        words.merge(matcher.group().replace(' ', 'Ġ').chars().mapToObj(c -> "" + (char) c).toList(), 1L, Long::sum);
      }
    }
    for (var merge : json.path("model").path("merges")) {
      Map<List<String>, Long> pairs = new HashMap<>();
      Map<List<String>, Long> merged = new HashMap<>();
      words.forEach((word, count) ->
          IntStream.range(1, word.size())
              .forEach(i -> pairs.merge(List.of(word.get(i - 1), word.get(i)), count, Long::sum)));
      long most = pairs.values().stream().mapToLong(count -> count).max().orElseThrow();
      List<String> first =
          pairs.keySet().stream()
              .filter(pair -> pairs.get(pair) == most)
              .min((a, b) -> String.join(" ", a).compareTo(String.join(" ", b)))
              .orElseThrow();
      assertThat(List.of(merge.get(0).asText(), merge.get(1).asText())).isEqualTo(first);
      words.forEach((word, count) -> merged.merge(merge(word, first), count, Long::sum));
      words = merged;
    }
    assertThat(json.path("model").path("merges")).hasSize(60);
  }

  private static List<String> merge(List<String> word, List<String> pair) {
    List<String> pieces = new ArrayList<>();
    for (int i = 0; i < word.size(); i++) {
      boolean here = i + 1 < word.size() && word.get(i).equals(pair.get(0)) && word.get(i + 1).equals(pair.get(1));
      pieces.add(here ? word.get(i) + word.get(++i) : word.get(i));
    }
    return pieces;
  }
}
