package dev.cocktail.tensor.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.JsonProblem;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a file's JSON header says, after every rule of the format was checked against the file's size.
 *
 * @param metadata the free texts under {@code __metadata__}
 * @param entries the tensors by name, in the header's order
 */
record Header(Map<String, String> metadata, Map<String, Entry> entries) {
  static final String METADATA = "__metadata__";

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .streamReadConstraints(StreamReadConstraints.builder().maxNameLength(1 << 20).build())
          .build();

  /**
   * One tensor's place.
   *
   * @param begin offset of its first byte behind the header
   * @param end offset behind its last byte
   */
  record Entry(StoredType type, long[] dims, long begin, long end) {
    String describe() {
      return type.name() + Arrays.toString(dims);
    }
  }

  /**
   * Reads and checks a header.
   *
   * @param file named in messages
   * @param json the header's bytes
   * @param dataBytes how many bytes follow the header
   * @throws InvalidInputException naming file, tensor and rule
   */
  static Header parse(Path file, byte[] json, long dataBytes) {
    return new Reader(file).read(json, dataBytes);
  }

  private static final class Reader {
    private final Path file;
    private Map<String, String> metadata = Map.of();
    private final Map<String, Entry> entries = new LinkedHashMap<>();

    Reader(Path file) {
      this.file = file;
    }

