package dev.cocktail.trainer;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.config.EvaluationSection.Tested;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.TaskSection;
import dev.cocktail.trainer.data.DataPart;
import dev.cocktail.trainer.data.DataSource;
import dev.cocktail.trainer.data.Example;
import dev.cocktail.trainer.data.ExampleEncoder;
import dev.cocktail.trainer.data.Fingerprint;
import dev.cocktail.trainer.data.HeldOut;
import dev.cocktail.trainer.data.LeakAudit;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.Packer;
import dev.cocktail.trainer.data.SupervisionSample;
import dev.cocktail.trainer.data.TaskData;
import dev.cocktail.trainer.data.TaskStatistics;
import dev.cocktail.transformer.Phi3Config;
import dev.cocktail.transformer.text.ChatEncoder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The tokenised data of a run's tasks.
 *
 * @param train of each task, in the run file's order
 * @param validation of all tasks, packed for evaluation; empty without validation sets
 * @param test the same of the test sets; empty where the run does not look at them either
 */
public record RunData(List<TaskData> train, List<MicroBatch> validation, List<MicroBatch> test) {
  public RunData {
    train = List.copyOf(train);
    validation = List.copyOf(validation);
    test = List.copyOf(test);
  }

  /** No batch that is evaluated has more tokens. */
  int largestEvaluation() {
    return Stream.concat(validation.stream(), test.stream()).mapToInt(MicroBatch::tokens).max().orElse(0);
  }

  /**
   * Reads, checks and describes the data; needs the model's configuration, not its weights.
   *
   * @param colours whether the notes may show in colours which tokens are learnt
   * @param notes told what was read, in lines for people
   * @param between called between examples; what it throws ends the reading
   * @throws InvalidInputException naming file and line of what is wrong
   */
  public static RunData read(
      RunFile run, Phi3Config config, ChatEncoder encoder, boolean colours, Consumer<String> notes, Runnable between) {
    HeldOut leaveOut = run.training().leaveOut().map(HeldOut::read).orElse(HeldOut.NOTHING);
    return new Reader(run, leaveOut, config, encoder, colours, notes, between).read();
  }

  /**
   * The same before the run's file of examples to be left out is written.
   *
   * @param leaveOut what will be in that file
   */
  public static RunData read(
      RunFile run, HeldOut leaveOut, Phi3Config config, ChatEncoder encoder, Consumer<String> notes, Runnable between) {
    return new Reader(run, leaveOut, config, encoder, false, notes, between).read();
  }

