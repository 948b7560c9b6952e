package dev.cocktail.trainer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.JsonProblem;
import dev.cocktail.tensor.safetensors.AtomicFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Records as JSON files. Numbers are written so that they are read back to the same bits. */
public final class JsonRecords {
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE) // As in all of a run's files.
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  private JsonRecords() {}

  /** Writes a file that is there whole or not at all. */
  public static void write(Path file, Record value) {
    try {
      AtomicFile.writeText(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(value) + "\n");
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("records can be written as JSON", e);
    }
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws InvalidInputException when the file is broken, or refused by the record's constructor
   */
  public static <R extends Record> R read(Path file, Class<R> type) {
    try {
      R value = JSON.readValue(Files.readString(file), type);
      if (value == null) {
        throw new InvalidInputException(file + " is broken: it holds nothing");
      }
      return value;
    } catch (JsonProcessingException e) {
      throw new InvalidInputException(file + " is broken: " + JsonProblem.of(e), e);
    } catch (IOException e) {
      throw new UncheckedIOException(new IOException(file + " cannot be read: " + e.getMessage(), e));
    }
  }
}
