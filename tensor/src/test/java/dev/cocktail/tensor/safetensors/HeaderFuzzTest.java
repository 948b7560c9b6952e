package dev.cocktail.tensor.safetensors;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.testing.SharedFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** Whatever the header holds, it is refused with a message, or every tensor lies inside the data. */
class HeaderFuzzTest {
  private static final int DATA_BYTES = 24;
  private static final byte[] GOOD =
      ("{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
              + "\"b\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[16,24]}}")
          .getBytes(StandardCharsets.UTF_8);

  record Edit(int position, int kind, byte value) {}

  @Provide
  Arbitrary<List<Edit>> edits() {
    Arbitrary<Byte> value =
        Arbitraries.oneOf(
            Arbitraries.bytes(),
            Arbitraries.of("0123456789\"{}[],:-.eE\\u \n".chars().mapToObj(c -> (byte) c).toList()));
    Arbitrary<Edit> edit =
        Combinators.combine(
                Arbitraries.integers().between(0, GOOD.length - 1), Arbitraries.integers().between(0, 2), value)
            .as(Edit::new);
    return edit.list().ofMinSize(1).ofMaxSize(6);
  }

  @Property(tries = 3000)
  void mutatedHeadersAreRefusedOrStayInside(@ForAll("edits") List<Edit> edits, @ForAll @IntRange(max = 40) int data) {
    byte[] json = GOOD;
    for (Edit edit : edits) {
      json = apply(json, edit);
    }
    check(json, data);
    check(json, DATA_BYTES);
  }

  @Property(tries = 500)
  void numbersOfAnySizeAreRefusedOrStayInside(@ForAll long dim, @ForAll long begin, @ForAll long end) {
    String json =
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,"
            + Long.toUnsignedString(dim)
            + "],\"data_offsets\":["
            + Long.toUnsignedString(begin)
            + ","
            + Long.toUnsignedString(end)
            + "]}}";
    check(json.getBytes(StandardCharsets.UTF_8), DATA_BYTES);
  }

  private static byte[] apply(byte[] json, Edit edit) {
    int at = Math.min(edit.position(), json.length);
    boolean inserts = edit.kind() == 1;
    int removed = inserts || at == json.length ? 0 : 1;
    int added = edit.kind() == 2 ? 0 : 1;
    byte[] edited = new byte[json.length - removed + added];
    System.arraycopy(json, 0, edited, 0, at);
    System.arraycopy(json, at + removed, edited, at + added, json.length - at - removed);
    if (added == 1) {
      edited[at] = edit.value();
    }
    return edited;
  }

  private static void check(byte[] json, int dataBytes) {
    Header header;
    try {
      header = Header.parse(Path.of("fuzzed"), json, dataBytes);
    } catch (InvalidInputException e) {
      assertThat(e.getMessage()).startsWith("fuzzed: ");
      return;
    }
    long total = 0;
    for (Header.Entry entry : header.entries().values()) {
      assertThat(entry.begin()).isBetween(0L, entry.end());
      assertThat(entry.end()).isLessThanOrEqualTo(dataBytes);
      total += entry.end() - entry.begin();
    }
    assertThat(total).isEqualTo(dataBytes);
  }

  @Test
  void textsThatAreNotJsonAreRefusedAsHeaders() throws IOException {
    Set<String> accepted = new TreeSet<>();
    int count = 0;
    try (Stream<Path> files = Files.list(SharedFiles.require("data/json/JSONTestSuite/test_parsing"))) {
      for (Path path : files.toList()) {
        String name = path.getFileName().toString();
        try {
          Header.parse(path, Files.readAllBytes(path), 0);
          accepted.add(name);
        } catch (InvalidInputException e) {
          assertThat(e.getMessage()).startsWith(path + ": ");
        }
        count += name.startsWith("n_") ? 1 : 0;
      }
    }
    assertThat(count).isGreaterThan(150);
    // Of all texts that are JSON, only the empty object describes a file without tensors.
    assertThat(accepted).containsExactly("y_object_empty.json");
  }

  @Test
  void jsonInsideAHeaderIsHeldToTheSameRules() throws IOException {
    Set<String> accepted = new TreeSet<>();
    try (Stream<Path> files = Files.list(SharedFiles.require("data/json/JSONTestSuite/test_parsing"))) {
      for (Path path : files.filter(file -> file.getFileName().toString().startsWith("n_")).toList()) {
        byte[] inner = Files.readAllBytes(path);
        byte[] before =
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0],\"other\":".getBytes(StandardCharsets.UTF_8);
        byte[] json = new byte[before.length + inner.length + 2];
        System.arraycopy(before, 0, json, 0, before.length);
        System.arraycopy(inner, 0, json, before.length, inner.length);
        json[json.length - 2] = '}';
        json[json.length - 1] = '}';
        try {
          Header.parse(path, json, 0);
          accepted.add(path.getFileName().toString());
        } catch (InvalidInputException e) {
          assertThat(e.getMessage()).startsWith(path + ": ");
        }
      }
    }
    assertThat(accepted).isEmpty();
  }
}
