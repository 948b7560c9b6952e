package dev.cocktail.transformer.text;

import static java.util.Objects.requireNonNull;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.cocktail.tensor.InvalidInputException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A model's tokenizer, as its {@code tokenizer.json} and {@code tokenizer_config.json} define it. The work is done by
 * Hugging Face's tokenizers library through DJL; its native part comes from the jar, is unpacked once to {@code
 * ~/.djl.ai} (or {@code DJL_CACHE_DIR}), and nothing is ever downloaded or reported.
 *
 * <p>An end-of-text token is never appended, whatever a configuration asks for: a prompt that has ended cannot be
 * continued. Text is never truncated or padded. Safe for use by several threads.
 */
public final class Tokenizer implements AutoCloseable {
  static {
    // DJL otherwise looks for a GPU build on its server where there is a GPU, and reports its use when it runs in
    // Amazon's
    // cloud. The build in its jar is the processor's.
    setIfAbsent("ai.djl.offline", "true");
    setIfAbsent("RUST_FLAVOR", "cpu");
    setIfAbsent("OPT_OUT_TRACKING", "true");
  }

  private final HuggingFaceTokenizer library;
  private final Map<String, Integer> ids;
  private final BitSet special;
  private final BitSet bytes;
  private final int vocabularySize;
  private final TokenizerConfig config;
  private final int[] prefix;

  private Tokenizer(HuggingFaceTokenizer library, TokenizerFile file, TokenizerConfig config, Path path) {
    this.library = library;
    this.config = config;
    this.vocabularySize = file.vocabularySize();
    this.ids = new HashMap<>(file.pieces());
    this.special = new BitSet(vocabularySize);
    for (var token : file.addedTokens()) {
      ids.put(token.content(), token.id());
      if (token.special()) {
        special.set(token.id());
      }
    }
    for (var entry : config.specialTokens().entrySet()) {
      var id = ids.get(entry.getValue());
      if (id == null) {
        throw new InvalidInputException(
            "%s: the %s \"%s\" of tokenizer_config.json is no token of tokenizer.json"
                .formatted(path, entry.getKey(), entry.getValue()));
      }
      special.set(id);
    }
    this.bytes = new BitSet();
    for (var value = 0; value < 256; value++) {
      idOf("<0x%02X>".formatted(value)).ifPresent(bytes::set);
    }
    this.prefix = prefix();
  }

  /**
   * Loads the tokenizer of a Hugging Face model folder.
   *
   * @throws InvalidInputException naming the file and what is wrong with it
   */
  public static Tokenizer load(Path folder) {
    requireNonNull(folder, "folder");
    if (!Files.isDirectory(folder)) {
      throw new InvalidInputException(folder + " is not a folder. Expected a model folder with a tokenizer.json in it");
    }
    var path = folder.resolve("tokenizer.json");
    var file = TokenizerFile.read(path);
    var config = TokenizerConfig.read(folder);
    var library = open(path, file);
    try {
      return new Tokenizer(library, file, config, folder);
    } catch (RuntimeException e) {
      library.close();
      throw e;
    }
  }

