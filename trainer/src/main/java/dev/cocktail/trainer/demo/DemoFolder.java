package dev.cocktail.trainer.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.safetensors.AtomicFile;
import dev.cocktail.trainer.IoProblem;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A demo's folder. {@code demo.json}, which says how large the demo is, is the first file written, so that a folder
 * with it is a demo's and can be gone on with; {@code report.html} is the last. Held by one process until it is closed.
 */
final class DemoFolder implements AutoCloseable {
  private static final String MARK = "demo.json";
  private static final String REPORT = "report.html";

  private final Path path;
  private final FileChannel lock;
  private final boolean goesOn;

  private DemoFolder(Path path, FileChannel lock, boolean goesOn) {
    this.path = path;
    this.lock = lock;
    this.goesOn = goesOn;
  }

  /**
   * Opens a folder that the user names: a new one, or that of a demo, which goes on.
   *
   * @throws InvalidInputException when it holds anything else, its files are not as this program writes them, another
   *     process has it, or it cannot be written
   */
  static DemoFolder named(Path path, DemoSize size) {
    Map<String, byte[]> files = files(size);
    requireFreeOrDemo(path);
    FileChannel lock =
        lock(path)
            .orElseThrow(() ->
                new InvalidInputException(
                    "--output: " + path + " is in use by another demo; name a new folder, or wait for it"));
    try {
      boolean begun = Files.exists(path.resolve(MARK));
      Optional<String> changed = changed(path, files);
      if (changed.isPresent()) {
        throw new InvalidInputException(
            "--output: %s is not as this version of the demo writes it, so the demo cannot go on; name a new folder"
                .formatted(path.resolve(changed.get())));
      }
      writeMissing(path, files);
      return new DemoFolder(path, lock, begun);
    } catch (RuntimeException e) {
      close(lock);
      throw e;
    }
  }

  /**
   * Opens the first of {@code demo}, {@code demo-2} and so on in a parent folder that is new, or holds a demo that was
   * interrupted and that this program can go on with.
   */
  static DemoFolder next(Path parent, DemoSize size) {
    Map<String, byte[]> files = files(size);
    for (int number = 1; ; number++) {
      Path path = parent.resolve(number == 1 ? "demo" : "demo-" + number);
      boolean begun = Files.exists(path.resolve(MARK));
      boolean wanted =
          begun ? !Files.exists(path.resolve(REPORT)) && changed(path, files).isEmpty() : !Files.exists(path);
      Optional<FileChannel> lock = wanted ? lock(path) : Optional.empty();
      if (lock.isPresent()) {
        try {
          writeMissing(path, files);
          return new DemoFolder(path, lock.get(), begun);
        } catch (RuntimeException e) {
          close(lock.get());
          throw e;
        }
      }
    }
  }

  private static Map<String, byte[]> files(DemoSize size) {
    Map<String, byte[]> files = new LinkedHashMap<>();
    try {
      files.put(MARK, new ObjectMapper().writeValueAsBytes(size));
    } catch (IOException e) {
      throw new IllegalStateException("a size cannot be written as JSON", e);
    }
    files.putAll(DemoMaterial.demoFiles(size));
    return files;
  }

  private static void requireFreeOrDemo(Path path) {
    if (Files.exists(path) && !Files.isDirectory(path)) {
      throw new InvalidInputException("--output: " + path + " is a file; name a new folder");
    }
    if (Files.isDirectory(path) && !Files.exists(path.resolve(MARK))) {
      try (Stream<Path> content = Files.list(path)) {
        if (content.findAny().isPresent()) {
          throw new InvalidInputException(
              "--output: " + path + " is there already and holds no demo; name a new folder");
        }
      } catch (IOException e) {
        throw new InvalidInputException("--output: " + path + " cannot be read: " + e.getMessage(), e);
      }
    }
  }

  /** The lock of a folder, which is made where it is absent; empty where another has it. */
  private static Optional<FileChannel> lock(Path path) {
    try {
      Files.createDirectories(path);
      FileChannel channel =
          FileChannel.open(path.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      try {
        if (channel.tryLock() != null) {
          return Optional.of(channel);
        }
      } catch (OverlappingFileLockException _) {
        // Another demo of this very process has it.
      }
      close(channel);
      return Optional.empty();
    } catch (IOException e) {
      throw new InvalidInputException("--output: " + path + " cannot be written: " + IoProblem.of(e), e);
    }
  }

  /** The first of the files that is there with other contents. */
  private static Optional<String> changed(Path path, Map<String, byte[]> files) {
    return files.keySet().stream().filter(name -> !isAbsentOr(path.resolve(name), files.get(name))).findFirst();
  }

  private static boolean isAbsentOr(Path file, byte[] content) {
    try {
      return !Files.exists(file)
          || Files.size(file) == content.length && Arrays.equals(Files.readAllBytes(file), content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void writeMissing(Path path, Map<String, byte[]> files) {
    files.forEach((name, content) -> {
      Path file = path.resolve(name);
      if (!Files.exists(file)) {
        AtomicFile.write(
            file,
            channel -> {
              ByteBuffer bytes = ByteBuffer.wrap(content);
              while (bytes.hasRemaining()) {
                channel.write(bytes);
              }
            });
      }
    });
  }

  Path path() {
    return path;
  }

  Path report() {
    return path.resolve(REPORT);
  }

  /** Whether a demo was begun here before. */
  boolean goesOn() {
    return goesOn;
  }

  /** Lets others have the folder. */
  @Override
  public void close() {
    close(lock);
  }

  private static void close(FileChannel lock) {
    try {
      lock.close();
    } catch (IOException _) {
      // The system takes the lock back with the process.
    }
  }
}
