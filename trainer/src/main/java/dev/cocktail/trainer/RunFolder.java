package dev.cocktail.trainer;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.safetensors.AtomicFile;
import dev.cocktail.tensor.safetensors.AtomicFolder;
import dev.cocktail.trainer.config.RunFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The folder of one run: {@code run.yaml} (the configuration with every default filled in), {@code inputs.json} (what
 * the run was begun with), {@code metrics.jsonl}, {@code checkpoints}, {@code adapter} or {@code model}, and {@code
 * result.json} once the run is over. While it is open for writing, no other process can open it so.
 */
final class RunFolder implements AutoCloseable {
  private static final String LOCK = ".lock";

  private final Path path;
  private FileChannel channel;

  private RunFolder(Path path) {
    this.path = path;
  }

  /**
   * A folder that does not exist yet or is empty.
   *
   * @throws InvalidInputException when it holds anything, another run for instance
   */
  static RunFolder requireFree(Path path) {
    var folder = new RunFolder(path);
    if (folder.isBegun() || Files.exists(folder.configuration())) {
      throw new InvalidInputException(
          "output: "
              + path
              + " already holds a run; train --resume continues it, or name another folder, or move that one away");
    }
    folder.requireNothingElse();
    return folder;
  }

  /**
   * A folder with a run that is to be continued, or one that is free as {@link #requireFree} says.
   *
   * @throws InvalidInputException when it holds anything else
   */
  static RunFolder ofRun(Path path) {
    var folder = new RunFolder(path);
    if (!folder.isBegun()) {
      if (Files.exists(folder.configuration())) {
        throw new InvalidInputException(
            "output: "
                + path
                + " holds a run without "
                + folder.inputs().getFileName()
                + ", which says what it was begun with, so it cannot be continued; name another folder");
      }
      folder.requireNothingElse();
    }
    return folder;
  }

  private void requireNothingElse() {
    if (Files.exists(path) && !Files.isDirectory(path)) {
      throw new InvalidInputException("output: " + path + " is a file; expected the name of a new folder");
    }
    if (Files.isDirectory(path)) {
      try (Stream<Path> content = Files.list(path)) {
        if (content.anyMatch(entry -> !entry.endsWith(LOCK) && !AtomicFolder.isUnfinished(entry))) {
          throw new InvalidInputException("output: " + path + " is not empty; name a new folder");
        }
      } catch (IOException e) {
        throw new InvalidInputException("output: " + path + " cannot be read: " + e.getMessage(), e);
      }
    }
  }

  /** Whether a run was begun here. */
  boolean isBegun() {
    return Files.exists(inputs());
  }

  /**
   * Takes the folder for this process, until it is closed.
   *
   * @throws InvalidInputException when another has it, or it cannot be written
   */
  void lock() {
    try {
      Files.createDirectories(path);
      channel = FileChannel.open(path.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      FileLock lock = channel.tryLock();
      if (lock != null) {
        return;
      }
    } catch (OverlappingFileLockException _) {
      // Another run of this very process has it.
    } catch (IOException e) {
      close();
      throw new InvalidInputException("output: " + path + " cannot be written: " + IoProblem.of(e), e);
    }
    close();
    throw new InvalidInputException(
        "output: " + path + " is in use by another run, which has not ended; name another folder, or wait for it");
  }

  /**
   * Begins a run in a folder that was free: writes configuration and inputs.
   *
   * @throws InvalidInputException when that cannot be, or when another run took the folder since it was found free
   */
  void create(RunFile run, RunInputs inputs) {
    lock();
    try {
      if (isBegun()) {
        throw new InvalidInputException(
            "output: " + path + " was taken by another run that started meanwhile; name another folder");
      }
      AtomicFolder.deleteUnfinished(path);
      JsonRecords.write(inputs(), inputs); // First: from here on the run can be continued.
      AtomicFile.writeText(configuration(), run.toYaml());
    } catch (InvalidInputException e) {
      close();
      throw e;
    } catch (UncheckedIOException e) {
      close();
      throw new InvalidInputException("output: " + path + " cannot be written: " + e.getCause().getMessage(), e);
    }
  }

  /**
   * Brings a run's files to the state that they had at a checkpoint.
   *
   * @param appended files that the run appends to
   * @param lengths how long each was, by its path in this folder; others are emptied
   * @throws InvalidInputException when one is shorter than it was
   */
  void rewind(List<Path> appended, Map<String, Long> lengths) {
    AtomicFolder.deleteUnfinished(path);
    for (Path file : appended) {
      long length = lengths.getOrDefault(name(file), 0L);
      try {
        if (!Files.exists(file) && length == 0) {
          continue;
        }
        try (FileChannel contents = FileChannel.open(file, StandardOpenOption.WRITE)) {
          if (contents.size() < length) {
            throw new InvalidInputException(
                "%s has %,d bytes, but had %,d when the checkpoint was saved; it cannot be continued"
                    .formatted(file, contents.size(), length));
          }
          contents.truncate(length);
        }
      } catch (IOException e) {
        throw new InvalidInputException(file + " cannot be written: " + e.getMessage(), e);
      }
    }
  }

  /** How long files are, 0 where there is none, by their path in this folder; what they hold is on the disk then. */
  Map<String, Long> lengths(List<Path> files) {
    Map<String, Long> lengths = new LinkedHashMap<>();
    for (Path file : files) {
      if (Files.exists(file)) {
        try (FileChannel contents = FileChannel.open(file, StandardOpenOption.WRITE)) {
          contents.force(true);
          lengths.put(name(file), contents.size());
        } catch (IOException e) {
          throw new UncheckedIOException(new IOException(file + " cannot be written: " + e.getMessage(), e));
        }
      } else {
        lengths.put(name(file), 0L);
      }
    }
    return lengths;
  }

  /** How the run ended; empty where it has not, or where a later start did not come to an end. */
  Optional<RunOutcome> outcome() {
    return Files.exists(result()) ? Optional.of(JsonRecords.read(result(), RunOutcome.class)) : Optional.empty();
  }

  /** Writes the configuration of a run that goes on; what changed in it is harmless. */
  void update(RunFile run) {
    AtomicFile.writeText(configuration(), run.toYaml());
  }

  /** A file's path in this folder. */
  String name(Path file) {
    return path.toAbsolutePath().relativize(file.toAbsolutePath()).toString().replace('\\', '/');
  }

  /** The folder itself. */
  Path path() {
    return path;
  }

  Path configuration() {
    return path.resolve("run.yaml");
  }

  Path inputs() {
    return path.resolve("inputs.json");
  }

  Path metrics() {
    return path.resolve("metrics.jsonl");
  }

  Path checkpoints() {
    return path.resolve("checkpoints");
  }

  Path adapter() {
    return path.resolve("adapter");
  }

  Path model() {
    return path.resolve("model");
  }

  /** What the last step left, where the best was chosen. */
  Path last() {
    return path.resolve("last");
  }

  /** The best so far, while the run goes on. */
  Path bests() {
    return path.resolve("best");
  }

  /** What was answered. */
  Path evaluations() {
    return path.resolve("evaluation");
  }

  Path result() {
    return path.resolve("result.json");
  }

  /** Lets others have the folder. */
  @Override
  public void close() {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException _) {
        // The system takes the lock back with the process.
      }
      channel = null;
    }
  }
}
