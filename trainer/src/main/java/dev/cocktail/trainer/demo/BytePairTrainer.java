package dev.cocktail.trainer.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Learns a byte-level byte-pair encoding from text and writes it as a {@code tokenizer.json} of Hugging Face's format:
 * the most frequent neighbouring pair of pieces inside a word is merged, again and again (Sennrich, Haddow and Birch,
 * 2016, on bytes as GPT-2 uses them). Ties are broken by the pieces' text, so the result depends on the text alone.
 */
final class BytePairTrainer {
  /**
   * How the pre-tokenisers Split and ByteLevel cut text into words: letters or other marks, each with the blank before
   * it, and up to three digits without it, as Phi-4's tokenizer has them: a number is the same wherever it stands.
   */
  private static final Pattern WORD =
      Pattern.compile(
          "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+|\\s+(?=\\p{N})|\\s+(?!\\S)|\\s+");

  private record Pair(String left, String right) {}

  private final List<String> vocabulary = new ArrayList<>();
  private final List<Pair> merges = new ArrayList<>();

  private BytePairTrainer() {}

  /**
   * Learns from texts.
   *
   * @param specialTokens get the first ids, in order
   * @param vocabularySize number of pieces in all, special tokens and the 256 bytes included
   */
  static ObjectNode train(Iterable<String> texts, List<String> specialTokens, int vocabularySize) {
    var trainer = new BytePairTrainer();
    char[] byteAlphabet = byteAlphabet();
    trainer.vocabulary.addAll(specialTokens);
    for (char symbol : byteAlphabet) {
      trainer.vocabulary.add(String.valueOf(symbol));
    }
    trainer.learn(countWords(texts, byteAlphabet), vocabularySize);
    return trainer.toJson(specialTokens);
  }

  /** GPT-2's printable stand-ins for the 256 bytes: printable Latin-1 stays, the rest moves to U+0100 and up. */
  private static char[] byteAlphabet() {
    char[] alphabet = new char[256];
    int moved = 0;
    for (int b = 0; b < 256; b++) {
      boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
      alphabet[b] = printable ? (char) b : (char) (256 + moved++);
    }
    return alphabet;
  }

  private static Map<String, Integer> countWords(Iterable<String> texts, char[] byteAlphabet) {
    Map<String, Integer> counts = new TreeMap<>();
    for (String text : texts) {
      Matcher matcher = WORD.matcher(text);
      while (matcher.find()) {
        var word = new StringBuilder();
        for (byte b : matcher.group().getBytes(StandardCharsets.UTF_8)) {
          word.append(byteAlphabet[b & 0xFF]);
        }
        counts.merge(word.toString(), 1, Integer::sum);
      }
    }
    return counts;
  }

  private void learn(Map<String, Integer> wordCounts, int vocabularySize) {
    List<List<String>> words = new ArrayList<>();
    List<Integer> counts = new ArrayList<>();
    wordCounts.forEach((word, count) -> {
      words.add(new ArrayList<>(word.chars().mapToObj(c -> String.valueOf((char) c)).toList()));
      counts.add(count);
    });
    Comparator<Map.Entry<Pair, Integer>> byCountThenText =
        Map.Entry.<Pair, Integer>comparingByValue()
            .thenComparing(entry -> entry.getKey().left() + " " + entry.getKey().right(), Comparator.reverseOrder());
    while (vocabulary.size() < vocabularySize) {
      Map<Pair, Integer> pairs = new HashMap<>();
      for (int w = 0; w < words.size(); w++) {
        List<String> pieces = words.get(w);
        for (int i = 0; i + 1 < pieces.size(); i++) {
          pairs.merge(new Pair(pieces.get(i), pieces.get(i + 1)), counts.get(w), Integer::sum);
        }
      }
      var best = pairs.entrySet().stream().max(byCountThenText);
      if (best.isEmpty() || best.get().getValue() < 2) {
        return;
      }
      Pair pair = best.get().getKey();
      String merged = pair.left() + pair.right();
      merges.add(pair);
      vocabulary.add(merged);
      for (List<String> pieces : words) {
        for (int i = 0; i + 1 < pieces.size(); i++) {
          if (pieces.get(i).equals(pair.left()) && pieces.get(i + 1).equals(pair.right())) {
            pieces.set(i, merged);
            pieces.remove(i + 1);
          }
        }
      }
    }
  }

  private ObjectNode toJson(List<String> specialTokens) {
    ObjectNode root = new ObjectMapper().createObjectNode();
    root.put("version", "1.0").putNull("truncation").putNull("padding");
    ArrayNode added = root.putArray("added_tokens");
    for (int id = 0; id < specialTokens.size(); id++) {
      added
          .addObject()
          .put("id", id)
          .put("content", specialTokens.get(id))
          .put("single_word", false)
          .put("lstrip", false)
          .put("rstrip", false)
          .put("normalized", false)
          .put("special", true);
    }
    root.putNull("normalizer");
    ObjectNode preTokenizer = root.putObject("pre_tokenizer").put("type", "Sequence");
    ArrayNode cuts = preTokenizer.putArray("pretokenizers");
    cuts.addObject()
        .put("type", "Split")
        .put("behavior", "Isolated")
        .put("invert", false)
        .putObject("pattern")
        .put("Regex", "\\p{N}{1,3}");
    cuts.addObject()
        .put("type", "ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", false)
        .put("use_regex", true);
    root.putNull("post_processor");
    root.putObject("decoder")
        .put("type", "ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", false)
        .put("use_regex", true);
    ObjectNode model = root.putObject("model");
    model
        .put("type", "BPE")
        .putNull("dropout")
        .putNull("unk_token")
        .putNull("continuing_subword_prefix")
        .putNull("end_of_word_suffix")
        .put("fuse_unk", false)
        .put("byte_fallback", false)
        .put("ignore_merges", false);
    ObjectNode ids = model.putObject("vocab");
    for (int id = 0; id < vocabulary.size(); id++) {
      ids.put(vocabulary.get(id), id);
    }
    ArrayNode mergeList = model.putArray("merges");
    merges.forEach(pair -> mergeList.addArray().add(pair.left()).add(pair.right()));
    return root;
  }
}
