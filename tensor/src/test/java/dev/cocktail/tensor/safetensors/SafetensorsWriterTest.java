package dev.cocktail.tensor.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {
  private static final Tensor THREE = Tensor.ofFloats(Shape.of(3), 1, 2, 3);

  @TempDir Path folder;

  private static Tensor random(DType dtype, Arena arena, Random random, long... dims) {
    Shape shape = Shape.of(dims);
    MemorySegment bytes = arena.allocate(shape.elements() * dtype.bytes());
    for (long i = 0; i < bytes.byteSize(); i++) {
      bytes.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
    }
    return Tensor.onHost(dtype, shape, bytes);
  }

  @Test
  void everyTypeAndShapeComesBackBitForBitAndAligned() {
    Path path = folder.resolve("t.safetensors");
    Random random = new Random(1);
    try (Arena arena = Arena.ofConfined()) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      for (DType dtype : DType.values()) {
        tensors.put("scalar." + dtype, random(dtype, arena, random));
        tensors.put("empty." + dtype, random(dtype, arena, random, 0, 5));
        tensors.put("odd." + dtype, random(dtype, arena, random, 7, 1, 11));
        tensors.put("\"quoted\" \\ ü \n" + dtype, random(dtype, arena, random, 3));
      }
      SafetensorsWriter.write(path, tensors, Map.of("format", "pt", "a", "ä"));
      try (var file = SafetensorsFile.open(path)) {
        assertThat(file.names()).containsExactlyInAnyOrderElementsOf(tensors.keySet());
        assertThat(file.metadata()).isEqualTo(Map.of("format", "pt", "a", "ä"));
        assertThat(file.headerBytes() % 64).isZero();
        tensors.forEach((name, tensor) -> {
          Tensor read = file.tensor(name);
          assertThat(read.dtype()).isEqualTo(tensor.dtype());
          assertThat(read.shape()).isEqualTo(tensor.shape());
          assertThat(read.segment().mismatch(tensor.segment())).as(name).isEqualTo(-1);
          assertThat(read.address() % tensor.dtype().bytes()).as(name).isZero();
        });
      }
    }
  }

  @Test
  void theBytesAreStable() throws IOException {
    Path path = folder.resolve("t.safetensors");
    SafetensorsWriter.write(path, Map.of("x", Tensor.ofFloats(Shape.of(1, 1), 2)), Map.of("format", "pt"));
    String json =
        "{\"__metadata__\":{\"format\":\"pt\"},\"x\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]}}";
    String padded = json + " ".repeat(120 - json.length());
    assertThat(new String(Files.readAllBytes(path), StandardCharsets.ISO_8859_1))
        .isEqualTo("x\0\0\0\0\0\0\0" + padded + "\0\0\0@");
  }

  @Test
  void anErrorOnTheWayLeavesTheOldFileAndNothingElse() throws IOException {
    Path path = Files.writeString(folder.resolve("t.safetensors"), "old");
    var failing =
        new StoredTensor(
            "b",
            DType.F32,
            Shape.of(3),
            () -> {
              throw new IllegalStateException("no more");
            });
    assertThatThrownBy(() -> SafetensorsWriter.write(path, List.of(StoredTensor.of("a", THREE), failing), Map.of()))
        .hasMessage("no more");
    var lying = new StoredTensor("b", DType.F32, Shape.of(2), () -> THREE);
    assertThatThrownBy(() -> SafetensorsWriter.write(path, List.of(lying), Map.of()))
        .hasMessageContaining("announced as F32[2]");
    assertThatThrownBy(() ->
            AtomicFile.write(
                path,
                channel -> {
                  throw new IOException("No space left on device");
                }))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("No space left on device; what was there before is unchanged");
    assertThat(path).hasContent("old");
    assertThat(list()).containsExactly("t.safetensors");
  }

  @Test
  void refusesTwoTensorsOfOneName() {
    var tensor = StoredTensor.of("a", THREE);
    assertThatThrownBy(() -> SafetensorsWriter.write(folder.resolve("t"), List.of(tensor, tensor), Map.of()))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> StoredTensor.of("__metadata__", THREE)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void shardsAreFilledInOrderAndReadBack() throws IOException {
    List<StoredTensor> tensors = Stream.of("a", "b", "c", "d").map(name -> StoredTensor.of(name, THREE)).toList();
    CheckpointWriter.write(folder, tensors, Map.of("format", "pt"), 30);
    assertThat(list())
        .containsExactly(
            "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json");
    assertThat(Files.readString(folder.resolve("model.safetensors.index.json"))).contains("\"total_size\" : 48");
    try (var checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.names()).containsExactly("a", "b", "c", "d");
      assertThat(checkpoint.fileOf("c").getFileName()).hasToString("model-00002-of-00002.safetensors");
      assertThat(checkpoint.tensor("d").get(2)).isEqualTo(3);
      assertThat(checkpoint.totalBytes()).isEqualTo(48);
    }
  }

  @Test
  void whatFitsInOneShardHasNoIndex() throws IOException {
    CheckpointWriter.write(folder, List.of(StoredTensor.of("a", THREE)), Map.of(), 12);
    assertThat(list()).containsExactly("model.safetensors");
  }

  private List<String> list() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(path -> path.getFileName().toString()).sorted().toList();
    }
  }
}
