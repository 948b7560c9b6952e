package dev.cocktail.trainer.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.lora.AdaptedModel;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.JsonProblem;
import dev.cocktail.transformer.Generated;
import dev.cocktail.transformer.GenerationListener;
import dev.cocktail.transformer.GenerationSettings;
import dev.cocktail.transformer.Generator;
import dev.cocktail.transformer.text.ChatTemplate;
import dev.cocktail.transformer.text.Message;
import dev.cocktail.transformer.text.StreamingDecoder;
import dev.cocktail.transformer.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code cocktail generate}: continues prompts. */
@Command(
    name = "generate",
    description = "Continues prompts, as text that comes while it is made.",
    mixinStandardHelpOptions = true)
final class GenerateCommand extends CocktailCommand {
  private static final int DEFAULT_NEW_TOKENS = 256;

  @Mixin private ModelOptions options;

  @ArgGroup(exclusive = true, multiplicity = "1")
  private Prompts prompts;

  /** Where prompts come from: one of the two. */
  static final class Prompts {
    @Option(
        names = "--prompt",
        paramLabel = "TEXT",
        required = true,
        description = "A prompt; may be given several times. A model with a chat template gets it as a user's message.")
    private List<String> texts;

    @Option(
        names = "--tokens",
        paramLabel = "FILE.json",
        required = true,
        description = "Prompts as token ids: [[1, 2], [3]] or {\"input_ids\": [[1, 2], [3]]}.")
    private Path tokens;
  }

  @Option(names = "--raw", description = "Continue the text as it stands, without the chat template.")
  private boolean raw;

  @Option(names = "--system", paramLabel = "TEXT", description = "A system message before each prompt.")
  private String system;

  @Option(
      names = "--max-new-tokens",
      paramLabel = "N",
      description = "Most tokens to add (default: " + DEFAULT_NEW_TOKENS + ").")
  private int maxNewTokens = DEFAULT_NEW_TOKENS;

  @Option(
      names = "--temperature",
      paramLabel = "X",
      description = "0 takes the likeliest token always; above, tokens are drawn (default: 0).")
  private double temperature;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      description = "Draw among the K likeliest tokens only; 0 for all (default).")
  private int topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description = "Draw among the fewest tokens that have this probability together only (default: 1, all).")
  private double topP = 1;

  @Option(names = "--ignore-eos", description = "Do not stop at the model's stop tokens.")
  private boolean ignoreEos;

  @Override
  public Integer call() {
    // Text needs the tokenizer; ids do without, since a folder may have none.
    try (Tokenizer tokenizer = prompts.texts != null || hasTokenizer() ? Tokenizer.load(options.model()) : null;
        Device device = shared().openDevice(this::note);
        AdaptedModel opened = options.open(device, false)) {
      List<int[]> ids = prompts.texts == null ? readIds(prompts.tokens) : encode(tokenizer);
      Set<Integer> stopIds = ignoreEos ? Set.of() : opened.stopIds();
      var settings =
          new GenerationSettings(
              maxNewTokens,
              temperature,
              topK,
              topP,
              shared().seed().orElse(0),
              stopIds,
              GenerationSettings.greedy(1, stopIds).maxBatch());
      boolean streams = ids.size() == 1 && tokenizer != null && !shared().json();
      List<Generated> results =
          new Generator(opened.model(), opened.transform())
              .generate(ids, settings, streams ? streaming(tokenizer) : GenerationListener.NONE);
      for (int prompt = 0; prompt < results.size() && !streams; prompt++) {
        print(tokenizer, prompt, results.get(prompt));
      }
      return DONE;
    }
  }

  private boolean hasTokenizer() {
    return Files.exists(options.model().resolve("tokenizer.json"));
  }

  private List<int[]> encode(Tokenizer tokenizer) {
    Optional<ChatTemplate> template = raw ? Optional.empty() : tokenizer.chatTemplate();
    if (system != null && template.isEmpty()) {
      throw new InvalidInputException(
          "--system needs a chat template; " + (raw ? "--raw does without it" : options.model() + " has none"));
    }
    List<int[]> ids = new ArrayList<>();
    for (String text : prompts.texts) {
      if (template.isEmpty()) {
        ids.add(tokenizer.encode(text, true));
        continue;
      }
      List<Message> messages = new ArrayList<>();
      if (system != null) {
        messages.add(Message.system(system));
      }
      messages.add(Message.user(text));
      // The template writes the special tokens itself.
      ids.add(tokenizer.encode(template.get().render(messages, true), false));
    }
    return ids;
  }

  private static List<int[]> readIds(Path file) {
    JsonNode root;
    try {
      root = new ObjectMapper().readTree(Files.readAllBytes(file));
    } catch (JsonProcessingException e) {
      throw new InvalidInputException("--tokens: " + file + " is not valid JSON: " + JsonProblem.of(e), e);
    } catch (IOException e) {
      throw new InvalidInputException("--tokens: " + file + " cannot be read: " + e.getMessage(), e);
    }
    JsonNode rows = root.isObject() ? root.path("input_ids") : root;
    if (rows.isArray() && !rows.isEmpty() && rows.get(0).isNumber()) {
      return List.of(row(file, 0, rows));
    }
    List<int[]> prompts = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      prompts.add(row(file, i, rows.get(i)));
    }
    if (prompts.isEmpty()) {
      throw new InvalidInputException(
          "--tokens: " + file + " holds no prompts; expected [[1, 2], [3]] or {\"input_ids\": [[1, 2], [3]]}");
    }
    return prompts;
  }

  private static int[] row(Path file, int index, JsonNode row) {
    if (!row.isArray()) {
      throw new InvalidInputException("--tokens: " + file + ": prompt " + index + " is not a list of token ids");
    }
    int[] ids = new int[row.size()];
    for (int i = 0; i < ids.length; i++) {
      if (!row.get(i).isIntegralNumber() || !row.get(i).canConvertToInt()) {
        throw new InvalidInputException(
            "--tokens: " + file + ": prompt " + index + " has " + row.get(i) + " where a token id is expected");
      }
      ids[i] = row.get(i).intValue();
    }
    return ids;
  }

  private GenerationListener streaming(Tokenizer tokenizer) {
    StreamingDecoder decoder = tokenizer.streamingDecoder(true);
    return new GenerationListener() {
      @Override
      public void token(int prompt, int id) {
        print(decoder.next(id));
      }

      @Override
      public void finished(int prompt, Generated result) {
        print(decoder.finish() + System.lineSeparator());
      }

      private void print(String text) {
        out().print(text);
        out().flush();
      }
    };
  }

  private void print(Tokenizer tokenizer, int prompt, Generated result) {
    String text = tokenizer == null ? null : tokenizer.decode(result.answerIds(), true);
    if (shared().json()) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("prompt_ids", result.promptIds());
      row.put("ids", result.ids());
      row.put("text", text);
      row.put("finish", result.finish().label());
      printJson(row);
    } else if (text == null) {
      out().println(Arrays.toString(result.ids()));
    } else {
      out().println("[" + prompt + "] " + text);
    }
  }
}
