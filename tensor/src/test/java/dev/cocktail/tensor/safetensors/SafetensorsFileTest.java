package dev.cocktail.tensor.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.testing.SharedFiles;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsFileTest {
  @TempDir Path folder;

  private Path file(String header, int dataBytes) {
    return SafetensorsBytes.write(folder, "t.safetensors", SafetensorsBytes.of(header, dataBytes));
  }

  @Test
  void readsTensorsMetadataAndOrder() {
    byte[] bytes =
        SafetensorsBytes.of(
            """
            {"__metadata__":{"format":"pt","who":"ü"},
             "b":{"dtype":"F32","shape":[2,1],"data_offsets":[1,9]},
             "a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}  \t
            """,
            9);
    bytes[bytes.length - 9] = (byte) 200;
    bytes[bytes.length - 1] = 0x40; // the last float is 2.0
    Path path = SafetensorsBytes.write(folder, "t.safetensors", bytes);
    try (var file = SafetensorsFile.open(path)) {
      assertThat(file.names()).containsExactly("b", "a");
      assertThat(file.metadata()).isEqualTo(Map.of("format", "pt", "who", "ü"));
      assertThat(file.headerBytes()).isEqualTo(bytes.length - 9);
      assertThat(file.tensor("a").get(0)).isEqualTo(200);
      assertThat(file.tensor("a").shape()).isEqualTo(Shape.of());
      assertThat(file.tensor("b").dtype()).isEqualTo(DType.F32);
      assertThat(file.tensor("b").shape()).isEqualTo(Shape.of(2, 1));
      assertThat(file.tensor("b").get(1)).isEqualTo(2);
      assertThat(file.tensor("b").segment().isReadOnly()).isTrue();
      assertThatThrownBy(() -> file.tensor("bb"))
          .isInstanceOf(InvalidInputException.class)
          .hasMessageContaining("has no tensor 'bb'; the nearest is 'b'");
      file.close();
    }
  }

  static Stream<Arguments> wrongHeaders() {
    return Stream.of(
        Arguments.of("[]", 0, "not a JSON object"),
        Arguments.of("", 0, "not a JSON object"),
        Arguments.of("{} {}", 0, "more than one JSON object"),
        Arguments.of("{} x", 0, "not valid JSON"),
        Arguments.of("{", 0, "not valid JSON"),
        Arguments.of("{\"a\":1}", 0, "tensor 'a': must be described by an object"),
        Arguments.of("{\"__metadata__\":[]}", 0, "__metadata__ must be an object of strings, found a list"),
        Arguments.of("{\"__metadata__\":{\"k\":1}}", 0, "'k' is 1"),
        Arguments.of("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "Duplicate field '__metadata__'"),
        Arguments.of(
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
                + "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
            0,
            "Duplicate field 'a'"),
        Arguments.of("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"I8\"}}", 0, "Duplicate field 'dtype'"),
        Arguments.of(tensor("Q7", "1", "0,1"), 1, "tensor 'a': has the unknown dtype 'Q7'; the format has BF16, BOOL"),
        Arguments.of("{\"a\":{\"dtype\":8,\"shape\":[],\"data_offsets\":[0,1]}}", 1, "dtype must be a string, found 8"),
        Arguments.of("{\"a\":{\"shape\":[],\"data_offsets\":[0,1]}}", 1, "tensor 'a': has no dtype"),
        Arguments.of("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, "tensor 'a': has no shape"),
        Arguments.of("{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "tensor 'a': has no data_offsets"),
        Arguments.of(tensor("U8", "-1", "0,1"), 1, "shape must hold only integers of at least 0, found -1"),
        Arguments.of(tensor("U8", "1.0", "0,1"), 1, "shape must hold only integers of at least 0, found 1.0"),
        Arguments.of(tensor("U8", "\"1\"", "0,1"), 1, "found \"1\""),
        Arguments.of(tensor("U8", "[1]", "0,1"), 1, "found a list"),
        Arguments.of(tensor("U8", "18446744073709551616", "0,1"), 1, "overflow"),
        Arguments.of(tensor("U8", "4294967296,4294967296", "0,1"), 1, "overflow"),
        Arguments.of(tensor("F32", "4611686018427387904", "0,1"), 1, "overflow"),
        Arguments.of(tensor("U8", "1", "1,0"), 1, "begin <= end, found [1, 0]"),
        Arguments.of(tensor("U8", "1", "0"), 1, "begin <= end, found [0]"),
        Arguments.of(tensor("U8", "1", "0,1,2"), 1, "begin <= end, found [0, 1, 2]"),
        Arguments.of(tensor("F32", "2", "0,4"), 4, "F32[2] needs 8 bytes, but data_offsets [0, 4] hold 4"),
        Arguments.of(tensor("F4", "3", "0,2"), 2, "F4[3] does not fill whole bytes"),
        Arguments.of(tensor("U8", "2", "1,3"), 3, "a hole of 1 bytes"),
        Arguments.of(tensor("U8", "2", "0,2"), 3, "1 trailing bytes"),
        Arguments.of("{}", 1, "1 trailing bytes"),
        Arguments.of(tensor("U8", "9", "0,9"), 3, "truncated: tensor 'a' ends at byte 9 of the data"),
        Arguments.of(
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                + "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
            3,
            "an overlap with 'a'"),
        Arguments.of(
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                + "\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[1,1]}}",
            2,
            "an overlap with 'a'"));
  }

  private static String tensor(String dtype, String shape, String offsets) {
    return "{\"a\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + shape + "],\"data_offsets\":[" + offsets + "]}}";
  }

  @ParameterizedTest
  @MethodSource("wrongHeaders")
  void refusesAHeaderThatBreaksARule(String header, int dataBytes, String rule) {
    Path path = file(header, dataBytes);
    assertThatThrownBy(() -> SafetensorsFile.open(path))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining(path.toString())
        .hasMessageContaining(rule);
  }

  @Test
  void refusesAHeaderThatIsNotUtf8() {
    Path path =
        SafetensorsBytes.write(
            folder, "t.safetensors", SafetensorsBytes.of(new byte[] {'{', '"', (byte) 0xC0, '"'}, 0));
    assertThatThrownBy(() -> SafetensorsFile.open(path))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("not valid UTF-8");
  }

  @ParameterizedTest
  @MethodSource("impostors")
  void namesWhatIsThereInstead(byte[] bytes, String message) {
    Path path = SafetensorsBytes.write(folder, "model.safetensors", bytes);
    assertThatThrownBy(() -> SafetensorsFile.open(path))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining(path.toString())
        .hasMessageContaining(message);
  }

  static Stream<Arguments> impostors() {
    return Stream.of(
        Arguments.of(new byte[0], "the file is empty"),
        Arguments.of(new byte[] {1, 2, 3}, "truncated: the file has 3 bytes"),
        Arguments.of(text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"), "git lfs pull"),
        Arguments.of(text("../../blobs/5f3a"), "a link that was saved as text"),
        Arguments.of(text("<!DOCTYPE html><html>"), "a web page"),
        Arguments.of(text("PK\3\4xxxxxxxxxxxxxx"), "PyTorch or ZIP"),
        Arguments.of(text("GGUF\3\0\0\0\0\0\0\0\0"), "GGUF"),
        Arguments.of(new byte[] {0, 0, 0, 0, 1, 0, 0, 0, 0, 0}, "header length 4294967296 is larger"),
        Arguments.of(new byte[] {-1, -1, -1, -1, -1, -1, -1, -1, 0}, "header length 18446744073709551615 is larger"),
        Arguments.of(
            new byte[] {9, 0, 0, 0, 0, 0, 0, 0, '{'}, "truncated: the header should have 9 bytes, but only 1"));
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  @Test
  void refusesMissingFilesFoldersAndDanglingLinks() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("link"), folder.resolve("gone"));
    assertThatThrownBy(() -> SafetensorsFile.open(folder)).hasMessageContaining("is a folder");
    assertThatThrownBy(() -> SafetensorsFile.open(link)).hasMessageContaining("link to a file that does not exist");
    assertThatThrownBy(() -> SafetensorsFile.open(folder.resolve("no"))).hasMessageEndingWith("no does not exist");
    assertThatThrownBy(() -> SafetensorsFile.open(folder.resolve("no/no")))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("nor does the folder");
  }

  @Test
  void refusesAFileThatMayNotBeRead() throws IOException {
    Path path = file("{}", 0);
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("---------"));
    assumeTrue(!Files.isReadable(path), "the user of this run may read every file");
    assertThatThrownBy(() -> SafetensorsFile.open(path))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("permission denied");
  }

  @Test
  void allowsEmptyTensorsAndWhiteSpaceAround() {
    String header =
        " {\"z\":{\"dtype\":\"F64\",\"shape\":[3,0],\"data_offsets\":[2,2]},"
            + "\"y\":{\"dtype\":\"F64\",\"shape\":[0],\"data_offsets\":[0,0]},"
            + "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}  ";
    try (var file = SafetensorsFile.open(file(header, 2))) {
      assertThat(file.tensor("z").shape()).isEqualTo(Shape.of(3, 0));
      assertThat(file.tensor("y").elements()).isZero();
    }
  }

  @Test
  void refusesAnUnsupportedTypeOnlyWhenItIsAskedFor() {
    String header =
        "{\"q\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[0,2]},"
            + "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}";
    try (var file = SafetensorsFile.open(file(header, 4))) {
      assertThat(file.tensor("a").elements()).isEqualTo(2);
      assertThat(file.describe("q")).isEqualTo("F8_E4M3[2]");
      assertThatThrownBy(() -> file.tensor("q"))
          .isInstanceOf(InvalidInputException.class)
          .hasMessageContaining("tensor 'q' has dtype F8_E4M3, which is not supported");
    }
  }

  @Test
  void readsBeyondTwoGibibytes() throws IOException {
    long far = 5L << 30;
    String header =
        "{\"a\":{\"dtype\":\"U8\",\"shape\":["
            + far
            + "],\"data_offsets\":[0,"
            + far
            + "]},"
            + "\"b\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":["
            + far
            + ","
            + (far + 4)
            + "]}}";
    Path path = file(header, 0);
    long start = Files.size(path);
    try (var sparse = new RandomAccessFile(path.toFile(), "rw")) {
      sparse.setLength(start + far + 4);
      sparse.seek(start + far - 1);
      sparse.write(new byte[] {7, 1, 2, 0, 0});
    }
    try (var file = SafetensorsFile.open(path)) {
      assertThat(file.tensor("a").get(far - 1)).isEqualTo(7);
      assertThat(file.tensor("b").getInt(0)).isEqualTo(0x201);
    }
  }

  @Test
  void agreesWithTheFormatsOwnTests() throws IOException {
    Path cases = SharedFiles.require("data/safetensors/conformance-tensor.rs");
    Map<String, String> rules =
        Map.of(
            "MetadataIncompleteBuffer", "(trailing bytes|truncated)",
            "HeaderTooLarge", "larger than",
            "HeaderTooSmall", "empty",
            "InvalidHeaderLength", "truncated: the header",
            "InvalidHeader", "UTF-8",
            "InvalidHeaderDeserialization", "JSON",
            "TensorInvalidInfo", "needs \\d+ bytes",
            "ValidationOverflow", "overflow");
    Map<String, String> wrong = new TreeMap<>();
    JsonNode manifest = new ObjectMapper().readTree(cases.resolve("manifest.json").toFile());
    assertThat(manifest).hasSizeGreaterThan(10);
    for (JsonNode entry : manifest) {
      String name = entry.get("file").textValue();
      String expected = entry.get("expect").textValue();
      String found = outcome(cases.resolve(name));
      boolean agrees =
          expected.equals("OK") ? found.equals("OK") : found.matches("(?s).*" + rules.get(expected) + ".*");
      if (!agrees) {
        wrong.put(name, expected + " expected, found " + found);
      }
    }
    assertThat(wrong).isEmpty();
  }

  @Test
  void readsFilesThatOtherToolsWrote() throws IOException {
    for (String name : List.of("data/safetensors/misc", "data/safetensors/qwen2-from-scratch-ops")) {
      try (Stream<Path> files = Files.list(SharedFiles.require(name))) {
        for (Path path : files.filter(file -> file.toString().endsWith(".safetensors")).toList()) {
          try (var file = SafetensorsFile.open(path)) {
            assertThat(file.names()).as(path.toString()).isNotEmpty();
            file.names().forEach(tensor -> assertThat(file.describe(tensor)).isNotEmpty());
          }
        }
      }
    }
  }

  @Test
  void refusesThePlaceholdersThatRepositoriesHold() {
    Path adversarial = SharedFiles.require("data/adversarial");
    assertThat(outcome(adversarial.resolve("lfs-pointer.model-00001-of-00002.safetensors"))).contains("git lfs pull");
    assertThat(outcome(adversarial.resolve("symlink-text-instead-of-weights.safetensors"))).contains("saved as text");
  }

  private static String outcome(Path path) {
    try (var _ = SafetensorsFile.open(path)) {
      return "OK";
    } catch (InvalidInputException e) {
      return e.getMessage();
    }
  }
}
