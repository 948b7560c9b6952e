package dev.cocktail.trainer.study;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.safetensors.AtomicFile;
import dev.cocktail.trainer.IoProblem;
import dev.cocktail.trainer.JsonRecords;
import dev.cocktail.trainer.RunInputs;
import dev.cocktail.trainer.config.StudyFile;
import dev.cocktail.trainer.study.StudyScorer.Split;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The folder of a study: {@code study.yaml} (with every default filled in), {@code inputs.json} (what its numbers
 * follow from), {@code runs} with a folder for each run, in it its manifest, its adapter and its answers, {@code base}
 * with the answers of the model that learnt nothing, {@code test-questions.json} (what was asked when test answers were
 * first read), and the report. While it is open, no other process can open it.
 */
final class StudyFolder implements AutoCloseable {
  private static final String LOCK = ".lock";
  private static final String INPUTS = "inputs.json";
  private static final String STUDY = "study.yaml";

  /** What a study can have written before it is known for one. */
  private static final Pattern UNFINISHED = Pattern.compile("\\.lock|inputs\\.json|.*\\.tmp");

  private static final String QUESTIONS = "test-questions.json";

  private final Path path;
  private final FileChannel channel;

  private StudyFolder(Path path, FileChannel channel) {
    this.path = path;
    this.channel = channel;
  }

