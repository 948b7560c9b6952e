package dev.cocktail.trainer.study;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.safetensors.AtomicFile;
import dev.cocktail.trainer.config.StudyFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The folder of a study: {@code study.yaml} (with every default filled in), {@code runs} with a folder for each run,
 * {@code answers} with what each run answered, and the report. While it is open, no other process can open it.
 */
final class StudyFolder implements AutoCloseable {
  private static final String LOCK = ".lock";

  private final Path path;
  private final FileChannel channel;

  private StudyFolder(Path path, FileChannel channel) {
    this.path = path;
    this.channel = channel;
  }

  /**
   * Opens a study's folder: a new one, or one that holds the same study, whose runs go on.
   *
   * @throws InvalidInputException when it holds another study or anything else, when another process has it, or when it
   *     cannot be written
   */
  static StudyFolder open(StudyFile study) {
    Path path = study.output();
    requireSame(study, path);
    try {
      Files.createDirectories(path);
      FileChannel channel = FileChannel.open(path.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      var folder = new StudyFolder(path, channel);
      if (!folder.lock()) {
        folder.close();
        throw new InvalidInputException(
            "output: " + path + " is in use by a study that has not ended; wait for it, or name another folder");
      }
      requireSame(study, path); // Now that nobody else can change it.
      AtomicFile.writeText(path.resolve("study.yaml"), study.toYaml());
      return folder;
    } catch (IOException e) {
      throw new InvalidInputException("output: " + path + " cannot be written: " + e, e);
    } catch (UncheckedIOException e) {
      throw new InvalidInputException("output: " + path + " cannot be written: " + e.getCause().getMessage(), e);
    }
  }

  private boolean lock() throws IOException {
    try {
      FileLock lock = channel.tryLock();
      return lock != null;
    } catch (OverlappingFileLockException _) {
      return false; // Another study of this very process has it.
    }
  }

  /**
   * Refuses a folder of another study. More may be planned than before, and other questions asked of the same runs;
   * whatever decides about a run's numbers must be as it was.
   */
  private static void requireSame(StudyFile study, Path path) {
    Path file = path.resolve("study.yaml");
    if (!Files.exists(path)) {
      return;
    }
    if (!Files.isDirectory(path)) {
      throw new InvalidInputException("output: " + path + " is a file; expected the name of a new folder");
    }
    if (!Files.exists(file)) {
      try (Stream<Path> entries = Files.list(path)) {
        if (entries.anyMatch(entry -> !entry.endsWith(LOCK) && !entry.getFileName().toString().endsWith(".tmp"))) {
          throw new InvalidInputException("output: " + path + " holds something that is no study; name a new folder");
        }
        return;
      } catch (IOException e) {
        throw new InvalidInputException("output: " + path + " cannot be read: " + e.getMessage(), e);
      }
    }
    Map<String, String> before = StudyFile.parse(read(file), file.toString(), path, "study").values();
    Map<String, String> now = study.values();
    for (var entry : now.entrySet()) {
      String key = entry.getKey();
      String old = before.getOrDefault(key, "absent");
      if (!key.startsWith("study.") && !key.equals("output") && !old.equals(entry.getValue())) {
        throw other(path, "%s was %s and is %s".formatted(key, old, entry.getValue()));
      }
    }
    before.keySet().removeAll(now.keySet());
    before.keySet().stream()
        .filter(key -> !key.startsWith("study."))
        .findFirst()
        .ifPresent(key -> {
          throw other(path, key + " is no longer there");
        });
  }

  private static InvalidInputException other(Path path, String difference) {
    return new InvalidInputException(
        "output: " + path + " holds another study: " + difference + "; change it back, or name a new folder");
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new InvalidInputException("output: " + file + " cannot be read: " + e.getMessage(), e);
    }
  }

  /** The folder itself. */
  Path path() {
    return path;
  }

  /** What a run answered to the items of a split, {@code validation} or {@code test}, of one task. */
  Path answers(String arm, long seed, String split, String task) {
    return path.resolve("answers").resolve(arm).resolve("seed-" + seed).resolve(split + "-" + task + ".jsonl");
  }

  /** What the model answered before it learnt anything. */
  Path baseAnswers(String split, String task) {
    return path.resolve("answers").resolve("base").resolve(split + "-" + task + ".jsonl");
  }

  /** Why runs failed, one file each. */
  Path failure(PlannedRun run) {
    return path.resolve("failures").resolve(run.name().replace('/', '.') + ".json");
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException _) {
      // The system takes the lock back with the process.
    }
  }
}
