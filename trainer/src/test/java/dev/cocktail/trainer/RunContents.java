package dev.cocktail.trainer;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a run left in its folder, for comparing runs byte for byte. */
public final class RunContents {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Files that say where, how or when a run was made, not what came of it, and the checkpoints on the way. */
  private static final List<String> OTHERS = List.of("run.yaml", "inputs.json", ".lock", "checkpoints", "tensorboard");

  private RunContents() {}

  /** Each file's digest by its path; of the metrics, the lines themselves without what the clock says. */
  public static Map<String, String> of(Path run) {
    Map<String, String> contents = new TreeMap<>();
    try (Stream<Path> files = Files.walk(run)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String name = run.relativize(file).toString();
        if (!OTHERS.contains(run.relativize(file).getName(0).toString())) {
          contents.put(name, name.equals("metrics.jsonl") ? metrics(file) : digest(file));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return contents;
  }

  /** The digests of all tensors' files in checkpoints, whose states tell how long the metrics with their times are. */
  public static Map<String, String> weightsOf(Path checkpoints) {
    Map<String, String> contents = new TreeMap<>();
    if (!Files.exists(checkpoints)) {
      return contents;
    }
    try (Stream<Path> files = Files.walk(checkpoints)) {
      for (Path file : files.filter(path -> path.toString().endsWith(".safetensors")).toList()) {
        contents.put(checkpoints.relativize(file).toString(), digest(file));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return contents;
  }

  private static String metrics(Path file) throws IOException {
    return Files.readAllLines(file).stream()
        .map(line -> {
          try {
            return ((ObjectNode) JSON.readTree(line)).without(MetricsListener.TIMED_KEYS).toString();
          } catch (IOException e) {
            throw new UncheckedIOException(line, e);
          }
        })
        .collect(Collectors.joining("\n"));
  }

  private static String digest(Path file) throws IOException {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
