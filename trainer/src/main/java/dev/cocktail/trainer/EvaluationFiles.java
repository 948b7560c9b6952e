package dev.cocktail.trainer;

import dev.cocktail.eval.Evaluation;
import dev.cocktail.eval.ItemsFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The folder with what was answered to each question: {@code validation-step-N.jsonl} and {@code test-WHICH.jsonl}, as
 * {@link ItemsFile} writes them.
 */
record EvaluationFiles(Path folder) {
  private static final Pattern VALIDATION = Pattern.compile("validation-step-(\\d{1,9})\\.jsonl");

  void write(int step, Map<String, Evaluation> evaluations) {
    ItemsFile.write(folder.resolve("validation-step-" + step + ".jsonl"), List.copyOf(evaluations.values()));
  }

  void writeTest(String which, Map<String, Evaluation> evaluations) {
    ItemsFile.write(folder.resolve("test-" + which + ".jsonl"), List.copyOf(evaluations.values()));
  }

  /** Deletes the validation sets' files of all but some steps. */
  void keepOnly(Collection<Integer> steps) {
    if (!Files.isDirectory(folder)) {
      return;
    }
    try (Stream<Path> entries = Files.list(folder)) {
      for (Path entry : entries.toList()) {
        Matcher name = VALIDATION.matcher(entry.getFileName().toString());
        if (name.matches() && !steps.contains(Integer.valueOf(name.group(1)))) {
          Files.delete(entry);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(new IOException(folder + " cannot be tidied: " + e.getMessage(), e));
    }
  }
}
