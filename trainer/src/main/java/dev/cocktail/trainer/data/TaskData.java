package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.RandomKey;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * The examples of one task, tokenised.
 *
 * @param name the task's name
 * @param examples at least one
 * @param statistics what they amount to
 */
public record TaskData(String name, List<Example> examples, TaskStatistics statistics) {
  /** Keeps the choice's numbers apart from those of other users of the same seed. */
  private static final long CHOICE_STREAM = 0x63686F69;

  public TaskData {
    requireNonNull(name, "name");
    examples = List.copyOf(examples);
    if (examples.isEmpty()) {
      throw new IllegalArgumentException("task " + name + " without examples");
    }
  }

  /** A task of examples that are made in memory. */
  public static TaskData of(String name, List<Example> examples) {
    return new TaskData(name, examples, TaskStatistics.of(examples, TaskStatistics.Lost.NOTHING));
  }

  /**
   * A part of the task, in the order of the whole: the same examples for the same seed, whatever they are mixed with.
   *
   * @param maxExamples how many are kept, where there are more; at least 1
   * @param seed decides which
   */
  public TaskData limited(int maxExamples, long seed) {
    if (maxExamples < 1) {
      throw new InvalidInputException("max_examples is " + maxExamples + "; expected at least 1");
    }
    if (maxExamples >= examples.size()) {
      return this;
    }
    var order = Permutations.shuffled(examples.size(), new RandomKey(seed, 0).derive(CHOICE_STREAM));
    var kept = Arrays.stream(order, 0, maxExamples).sorted().mapToObj(examples::get).toList();
    return new TaskData(name, kept, TaskStatistics.of(kept, statistics.lost()));
  }

  /**
   * Those of the examples that are kept, in their order.
   *
   * @throws InvalidInputException when none is
   */
  public TaskData keeping(Predicate<Example> kept) {
    List<Example> rest = examples.stream().filter(kept).toList();
    if (rest.isEmpty()) {
      throw new InvalidInputException(
          "task %s: all of its %,d training examples are held out for validation or tests, so nothing is left to learn"
              .formatted(name, examples.size()));
    }
    return rest.size() == examples.size() ? this : new TaskData(name, rest, TaskStatistics.of(rest, statistics.lost()));
  }

  /**
   * Reads and tokenises a task's file.
   *
   * @throws InvalidInputException when a line is wrong, when nothing is left, or when nothing or everything would be
   *     learnt: both mean that the marks of what is learnt are wrong (plain text is learnt as a whole)
   */
  public static TaskData load(String name, DataSource source, ExampleEncoder encoder) {
    return load(name, source, encoder, (_, _) -> {}, _ -> {});
  }

  /**
   * As {@link #load(String, DataSource, ExampleEncoder)}.
   *
   * @param kept told what became an example, with it
   * @param notes told what the file's reader remarks
   */
  public static TaskData load(
      String name,
      DataSource source,
      ExampleEncoder encoder,
      BiConsumer<SourceRecord, Example> kept,
      Consumer<String> notes) {
    var file = source.file();
    var examples = new ArrayList<Example>();
    var counts = new long[4]; // dropped, cut, cut tokens, plain
    List<String> remarks =
        source.read(record -> {
          var encoded = encoder.encode(record);
          encoded
              .example()
              .ifPresent(example -> {
                examples.add(example);
                kept.accept(record, example);
              });
          counts[0] += encoded.example().isEmpty() ? 1 : 0;
          counts[1] += encoded.cutTokens() > 0 ? 1 : 0;
          counts[2] += encoded.cutTokens();
          counts[3] += record instanceof SourceRecord.PlainText ? 1 : 0;
        });
    remarks.forEach(remark -> notes.accept("task " + name + ": " + remark));
    if (examples.isEmpty()) {
      throw new InvalidInputException(
          "%s: task %s is empty: all of its %,d examples are longer than max_length. Raise max_length or shorten them"
              .formatted(file, name, counts[0]));
    }
    var lost = new TaskStatistics.Lost((int) counts[0], (int) counts[1], counts[2]);
    var statistics = TaskStatistics.of(examples, lost);
    if (counts[3] == 0) {
      requireSomeSupervised(name, file, statistics);
    }
    return new TaskData(name, examples, statistics);
  }

  private static void requireSomeSupervised(String name, Path file, TaskStatistics statistics) {
    var learnable = statistics.tokens() - statistics.examples();
    if (statistics.supervisedTokens() == 0) {
      throw new InvalidInputException(
          "%s: none of the %,d tokens of task %s would be learnt (supervised share 0). Check that the chat template renders"
                  .formatted(file, statistics.tokens(), name)
              + " what the assistant says");
    }
    if (statistics.supervisedTokens() == learnable) {
      throw new InvalidInputException(
          "%s: all of the %,d tokens of task %s would be learnt, prompts too (supervised share 1). Give a prompt to each"
                  .formatted(file, statistics.tokens(), name)
              + " completion, or use the form {\"text\": ...} when learning everything is meant");
    }
  }
}
