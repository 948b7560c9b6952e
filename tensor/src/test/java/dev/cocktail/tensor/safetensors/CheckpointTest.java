package dev.cocktail.tensor.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.testing.SharedFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class CheckpointTest {
  @TempDir Path folder;

  @BeforeEach
  void writeShards() {
    Tensor one = Tensor.ofFloats(Shape.of(1), 1);
    SafetensorsWriter.write(folder.resolve("one.safetensors"), Map.of("a", one, "b", one), Map.of());
    SafetensorsWriter.write(folder.resolve("two.safetensors"), Map.of("c", one, "b", one), Map.of());
  }

  static Stream<Arguments> wrongIndexes() {
    return Stream.of(
        Arguments.of("{}", "expected an object \"weight_map\""),
        Arguments.of("[1", "not valid JSON"),
        Arguments.of("{} {}", "not valid JSON"),
        Arguments.of("{\"weight_map\":{\"a\":1}}", "tensor 'a': expected the name of a shard file, found 1"),
        Arguments.of("{\"weight_map\":{\"a\":\"one.safetensors\",\"a\":\"one.safetensors\"}}", "Duplicate field 'a'"),
        Arguments.of(
            "{\"weight_map\":{\"a\":\"x.safetensors\",\"b\":\"y.safetensors\",\"c\":\"two.safetensors\"}}",
            "names 3 shards, of which 2 are absent: x.safetensors, y.safetensors"),
        Arguments.of(
            "{\"weight_map\":{\"a\":\"one.safetensors\",\"q\":\"one.safetensors\"}}",
            "places tensor 'q' in one.safetensors, which does not hold it"),
        Arguments.of(
            "{\"weight_map\":{\"b\":\"one.safetensors\",\"c\":\"two.safetensors\"}}",
            "tensor 'b' lies in two shards, one.safetensors and two.safetensors"),
        Arguments.of("{\"weight_map\":{\"a\":\"../one.safetensors\"}}", "leaves the index's folder"),
        Arguments.of("{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "leaves the index's folder"),
        Arguments.of("{\"weight_map\":{\"a\":\"\"}}", "leaves the index's folder"),
        Arguments.of("{\"weight_map\":{\"a\":\"x\\u0000\"}}", "is no file name"));
  }

  @ParameterizedTest
  @MethodSource("wrongIndexes")
  void refusesAnIndexThatDoesNotFit(String json, String message) throws IOException {
    Path index = Files.writeString(folder.resolve("model.safetensors.index.json"), json);
    assertThatThrownBy(() -> Checkpoint.open(folder))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining(index.toString())
        .hasMessageContaining(message);
  }

  @Test
  void opensFoldersFilesAndIndexes() throws IOException {
    Path index =
        Files.writeString(
            folder.resolve("model.safetensors.index.json"), "{\"weight_map\":{\"a\":\"one.safetensors\"}}");
    for (Path path : new Path[] {folder, index, folder.resolve("one.safetensors")}) {
      try (var checkpoint = Checkpoint.open(path)) {
        assertThat(checkpoint.tensor("a").get(0)).isEqualTo(1);
        assertThatThrownBy(() -> checkpoint.tensor("aa"))
            .isInstanceOf(InvalidInputException.class)
            .hasMessageContaining("the nearest is 'a'");
      }
    }
  }

  @Test
  void aFolderWithoutWeightsSaysWhatItHolds() throws IOException {
    assertThatThrownBy(() -> Checkpoint.open(folder)).hasMessageContaining("it has one.safetensors, two.safetensors");
    Path other = Files.createDirectory(folder.resolve("other"));
    assertThatThrownBy(() -> Checkpoint.open(other)).hasMessageContaining("the folder is empty");
    Files.createFile(other.resolve("pytorch_model.bin"));
    assertThatThrownBy(() -> Checkpoint.open(other)).hasMessageContaining("convert them to safetensors");
    Files.createFile(other.resolve("adapter_config.json"));
    assertThatThrownBy(() -> Checkpoint.open(other)).hasMessageContaining("it is an adapter's folder");
    assertThatThrownBy(() -> Checkpoint.open(folder.resolve("absent"))).hasMessageContaining("does not exist");
  }

  @Test
  void readsAShardedBf16Model() {
    try (var checkpoint = Checkpoint.open(SharedFiles.require("reference/phi3_mini_tiny/model_bf16"))) {
      assertThat(checkpoint.files()).hasSize(2);
      assertThat(checkpoint.names()).hasSize(3 + 3 * 6).allMatch(name -> checkpoint.tensor(name).dtype() == DType.BF16);
    }
  }

  @Test
  void aRealIndexWithoutItsShardsNamesThem() {
    Path real = SharedFiles.require("data/phi3-checkpoint-index");
    assertThatThrownBy(() -> Checkpoint.open(real))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("are absent: model-00001-of-");
    assertThat(ShardIndex.read(real.resolve("model.safetensors.index.json"))).hasSize(195);
  }
}