  /**
   * Opens a study's folder: a new one, or one that holds the same study, which goes on. More may be planned than
   * before, and other questions asked of the same runs; whatever decides about a run's numbers must be as it was.
   *
   * @param inputs of a run with all tasks
   * @throws InvalidInputException when it holds another study or anything else, when another process has it, or when it
   *     cannot be written
   */
  static StudyFolder open(StudyFile study, RunInputs inputs, Consumer<String> notes) {
    Path path = study.output();
    requireStudyOrNothing(path);
    try {
      Files.createDirectories(path);
      FileChannel channel = FileChannel.open(path.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      var folder = new StudyFolder(path, channel);
      try {
        folder.lock();
        folder.begin(study, inputs, notes);
        return folder;
      } catch (RuntimeException | IOException e) {
        folder.close();
        throw e;
      }
    } catch (IOException e) {
      throw new InvalidInputException("output: " + path + " cannot be written: " + IoProblem.of(e), e);
    } catch (UncheckedIOException e) {
      throw new InvalidInputException("output: " + path + " cannot be written: " + e.getCause().getMessage(), e);
    }
  }

  /**
   * Refuses a folder that {@link #open} would refuse, but for one that is in use. Writes nothing.
   *
   * @throws InvalidInputException when it holds another study or anything else
   */
  static void requireFits(StudyFile study, RunInputs inputs, Consumer<String> notes) {
    requireStudyOrNothing(study.output());
    requireSame(study.output(), inputs, notes);
  }

  private static void requireSame(Path path, RunInputs inputs, Consumer<String> notes) {
    if (Files.exists(inputs(path))) {
      JsonRecords.read(inputs(path), RunInputs.class).requireSame(inputs, path, notes);
    }
  }

  /**
   * Refuses what is neither a study's folder nor an empty or a new one; a run's folder has inputs too.
   *
   * @throws InvalidInputException when it is something else
   */
  static void requireStudyOrNothing(Path path) {
    requirePlace(path);
    if (!Files.exists(path) || Files.exists(inputs(path)) && Files.exists(path.resolve(STUDY))) {
      return;
    }
    if (!Files.isDirectory(path)) {
      throw new InvalidInputException("output: " + path + " is a file; expected the name of a new folder");
    }
    try (Stream<Path> entries = Files.list(path)) {
      // A study that was killed at once has its inputs alone.
      if (entries.anyMatch(entry -> !UNFINISHED.matcher(entry.getFileName().toString()).matches())) {
        throw new InvalidInputException("output: " + path + " holds something that is no study; name a new folder");
      }
    } catch (IOException e) {
      throw new InvalidInputException("output: " + path + " cannot be read: " + e.getMessage(), e);
    }
  }

  private static void requirePlace(Path path) {
    Path there = path.toAbsolutePath();
    while (there.getParent() != null && !Files.exists(there)) {
      there = there.getParent();
    }
    if (!there.equals(path.toAbsolutePath()) && !Files.isDirectory(there)) {
      throw new InvalidInputException(
          "output: " + path + " cannot be made: " + there + " is no folder; name a folder elsewhere");
    }
    if (!Files.isWritable(there)) {
      throw new InvalidInputException(
          "output: " + path + " cannot be written: nothing may be written to " + there + "; name a folder elsewhere");
    }
  }

  private static Path inputs(Path folder) {
    return folder.resolve(INPUTS);
  }

  private void lock() throws IOException {
    try {
      if (channel.tryLock() != null) {
        return;
      }
    } catch (OverlappingFileLockException _) {
      // Another study of this very process has it.
    }
    throw new InvalidInputException(
        "output: " + path + " is in use by a study that has not ended; wait for it, or name another folder");
  }

  private void begin(StudyFile study, RunInputs inputs, Consumer<String> notes) {
    requireSame(path, inputs, notes);
    JsonRecords.write(inputs(path), inputs); // First, because by this a folder is known for a study's.
    AtomicFile.writeText(path.resolve(STUDY), study.toYaml());
  }

  /** The folder itself. */
  Path path() {
    return path;
  }

  /** What a run answered to the items of a task. */
  static Path answers(PlannedRun run, Split split, String task) {
    return run.run().output().resolve("answers").resolve(split.word() + "-" + task + ".jsonl");
  }

  /**
   * What a study asked when test answers were first read, and what of it was changed afterwards.
   *
   * @param asked the keys of the section study with their values
   * @param changes in words, the oldest first
   */
  record TestQuestions(Map<String, String> asked, List<String> changes) {}

  /** Notes what is asked of test answers, before any is read. */
  void ask(StudyFile study) {
    Map<String, String> asked = new TreeMap<>(study.values());
    asked.keySet().removeIf(key -> !key.startsWith("study."));
    Optional<TestQuestions> before = asked();
    List<String> changes = new ArrayList<>(before.map(TestQuestions::changes).orElse(List.of()));
    before.ifPresent(earlier -> {
      for (String key : new TreeSet<>(union(earlier.asked().keySet(), asked.keySet()))) {
        String was = earlier.asked().getOrDefault(key, "absent");
        String is = asked.getOrDefault(key, "absent");
        if (!was.equals(is)) {
          changes.add("%s was %s and is %s".formatted(key, was, is));
        }
      }
    });
    JsonRecords.write(path.resolve(QUESTIONS), new TestQuestions(asked, changes));
  }

  private static Set<String> union(Set<String> one, Set<String> other) {
    Set<String> all = new HashSet<>(one);
    all.addAll(other);
    return all;
  }

  /** What was asked of test answers; empty before any was read. */
  Optional<TestQuestions> asked() {
    Path file = path.resolve(QUESTIONS);
    return Files.exists(file) ? Optional.of(JsonRecords.read(file, TestQuestions.class)) : Optional.empty();
  }

  /** What the model answered before it learnt anything. */
  Path baseAnswers(Split split, String task) {
    return path.resolve("base").resolve(split.word() + "-" + task + ".jsonl");
  }

  /** What a run is, written before it begins. */
  static Path manifest(PlannedRun run) {
    return run.run().output().resolve("manifest.json");
  }

  /** What was guessed of the tasks' help before anything was trained. */
  Path affinity() {
    return path.resolve("affinity.json");
  }

  /** Which held-out examples are among training examples. */
  Path leaks() {
    return path.resolve("leaks.json");
  }

  /** What is held out and left out of all runs. */
  static Path heldOut(Path study) {
    return study.resolve("held-out.txt");
  }

  /** Why a run failed. */
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