  private static HuggingFaceTokenizer open(Path path, TokenizerFile file) {
    var options = Map.of("truncation", "do_not_truncate", "padding", "do_not_pad", "addSpecialTokens", "false");
    try (var json = new ByteArrayInputStream(file.json().getBytes(StandardCharsets.UTF_8))) {
      return HuggingFaceTokenizer.newInstance(json, options);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (UnsatisfiedLinkError | ai.djl.engine.EngineException e) {
      throw new IllegalStateException(
          "The native tokenizer library could not be loaded on %s %s: %s. It is unpacked to ~/.djl.ai; set DJL_CACHE_DIR"
                  .formatted(System.getProperty("os.name"), System.getProperty("os.arch"), e.getMessage())
              + " when that cannot be written",
          e);
    } catch (RuntimeException e) {
      throw new InvalidInputException(
          "%s is not a tokenizer that can be used: %s. The file is damaged, or newer than this program; fetch it again"
              .formatted(path, e.getMessage()),
          e);
    }
  }

  /** What goes before a text: the configuration's BOS, or what tokenizer.json's post-processor puts there. */
  private int[] prefix() {
    if (config.addBos().isPresent()) {
      var bos = bosId();
      return config.addBos().get() && bos.isPresent() ? new int[] {bos.getAsInt()} : new int[0];
    }
    var plain = narrow(library.encode("a", false, false).getIds());
    var whole = narrow(library.encode("a", true, false).getIds());
    for (var at = 0; at + plain.length <= whole.length; at++) {
      if (Arrays.equals(plain, 0, plain.length, whole, at, at + plain.length)) {
        return Arrays.copyOf(whole, at);
      }
    }
    return new int[0];
  }

  /**
   * The ids of a text. Lone surrogates become U+FFFD.
   *
   * @param addSpecialTokens whether to begin with the tokens that the tokenizer puts before a text, such as BOS. Text
   *     that a chat template rendered brings its own.
   */
  public int[] encode(String text, boolean addSpecialTokens) {
    var plain = narrow(library.encode(wellFormed(text), false, false).getIds());
    return addSpecialTokens ? concat(prefix, plain) : plain;
  }

  /** The ids of a text and the span of characters that each came from; see {@link #encode(String, boolean)}. */
  public EncodedText encodeWithSpans(String text, boolean addSpecialTokens) {
    var source = wellFormed(text);
    var encoding = library.encode(source, false, false);
    var plain = narrow(encoding.getIds());
    var offset = addSpecialTokens ? prefix.length : 0;
    var starts = new int[offset + plain.length];
    var ends = new int[offset + plain.length];
    fillSpans(encoding, source, offset, starts, ends);
    return new EncodedText(addSpecialTokens ? concat(prefix, plain) : plain, starts, ends);
  }

  /** The library counts code points; Java counts UTF-16 units. */
  private static void fillSpans(Encoding encoding, String text, int offset, int[] starts, int[] ends) {
    var codePoints = text.codePointCount(0, text.length());
    int[] unitOf = null;
    if (codePoints != text.length()) {
      unitOf = new int[codePoints + 1];
      for (int i = 0, unit = 0; i <= codePoints; i++) {
        unitOf[i] = unit;
        unit += i < codePoints ? Character.charCount(text.codePointAt(unit)) : 0;
      }
    }
    var spans = encoding.getCharTokenSpans();
    var last = 0;
    for (var i = 0; i < spans.length; i++) {
      var start = spans[i] == null ? last : spans[i].getStart();
      var end = spans[i] == null ? last : spans[i].getEnd();
      starts[offset + i] = unitOf == null ? start : unitOf[start];
      ends[offset + i] = unitOf == null ? end : unitOf[end];
      last = end;
    }
  }

  /**
   * The text of ids.
   *
   * @param skipSpecialTokens whether to leave out special tokens such as {@code <|end|>}
   */
  public String decode(int[] tokens, boolean skipSpecialTokens) {
    if (tokens.length == 0) {
      return "";
    }
    var wide = new long[tokens.length];
    for (var i = 0; i < tokens.length; i++) {
      checkId(tokens[i]);
      wide[i] = tokens[i];
    }
    return library.decode(wide, skipSpecialTokens);
  }

  /** One more than the highest id; a model's embedding may have more rows. */
  public int vocabularySize() {
    return vocabularySize;
  }

  /** The id of a piece or an added token, by its exact text in the vocabulary. */
  public OptionalInt idOf(String token) {
    var id = ids.get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /** Whether an id stands for no text: marked so in tokenizer.json, or named BOS, EOS, padding or unknown. */
  public boolean isSpecial(int id) {
    checkId(id);
    return special.get(id);
  }

  /** Whether an id stands for one byte of a character that has no piece of its own. */
  boolean isByte(int id) {
    return bytes.get(id);
  }

  public OptionalInt bosId() {
    return specialId("bos_token");
  }

  public OptionalInt eosId() {
    return specialId("eos_token");
  }

  public OptionalInt padId() {
    return specialId("pad_token");
  }

  public OptionalInt unknownId() {
    return specialId("unk_token");
  }

  /** The texts of {@code bos_token}, {@code eos_token}, {@code pad_token}, {@code unk_token}, as far as given. */
  public Map<String, String> specialTokens() {
    return config.specialTokens();
  }

  /** The model's own chat template, if it has one. */
  public Optional<ChatTemplate> chatTemplate() {
    return config
        .chatTemplate()
        .map(source -> ChatTemplate.of(config.chatTemplateSource(), source, config.specialTokens()));
  }

  /** A decoder for ids that come one at a time. */
  public StreamingDecoder streamingDecoder(boolean skipSpecialTokens) {
    return new StreamingDecoder(this, skipSpecialTokens);
  }

  @Override
  public void close() {
    library.close();
  }

  private OptionalInt specialId(String name) {
    var token = config.specialTokens().get(name);
    return token == null ? OptionalInt.empty() : idOf(token);
  }

  private void checkId(int id) {
    if (id < 0) {
      throw new IllegalArgumentException("token id " + id + ": expected 0 or more");
    }
  }

  private static String wellFormed(String text) {
    StringBuilder repaired = null;
    for (var i = 0; i < text.length(); i++) {
      var c = text.charAt(i);
      if (!Character.isSurrogate(c)) {
        continue;
      }
      if (Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
        continue;
      }
      if (repaired == null) {
        repaired = new StringBuilder(text);
      }
      repaired.setCharAt(i, '\uFFFD');
    }
    return repaired == null ? text : repaired.toString();
  }

  private static int[] narrow(long[] wide) {
    var narrow = new int[wide.length];
    for (var i = 0; i < wide.length; i++) {
      narrow[i] = Math.toIntExact(wide[i]);
    }
    return narrow;
  }

  private static int[] concat(int[] head, int[] tail) {
    var all = Arrays.copyOf(head, head.length + tail.length);
    System.arraycopy(tail, 0, all, head.length, tail.length);
    return all;
  }

  private static void setIfAbsent(String key, String value) {
    if (System.getProperty(key) == null) {
      System.setProperty(key, value);
    }
  }
}