  /** What reading needs at every turn. */
  private record Reader(
      RunFile run,
      HeldOut leaveOut,
      Phi3Config config,
      ChatEncoder encoder,
      boolean colours,
      Consumer<String> notes,
      Runnable between) {
    /** Tokens shown of an example before and after the place where what is learnt begins. */
    private static final int SHOWN = 48;

    private RunData read() {
      int context = config.maxPositions();
      int maxLength = Math.min(run.training().maxLength(), context);
      if (maxLength < run.training().maxLength()) {
        notes.accept(
            String.format(
                Locale.ROOT,
                "max_length is %,d, the model's context %,d: examples may have up to %,d tokens",
                run.training().maxLength(),
                context,
                context));
      }
      var examples = new ExampleEncoder(encoder, maxLength, run.training().onTooLong());
      var audit = new LeakAudit.Collector();
      List<MicroBatch.Sequence> validation = new ArrayList<>();
      List<MicroBatch.Sequence> test = new ArrayList<>();
      List<List<String>> heldNotes = new ArrayList<>();
      for (int number = 0; number < run.tasks().size(); number++) {
        TaskSection task = run.tasks().get(number);
        var held = new Held(task, number, new ArrayList<>());
        task.validationSource()
            .ifPresent(source -> validation.addAll(held(held, DataPart.Kind.VALIDATION, source, examples, audit)));
        if (run.evaluation().test() != Tested.NONE) {
          task.testSource().ifPresent(source -> test.addAll(held(held, DataPart.Kind.TEST, source, examples, audit)));
        } else if (run.training().onSharedExamples() == LeakAudit.Policy.EXCLUDE) {
          task.testSource()
              .ifPresent(source -> source.read(record -> audit.add(task.name(), DataPart.Kind.TEST, record)));
        }
        heldNotes.add(held.notes());
      }
      List<TaskData> train = new ArrayList<>();
      for (TaskSection task : run.tasks()) {
        train.add(train(task, examples, audit));
        heldNotes.get(train.size() - 1).forEach(notes);
      }
      report(audit.audit().findings());
      int batch = Math.max(run.evaluation().tokensAtOnce(run.training()), maxLength);
      var packer = new Packer(batch, batch);
      return new RunData(train, packer.microBatches(validation), packer.microBatches(test));
    }

    /** A task while its held-out examples are read; what there is to say of them comes after the training examples. */
    private record Held(TaskSection task, int number, List<String> notes) {}

    /** What a task's training examples are, as far as they may be learnt. */
    private TaskData train(TaskSection task, ExampleEncoder examples, LeakAudit.Collector audit) {
      Map<Example, Fingerprint> prints = new IdentityHashMap<>();
      TaskData all = load(task.name(), task.trainSource(), examples, prints, notes);
      boolean excludes = run.training().onSharedExamples() == LeakAudit.Policy.EXCLUDE;
      TaskData whole =
          all.keeping(example ->
              !leaveOut.contains(prints.get(example)) && !(excludes && audit.isHeldOut(prints.get(example))));
      if (whole != all) {
        say(
            "task %s: %,d of %,d training examples left out, which are held out for validation or tests",
            task.name(), all.examples().size() - whole.examples().size(), all.examples().size());
      }
      TaskData data =
          whole.limited(task.maxExamples().orElse(Integer.MAX_VALUE), task.seed().orElse(run.training().seed()));
      if (data != whole) {
        say(
            "task %s: max_examples keeps %,d of %,d examples",
            task.name(), data.examples().size(), whole.examples().size());
      }
      data.examples().forEach(example -> audit.trained(task.name(), example.origin(), prints.get(example)));
      notes.accept(describe(task.name(), data.statistics()));
      notes.accept("  such as " + sample(data.examples().getFirst()));
      return data;
    }

    private void say(String format, Object... values) {
      notes.accept(String.format(Locale.ROOT, format, values));
    }

    /** Examples that are not learnt from. */
    private List<MicroBatch.Sequence> held(
        Held held, DataPart.Kind kind, DataSource source, ExampleEncoder examples, LeakAudit.Collector audit) {
      String name = held.task().name();
      Map<Example, Fingerprint> prints = new IdentityHashMap<>();
      TaskData data = load(name, source, examples, prints, held.notes()::add);
      data.examples().forEach(example -> audit.held(name, kind, example.origin(), prints.get(example)));
      held.notes().add(describe(name + ", " + kind.name().toLowerCase(Locale.ROOT), data.statistics()));
      return data.examples().stream().map(example -> new MicroBatch.Sequence(held.number(), example)).toList();
    }

    /** Says which validation and test examples are training examples, or refuses the run. */
    private void report(List<String> findings) {
      if (!findings.isEmpty() && run.training().onSharedExamples() == LeakAudit.Policy.ERROR) {
        throw new InvalidInputException(
            String.join("; ", findings) + ". Remove them, or set training.on_shared_examples: exclude, or warn");
      }
      findings.forEach(finding -> notes.accept("warning: " + finding));
    }

    /**
     * A task whose tokens the model knows; a tokenizer of another model would be noticed only in the midst of training.
     */
    private TaskData load(
        String name,
        DataSource source,
        ExampleEncoder examples,
        Map<Example, Fingerprint> prints,
        Consumer<String> notes) {
      TaskData data =
          TaskData.load(
              name,
              source,
              examples,
              (record, example) -> {
                between.run();
                prints.put(example, Fingerprint.of(name, record));
              },
              notes);
      int vocabulary = config.vocabSize();
      for (Example example : data.examples()) {
        int largest = Arrays.stream(example.ids()).max().orElse(0);
        if (largest >= vocabulary) {
          throw new InvalidInputException(
              example.origin()
                  + ": the tokenizer makes token "
                  + largest
                  + " of this example, but the model's vocabulary has "
                  + vocabulary
                  + " tokens; is the tokenizer.json beside "
                  + "the weights that of this model?");
        }
      }
      return data;
    }

    /** An example as it is learnt, on one line, as far as it lies around the place where what is learnt begins. */
    private String sample(Example example) {
      int learnt = 1;
      while (!example.supervised()[learnt]) {
        learnt++;
      }
      int from = Math.max(0, learnt - SHOWN);
      int to = Math.min(example.length(), learnt + SHOWN);
      var part =
          new Example(
              Arrays.copyOfRange(example.ids(), from, to),
              Arrays.copyOfRange(example.supervised(), from, to),
              example.origin());
      return (from > 0 ? "... " : "")
          + SupervisionSample.render(encoder.tokenizer(), part, colours).replace("\n", "↵")
          + (to < example.length() ? " ..." : "");
    }

    private static String describe(String name, TaskStatistics statistics) {
      return String.format(
              Locale.ROOT,
              "task %s: %,d examples, %,d tokens (mean %.0f, median %,d, 95 %% up to %,d, longest %,d), %.1f %% of them"
                  + " learnt",
              name,
              statistics.examples(),
              statistics.tokens(),
              statistics.meanLength(),
              statistics.median(),
              statistics.percentile95(),
              statistics.longest(),
              100 * statistics.supervisedShare())
          + describe(statistics.lost());
    }

    private static String describe(TaskStatistics.Lost lost) {
      String cut =
          lost.cut() == 0
              ? ""
              : String.format(
                  Locale.ROOT,
                  "; cut the documents of %,d by %,d tokens in all to fit max_length",
                  lost.cut(),
                  lost.cutTokens());
      return lost.dropped() == 0
          ? cut
          : cut + String.format(Locale.ROOT, "; %,d left out for being longer than max_length", lost.dropped());
    }
  }
}
