package dev.cocktail.trainer.scratch;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
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
  static final Pattern WORD =
      Pattern.compile(
          "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+|\\s+(?=\\p{N})|\\s+(?!\\S)|\\s+");

  /** Two pieces beside each other, by their ids. */
  private record Pair(int left, int right) {}

  /** How often a pair was in the text when this was noted. */
  private record Candidate(Pair pair, long count) {}

  /** The pieces of a word as merged so far, and how often the text has the word. */
  private static final class Word {
    private final long count;
    private int[] pieces;

    Word(int[] pieces, long count) {
      this.pieces = pieces;
      this.count = count;
    }

    void merge(Pair pair, int merged) {
      int[] shorter = new int[pieces.length];
      int length = 0;
      for (int i = 0; i < pieces.length; i++) {
        boolean here = i + 1 < pieces.length && pieces[i] == pair.left() && pieces[i + 1] == pair.right();
        shorter[length++] = here ? merged : pieces[i];
        i += here ? 1 : 0;
      }
      pieces = Arrays.copyOf(shorter, length);
    }
  }

  private final List<String> vocabulary = new ArrayList<>();
  private final Map<String, Integer> ids = new HashMap<>();
  private final List<Pair> merges = new ArrayList<>();
  private final Map<Pair, Long> counts = new HashMap<>();

  /** The words that have, or had, a pair. */
  private final Map<Pair, Set<Word>> wordsOf = new HashMap<>();

  private BytePairTrainer() {}

  /**
   * Learns from texts.
   *
   * @param specialTokens get the first ids, in order
   * @param vocabularySize most pieces in all, special tokens and the 256 bytes included; fewer where no pair is left
   *     that occurs twice
   */
  static ObjectNode train(Iterable<String> texts, List<String> specialTokens, int vocabularySize) {
    var trainer = new BytePairTrainer();
    char[] byteAlphabet = byteAlphabet();
    specialTokens.forEach(trainer::piece);
    for (char symbol : byteAlphabet) {
      trainer.piece(String.valueOf(symbol));
    }
    trainer.learn(countWords(texts, byteAlphabet), vocabularySize);
    return trainer.toJson(specialTokens);
  }

  /** A piece's id; a new one for a new piece. */
  private int piece(String text) {
    return ids.computeIfAbsent(
        text,
        _ -> {
          vocabulary.add(text);
          return vocabulary.size() - 1;
        });
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
    wordCounts.forEach((text, count) -> {
      var word = new Word(text.chars().map(c -> piece(String.valueOf((char) c))).toArray(), count);
      count(word, 1);
    });
    Comparator<Candidate> byCountThenText =
        Comparator.comparingLong((Candidate candidate) -> -candidate.count())
            .thenComparing(candidate -> text(candidate.pair()));
    var candidates = new PriorityQueue<>(byCountThenText);
    counts.forEach((pair, count) -> candidates.add(new Candidate(pair, count)));
    while (vocabulary.size() < vocabularySize && !candidates.isEmpty()) {
      Candidate best = candidates.poll();
      if (best.count() != counts.getOrDefault(best.pair(), 0L)) {
        continue; // Its count changed since it was noted, and was noted again then.
      }
      if (best.count() < 2) {
        return;
      }
      merges.add(best.pair());
      int merged = piece(vocabulary.get(best.pair().left()) + vocabulary.get(best.pair().right()));
      Set<Pair> changed = new HashSet<>();
      for (Word word : wordsOf.remove(best.pair())) {
        changed.addAll(count(word, -1));
        word.merge(best.pair(), merged);
        changed.addAll(count(word, 1));
      }
      changed.remove(best.pair());
      for (Pair pair : changed) {
        long count = counts.getOrDefault(pair, 0L);
        if (count > 0) {
          candidates.add(new Candidate(pair, count));
        }
      }
    }
  }

  /** Adds a word's pairs to the counts, or takes them away, and returns them. */
  private List<Pair> count(Word word, int sign) {
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; i + 1 < word.pieces.length; i++) {
      var pair = new Pair(word.pieces[i], word.pieces[i + 1]);
      pairs.add(pair);
      counts.merge(pair, sign * word.count, Long::sum);
      if (sign > 0) {
        wordsOf.computeIfAbsent(pair, _ -> new LinkedHashSet<>()).add(word);
      }
    }
    return pairs;
  }

  /** What decides between pairs that are equally frequent. */
  private String text(Pair pair) {
    return vocabulary.get(pair.left()) + " " + vocabulary.get(pair.right());
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
    ObjectNode vocab = model.putObject("vocab");
    for (int id = 0; id < vocabulary.size(); id++) {
      vocab.put(vocabulary.get(id), id);
    }
    ArrayNode mergeList = model.putArray("merges");
    merges.forEach(pair -> mergeList.addArray().add(vocabulary.get(pair.left())).add(vocabulary.get(pair.right())));
    return root;
  }
}
