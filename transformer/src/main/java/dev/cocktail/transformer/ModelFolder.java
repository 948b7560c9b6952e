package dev.cocktail.transformer;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.safetensors.AtomicFile;
import dev.cocktail.tensor.safetensors.Checkpoint;
import dev.cocktail.tensor.safetensors.CheckpointWriter;
import dev.cocktail.tensor.safetensors.StoredTensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** Writes Hugging Face model folders: a model's new weights beside the configuration and tokenizer it came with. */
public final class ModelFolder {
  private static final JsonMapper MAPPER = JsonMapper.builder().build();
  private static final long MAX_SHARD_BYTES = 5_000_000_000L;

  /** What stands beside weights: tokenizers, templates, configurations, texts, the code of custom configurations. */
  private static final Set<String> COMPANIONS = Set.of("json", "txt", "model", "jinja", "tiktoken", "md", "py");

  private ModelFolder() {}

  /**
   * Writes a model folder. Weights go to {@code model.safetensors}, or to shards of at most 5 GB with an index; {@code
   * config.json} is the source's, naming the new dtype; other small files (tokenizer, chat template, generation
   * configuration) are copied. {@code config.json} is written last, so an unfinished folder is not taken for a model.
   *
   * @param target the new folder; made when absent
   * @param source the folder whose configuration and tokenizer the model has
   * @param weights all tensors, made one after the other
   * @param dtype the weights' main type, which the configuration will name
   * @throws InvalidInputException when the target holds a model already
   */
  public static void write(Path target, Path source, List<StoredTensor> weights, DType dtype) {
    requireFree(target);
    CheckpointWriter.write(target, weights, Map.of("format", "pt"), MAX_SHARD_BYTES);
    try (Stream<Path> files = Files.list(source)) {
      for (Path file : files.filter(ModelFolder::isCompanion).sorted().toList()) {
        copy(file, target.resolve(file.getFileName()));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("could not copy the files beside the weights from " + source + " to " + target, e);
    }
    AtomicFile.writeText(target.resolve("config.json"), configuration(source, dtype));
  }

  private static void copy(Path from, Path to) throws IOException {
    ByteBuffer contents = ByteBuffer.wrap(Files.readAllBytes(from));
    AtomicFile.write(
        to,
        channel -> {
          while (contents.hasRemaining()) {
            channel.write(contents);
          }
        });
  }

  /** Refuses a folder that holds a model, before any work is done for it. */
  public static void requireFree(Path target) {
    for (String name : List.of("config.json", Checkpoint.SINGLE_FILE, Checkpoint.INDEX_FILE)) {
      if (Files.exists(target.resolve(name))) {
        throw new InvalidInputException(target + " already holds a model (" + name + "); choose a new folder");
      }
    }
  }

  private static boolean isCompanion(Path file) {
    String name = file.getFileName().toString();
    if (!Files.isRegularFile(file)
        || name.equals("config.json")
        || name.endsWith(".index.json")
        || name.startsWith(".")) {
      return false;
    }
    int dot = name.lastIndexOf('.');
    return COMPANIONS.contains(name.substring(dot + 1)) || name.startsWith("LICENSE") || name.startsWith("NOTICE");
  }

  private static String configuration(Path source, DType dtype) {
    try {
      ObjectNode config = (ObjectNode) MAPPER.readTree(Files.readAllBytes(source.resolve("config.json")));
      String name =
          switch (dtype) {
            case F32 -> "float32";
            case BF16 -> "bfloat16";
            case F16 -> "float16";
            default ->
                throw new IllegalArgumentException(
                    "models are written as F32, BF16 or F16, not " + dtype.name().toLowerCase(Locale.ROOT));
          };
      // Each spelling keeps its own key; a reader of either finds the one it knows.
      config.put(config.has("dtype") ? "dtype" : "torch_dtype", name);
      return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(config) + "\n";
    } catch (IOException e) {
      throw new UncheckedIOException("could not read the configuration in " + source, e);
    }
  }
}