    Header read(byte[] json, long dataBytes) {
      try (JsonParser parser = JSON.createParser(decode(json))) {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
          throw refuse("the header is not a JSON object: it starts with " + found(parser));
        }
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String name = parser.currentName();
          parser.nextToken();
          if (name.equals(METADATA)) {
            metadata = readMetadata(parser);
          } else {
            entries.put(name, readEntry(parser, name));
          }
        }
        if (parser.nextToken() != null) {
          throw refuse("the header holds more than one JSON object: " + found(parser) + " follows it");
        }
      } catch (JsonProcessingException e) {
        throw new InvalidInputException(message("the header is not valid JSON: " + JsonProblem.of(e) + place(e)), e);
      } catch (IOException e) {
        throw new InvalidInputException(message("the header cannot be read: " + e.getMessage()), e);
      }
      checkPlaces(dataBytes);
      return new Header(Collections.unmodifiableMap(metadata), Collections.unmodifiableMap(entries));
    }

    private String decode(byte[] json) {
      try {
        return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json)).toString();
      } catch (CharacterCodingException e) {
        throw new InvalidInputException(message("the header is not valid UTF-8"), e);
      }
    }

    private Map<String, String> readMetadata(JsonParser parser) throws IOException {
      if (parser.currentToken() != JsonToken.START_OBJECT) {
        throw refuse(METADATA + " must be an object of strings, found " + found(parser));
      }
      Map<String, String> texts = new LinkedHashMap<>();
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String key = parser.currentName();
        if (parser.nextToken() != JsonToken.VALUE_STRING) {
          throw refuse(METADATA + " must hold only strings, '" + key + "' is " + found(parser));
        }
        texts.put(key, parser.getText());
      }
      return texts;
    }

    private Entry readEntry(JsonParser parser, String name) throws IOException {
      if (parser.currentToken() != JsonToken.START_OBJECT) {
        throw refuse(name, "must be described by an object with dtype, shape and data_offsets, found " + found(parser));
      }
      String typeName = null;
      long[] dims = null;
      long[] offsets = null;
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String key = parser.currentName();
        parser.nextToken();
        switch (key) {
          case "dtype" -> typeName = readText(parser, name);
          case "shape" -> dims = readNumbers(parser, name, "shape");
          case "data_offsets" -> offsets = readNumbers(parser, name, "data_offsets");
          default -> parser.skipChildren();
        }
      }
      if (typeName == null || dims == null || offsets == null) {
        String missing = typeName == null ? "dtype" : dims == null ? "shape" : "data_offsets";
        throw refuse(name, "has no " + missing + "; dtype, shape and data_offsets are required");
      }
      return checked(name, typeName, dims, offsets);
    }

    private String readText(JsonParser parser, String name) throws IOException {
      if (parser.currentToken() != JsonToken.VALUE_STRING) {
        throw refuse(name, "dtype must be a string, found " + found(parser));
      }
      return parser.getText();
    }

    private long[] readNumbers(JsonParser parser, String name, String key) throws IOException {
      if (parser.currentToken() != JsonToken.START_ARRAY) {
        throw refuse(name, key + " must be a list of integers, found " + found(parser));
      }
      List<Long> numbers = new ArrayList<>();
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        boolean integer = parser.currentToken() == JsonToken.VALUE_NUMBER_INT;
        if (!integer || parser.getText().startsWith("-")) {
          throw refuse(name, key + " must hold only integers of at least 0, found " + found(parser));
        }
        if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
          throw refuse(
              name, key + " holds " + found(parser) + ", an overflow: at most " + Long.MAX_VALUE + " is possible");
        }
        numbers.add(parser.getLongValue());
      }
      return numbers.stream().mapToLong(Long::longValue).toArray();
    }

    private Entry checked(String name, String typeName, long[] dims, long[] offsets) {
      StoredType type = StoredType.of(typeName);
      if (type == null) {
        throw refuse(name, "has the unknown dtype '" + typeName + "'; the format has " + StoredType.allNames());
      }
      if (offsets.length != 2 || offsets[0] > offsets[1]) {
        throw refuse(name, "data_offsets must be [begin, end] with begin <= end, found " + Arrays.toString(offsets));
      }
      Entry entry = new Entry(type, dims, offsets[0], offsets[1]);
      long bits = type.bits();
      try {
        long elements = 1;
        for (long dim : dims) {
          elements = Math.multiplyExact(elements, dim);
        }
        bits = Math.multiplyExact(elements, bits);
      } catch (ArithmeticException e) {
        throw new InvalidInputException(
            message("tensor '" + name + "': the size of " + entry.describe() + " is an overflow of 64 bits"), e);
      }
      if (bits % 8 != 0) {
        throw refuse(name, entry.describe() + " does not fill whole bytes");
      }
      if (bits / 8 != offsets[1] - offsets[0]) {
        throw refuse(
            name,
            entry.describe()
                + " needs "
                + bits / 8
                + " bytes, but data_offsets "
                + Arrays.toString(offsets)
                + " hold "
                + (offsets[1] - offsets[0]));
      }
      return entry;
    }

    /** Sorted by place, tensors must follow one another and end where the file ends. */
    private void checkPlaces(long dataBytes) {
      List<Map.Entry<String, Entry>> byPlace = new ArrayList<>(entries.entrySet());
      byPlace.sort(
          Comparator.<Map.Entry<String, Entry>>comparingLong(e -> e.getValue().begin())
              .thenComparingLong(e -> e.getValue().end()));
      long at = 0;
      String before = null;
      for (var placed : byPlace) {
        String name = placed.getKey();
        Entry entry = placed.getValue();
        if (entry.begin() < at) {
          throw refuse(
              name,
              "starts at byte "
                  + entry.begin()
                  + " of the data, an overlap with '"
                  + before
                  + "', which ends at "
                  + at);
        }
        if (entry.begin() > at) {
          throw refuse(
              name,
              "starts at byte "
                  + entry.begin()
                  + " of the data, but the tensor before it ends at "
                  + at
                  + ": a hole of "
                  + (entry.begin() - at)
                  + " bytes, which the format does not allow");
        }
        if (entry.end() > dataBytes) {
          throw new InvalidInputException(
              file
                  + ": truncated: tensor '"
                  + name
                  + "' ends at byte "
                  + entry.end()
                  + " of the data, but the file holds "
                  + dataBytes
                  + " bytes of data. The file was not copied or downloaded completely; get it again.");
        }
        at = entry.end();
        before = name;
      }
      if (at < dataBytes) {
        throw refuse(
            (dataBytes - at)
                + " trailing bytes follow the last tensor: the tensors end at byte "
                + at
                + " of the data, the file holds "
                + dataBytes);
      }
    }

    private static String found(JsonParser parser) throws IOException {
      if (parser.currentToken() == null) {
        return "nothing";
      }
      String text =
          switch (parser.currentToken()) {
            case START_OBJECT -> "an object";
            case START_ARRAY -> "a list";
            case VALUE_STRING -> "\"" + parser.getText() + "\"";
            default -> parser.getText();
          };
      return text.length() <= 60 ? text : text.substring(0, 57) + "...";
    }

    private static String place(JsonProcessingException e) {
      return e.getLocation() == null ? "" : " (character " + e.getLocation().getCharOffset() + " of the header)";
    }

    private InvalidInputException refuse(String name, String problem) {
      return refuse("tensor '" + name + "': " + problem);
    }

    private InvalidInputException refuse(String problem) {
      return new InvalidInputException(message(problem));
    }

    private String message(String problem) {
      return file
          + ": not a valid safetensors file: "
          + problem
          + ". Get the file again, or write it again with the tool that made it.";
    }
  }
}
