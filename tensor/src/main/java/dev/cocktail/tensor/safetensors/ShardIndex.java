package dev.cocktail.tensor.safetensors;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.JsonProblem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Reads and writes {@code model.safetensors.index.json}: which shard holds which tensor. */
final class ShardIndex {
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private ShardIndex() {}

  /**
   * Shard file of every tensor, in the index's order. The files need not exist, but lie in the index's folder.
   *
   * @throws InvalidInputException when the index is missing, malformed, or names a file outside its folder
   */
  static Map<String, Path> read(Path index) {
    JsonNode weightMap = parse(index).path("weight_map");
    if (!weightMap.isObject() || weightMap.isEmpty()) {
      throw new InvalidInputException(
          index + ": expected an object \"weight_map\" that names the shard file of every tensor");
    }
    Path folder = index.toAbsolutePath().normalize().getParent();
    Map<String, Path> shards = new LinkedHashMap<>();
    for (var property : weightMap.properties()) {
      if (!property.getValue().isTextual()) {
        throw new InvalidInputException(
            index
                + ": tensor '"
                + property.getKey()
                + "': expected the name of a shard file, found "
                + property.getValue());
      }
      shards.put(property.getKey(), shardFile(index, folder, property.getKey(), property.getValue().textValue()));
    }
    return shards;
  }

  private static JsonNode parse(Path index) {
    try {
      return JSON.readTree(Files.readAllBytes(index));
    } catch (NoSuchFileException e) {
      throw new InvalidInputException(index + " does not exist", e);
    } catch (JsonProcessingException e) {
      throw new InvalidInputException(index + ": not valid JSON: " + JsonProblem.of(e) + "; get the file again", e);
    } catch (IOException e) {
      throw new InvalidInputException(index + " cannot be read: " + e.getMessage(), e);
    }
  }

  private static Path shardFile(Path index, Path folder, String tensor, String name) {
    Path shard;
    try {
      shard = folder.resolve(name).normalize();
    } catch (InvalidPathException e) {
      throw new InvalidInputException(index + ": tensor '" + tensor + "': '" + name + "' is no file name", e);
    }
    if (!shard.startsWith(folder) || shard.equals(folder)) {
      throw new InvalidInputException(
          index
              + ": tensor '"
              + tensor
              + "': the shard '"
              + name
              + "' leaves the index's folder; expected a file name inside it");
    }
    return shard;
  }

  /** Writes the index of the given assignment. */
  static void write(Path index, Map<String, String> fileOfTensor, long totalBytes) {
    var root = JSON.createObjectNode();
    root.putObject("metadata").put("total_size", totalBytes);
    var weightMap = root.putObject("weight_map");
    fileOfTensor.forEach(weightMap::put);
    AtomicFile.writeText(index, root.toPrettyString() + "\n");
  }
}
