package dev.cocktail.trainer.scratch;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.safetensors.SafetensorsWriter;
import dev.cocktail.transformer.Phi3Config;
import dev.cocktail.transformer.Phi3Model;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The shape of a model that is made from nothing, by the names of {@code config.json}. Input and output embeddings are
 * the same matrix, as in small models these would be most of the parameters.
 *
 * @param vocabSize most pieces of the tokenizer; there are fewer where the text has too few pairs that repeat
 * @param hiddenSize a multiple of {@code numAttentionHeads}, whose quotient is even
 * @param numKeyValueHeads divides {@code numAttentionHeads}
 * @param maxPositionEmbeddings the longest sequence
 */
public record UntrainedModel(
    int vocabSize,
    int hiddenSize,
    int intermediateSize,
    int numHiddenLayers,
    int numAttentionHeads,
    int numKeyValueHeads,
    int maxPositionEmbeddings) {
  /** Special tokens; their ids are their places here, as the model's configurations name them. */
  public static final List<String> SPECIAL_TOKENS =
      List.of("<|endoftext|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>");

  private static final int BYTES = 256;
  private static final ObjectMapper JSON = new ObjectMapper();

  public UntrainedModel {
    int least = SPECIAL_TOKENS.size() + BYTES;
    require(vocabSize >= least, "vocab_size", vocabSize, "at least " + least + ": special tokens, and all bytes");
    require(intermediateSize > 0, "intermediate_size", intermediateSize, "at least 1");
    require(numHiddenLayers > 0, "num_hidden_layers", numHiddenLayers, "at least 1");
    require(numAttentionHeads > 0, "num_attention_heads", numAttentionHeads, "at least 1");
    require(
        hiddenSize > 0 && hiddenSize % (2 * numAttentionHeads) == 0,
        "hidden_size",
        hiddenSize,
        "a multiple of twice num_attention_heads, which is " + numAttentionHeads);
    require(
        numKeyValueHeads > 0 && numAttentionHeads % numKeyValueHeads == 0,
        "num_key_value_heads",
        numKeyValueHeads,
        "a divisor of num_attention_heads, which is " + numAttentionHeads);
    require(maxPositionEmbeddings > 1, "max_position_embeddings", maxPositionEmbeddings, "at least 2");
  }

  private static void require(boolean holds, String name, int value, String expected) {
    if (!holds) {
      throw new InvalidInputException("%s is %,d; expected %s".formatted(name, value, expected));
    }
  }

  /**
   * Writes the model's folder: configuration, a byte-level tokenizer learnt from text, a chat template, and random
   * weights in BF16.
   *
   * @param folder is made; files of these names in it are replaced
   * @param texts what the tokenizer is learnt from
   * @param seed decides every weight
   * @param device computes the weights
   * @return what was written
   */
  public Phi3Config write(Path folder, Iterable<String> texts, long seed, Device device) {
    ObjectNode tokenizer = BytePairTrainer.train(texts, SPECIAL_TOKENS, vocabSize);
    try {
      Files.createDirectories(folder);
      Files.write(folder.resolve("tokenizer.json"), JSON.writeValueAsBytes(tokenizer));
      ObjectNode config = resource("config.json");
      config.put("vocab_size", tokenizer.path("model").path("vocab").size());
      config.put("hidden_size", hiddenSize);
      config.put("intermediate_size", intermediateSize);
      config.put("num_hidden_layers", numHiddenLayers);
      config.put("num_attention_heads", numAttentionHeads);
      config.put("num_key_value_heads", numKeyValueHeads);
      config.put("max_position_embeddings", maxPositionEmbeddings);
      config.put("original_max_position_embeddings", maxPositionEmbeddings);
      write(folder.resolve("config.json"), config);
      write(folder.resolve("generation_config.json"), resource("generation_config.json"));
      ObjectNode tokenizerConfig = resource("tokenizer_config.json");
      tokenizerConfig.put("model_max_length", maxPositionEmbeddings);
      write(folder.resolve("tokenizer_config.json"), tokenizerConfig);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Phi3Config config = Phi3Config.read(folder);
    try (Phi3Model untrained = Phi3Model.random(config, device, DType.BF16, seed)) {
      Map<String, Tensor> weights = new LinkedHashMap<>();
      untrained
          .weights()
          .forEach((name, weight) -> {
            Tensor host = Tensor.zerosOnHost(DType.BF16, weight.value().shape());
            device.copyToHost(host, weight.value());
            weights.put(name, host);
          });
      SafetensorsWriter.write(folder.resolve("model.safetensors"), weights, Map.of("format", "pt"));
    }
    return config;
  }

  private static void write(Path file, ObjectNode content) throws IOException {
    Files.write(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(content));
  }

  private static ObjectNode resource(String name) throws IOException {
    try (InputStream in = UntrainedModel.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("this build lacks the file " + name);
      }
      return JSON.readValue(in, ObjectNode.class);
    }
  }
}
