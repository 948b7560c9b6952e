package dev.cocktail.trainer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.lora.AdaptedModel;
import dev.cocktail.lora.AdapterConfig;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Precision;
import dev.cocktail.trainer.config.AdapterSection;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.data.Example;
import dev.cocktail.trainer.data.SupervisionSample;
import dev.cocktail.trainer.data.TaskData;
import dev.cocktail.trainer.data.TaskShare;
import dev.cocktail.transformer.Phi3Config;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.text.ChatEncoder;
import dev.cocktail.transformer.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * One fine-tune from a run file to the adapter: opens model and data, trains, and leaves a run folder.
 *
 * <pre>{@code
 * RunFile run = RunFile.read(runFile);
 * try (Device device = Devices.open("auto", run.training().precision(), System.err::println)) {
 *   FineTuning.Result result = FineTuning.of(run, device).run();
 *   System.out.println(result.trained());
 * }
 * }</pre>
 */
public final class FineTuning {
  /**
   * What a run left behind.
   *
   * @param folder the run's folder: {@code run.yaml}, {@code metrics.jsonl}, {@code result.json}, and what was trained
   * @param steps optimiser steps taken
   * @param before the validation sets before the first step; empty without any
   * @param best the best state, where the run chooses one
   * @param last the state that the last step left, which is kept beside the best
   */
  public record Result(Path folder, int steps, Optional<Scores> before, Optional<State> best, State last) {
    /** The state that the run ends with: the best where it chooses one, otherwise the last. */
    public State end() {
      return best.orElse(last);
    }

    /** The folder of the state that the run ends with: an adapter, or a new model where base weights were trained. */
    public Path trained() {
      return end().folder();
    }
  }

  /**
   * A state that a run left.
   *
   * @param which {@code best} or {@code last}
   * @param step number of steps that it has behind it
   * @param folder an adapter, or a new model where base weights were trained
   * @param choice what the best was chosen by; empty for the last
   * @param validation the best's own scores on the validation sets, and of the last those of the last evaluation; empty
   *     without validation sets
   * @param test the scores on the test sets; empty where they were not asked for
   */
  public record State(
      String which,
      int step,
      Path folder,
      Optional<Choice> choice,
      Optional<Scores> validation,
      Optional<Scores> test) {}

  /**
   * What the best was chosen by.
   *
   * @param criterion as the run file writes it
   * @param value the criterion's
   */
  public record Choice(String criterion, double value) {}

  private final RunFile run;
  private final Device device;
  private Consumer<String> notes = line -> {};
  private boolean colours;
  private boolean resume;
  private BooleanSupplier stop = () -> false;
  private Optional<AdaptedModel> base = Optional.empty();
  private final List<TrainingListener> listeners = new ArrayList<>();

  private FineTuning(RunFile run, Device device) {
    this.run = requireNonNull(run, "run");
    this.device = requireNonNull(device, "device");
  }

  /** A fine-tune on a device, which stays the caller's. */
  public static FineTuning of(RunFile run, Device device) {
    return new FineTuning(run, device);
  }

  /** Hears of steps and evaluations. */
  public FineTuning listener(TrainingListener listener) {
    listeners.add(requireNonNull(listener, "listener"));
    return this;
  }

  /** Hears lines for people: what was read, what will be done. */
  public FineTuning notes(Consumer<String> consumer) {
    notes = requireNonNull(consumer, "consumer");
    return this;
  }

  /** Whether the notes may show in colours which tokens are learnt; otherwise these stand in brackets. */
  public FineTuning colours(boolean wanted) {
    colours = wanted;
    return this;
  }

  /**
   * Continues the run that the output folder holds, from its newest checkpoint, bit for bit; begins it where there is
   * none. A run that is over is left as it is.
   */
  public FineTuning resume(boolean wanted) {
    resume = wanted;
    return this;
  }

  /**
   * Asked before every step, and in the midst of evaluations, whether to stop there, saving what was learnt; and while
   * the data are read.
   */
  public FineTuning stopWhen(BooleanSupplier question) {
    stop = requireNonNull(question, "question");
    return this;
  }

  /**
   * Trains on a model that is open already, and stays so: many runs can share its frozen weights.
   *
   * @param opened the run's model, on the run's device, without an adapter
   */
  public FineTuning on(AdaptedModel opened) {
    base = Optional.of(opened);
    return this;
  }

  /** What the run in a folder left, once it is over; empty where it is not, or where there is none. */
  public static Optional<Result> ended(Path folder) {
    if (!Files.isDirectory(folder)) {
      return Optional.empty();
    }
    try (RunFolder run = RunFolder.ofRun(folder)) {
      return run.outcome().filter(outcome -> outcome.ending().isFinal()).map(outcome -> result(run, outcome));
    }
  }

  /**
   * Refuses a run that its folder has begun from other inputs. Writes nothing.
   *
   * @throws InvalidInputException saying what was and what is
   */
  public static void requireSame(RunFile run, Device device) {
    Path folder = run.output();
    try (RunFolder begun = RunFolder.ofRun(folder)) {
      if (begun.isBegun()) {
        JsonRecords.read(begun.inputs(), RunInputs.class).requireSame(RunInputs.of(run, device), folder, _ -> {});
      }
    }
  }

  /**
   * Trains. Everything that was given is checked before the first file is written.
   *
   * @throws InvalidInputException when the run file, the model or the data are wrong, or the output folder is taken
   * @throws TrainingFailedException when loss or gradient stop being numbers; what was learnt before is saved, and the
   *     message says where
   * @throws InterruptedRunException when stopped; what was learnt is saved, and the message says where
   */
  public Result run() {
    requirePrecision(run.training().precision(), device);
    try (RunFolder folder = resume ? RunFolder.ofRun(run.output()) : RunFolder.requireFree(run.output())) {
      if (!folder.isBegun()) {
        return train(folder, Optional.empty(), Optional.empty());
      }
      folder.lock();
      RunInputs inputs = RunInputs.of(run, device);
      JsonRecords.read(folder.inputs(), RunInputs.class).requireSame(inputs, folder.path(), _ -> {});
      Optional<RunOutcome> outcome = folder.outcome().filter(ended -> ended.ending().isFinal());
      if (outcome.isPresent()) {
        new CheckpointStore(folder.bests()).deleteAll(); // Where the run was killed before it did so.
        notes.accept(folder.path() + " holds a run that is over; nothing is left to do");
        return result(folder, outcome.get());
      }
      Optional<TrainingCheckpoint> checkpoint =
          TrainingCheckpoint.newest(new CheckpointStore(folder.checkpoints()), inputs, notes);
      notes.accept(
          checkpoint
              .map(at -> "continuing after step " + at.state().step() + ", from " + at.folder())
              .orElse(folder.path() + " has no checkpoint yet; the run begins again"));
      return train(folder, Optional.of(inputs), checkpoint);
    }
  }

  /** Opens all that a run needs, checks it, and trains. */
  private Result train(RunFolder folder, Optional<RunInputs> begunWith, Optional<TrainingCheckpoint> checkpoint) {
    Phi3Config config = Phi3Config.read(run.model());
    try (Tokenizer own = base.isPresent() ? null : Tokenizer.load(run.model())) {
      ChatEncoder encoder = own == null ? base.orElseThrow().encoder() : ChatEncoder.of(own);
      RunData data = RunData.read(run, config, encoder, colours, notes, () -> requireGoingOn(folder));
      MemoryPlan memory = MemoryPlan.of(run, data.largestEvaluation(), device);
      boolean checkpointLayers =
          base.map(opened -> memory.on(opened.model())).orElse(memory).chooseCheckpointing(notes);
      return train(folder, begunWith, checkpoint, data, encoder, checkpointLayers);
    }
  }

  /** Until the first step there is nothing to save. */
  private void requireGoingOn(RunFolder folder) {
    if (stop.getAsBoolean()) {
      throw new InterruptedRunException(
          "stopped while the data were read; "
              + (folder.isBegun() ? "the run is as it was" : "nothing was written of this run"));
    }
  }

  private Result train(
      RunFolder folder,
      Optional<RunInputs> begunWith,
      Optional<TrainingCheckpoint> checkpoint,
      RunData data,
      ChatEncoder encoder,
      boolean checkpointLayers) {
    try (Phi3Model own = base.isPresent() ? null : Phi3Model.load(run.model(), device)) {
      Phi3Model model = own == null ? base.orElseThrow().model() : own;
      var scorer = new TaskScorer(run, model, encoder, notes);
      PackedPlan plan = PackedPlan.ofRun(run, data.train());
      try (Trainable trainable = trainable(run, model)) {
        describe(trainable, data, plan);
        RunInputs inputs = begunWith.orElseGet(() -> RunInputs.of(run, device));
        if (begunWith.isEmpty()) {
          folder.create(run, inputs);
        } else {
          folder.update(run);
        }
        boolean isAdapter = run.adapter().type() != AdapterSection.Type.NONE;
        Path target = isAdapter ? folder.adapter() : folder.model();
        var parts =
            new TrainingRun.Parts(
                run,
                inputs,
                folder,
                target,
                model,
                trainable,
                data,
                scorer,
                plan,
                checkpointLayers,
                listeners,
                notes,
                stop);
        return result(folder, TrainingRun.run(parts, checkpoint));
      }
    }
  }

  private static Result result(RunFolder folder, RunOutcome outcome) {
    return new Result(
        folder.path(),
        outcome.steps(),
        Optional.ofNullable(outcome.before()),
        Optional.ofNullable(outcome.best()).map(best -> state(folder, RunOutcome.BEST, best)),
        state(folder, RunOutcome.LAST, outcome.last()));
  }

  private static State state(RunFolder folder, String which, RunOutcome.Saved saved) {
    return new State(
        which,
        saved.step(),
        folder.path().resolve(saved.folder()),
        Optional.ofNullable(saved.criterion()).map(criterion -> new Choice(criterion, saved.value())),
        Optional.ofNullable(saved.validation()),
        Optional.ofNullable(saved.test()));
  }

  /**
   * Reads and describes a run's data and shows examples of each task as they would be learnt. Nothing is trained; of
   * the model, configuration and tokenizer are needed, and no weights.
   *
   * @param count so many of each task, chosen by the run's seed
   * @param colours as {@link #colours}
   * @param notes told what was read
   * @param samples told the examples, whole
   * @throws InvalidInputException when the data are wrong
   */
  public static void showSamples(
      RunFile run, int count, boolean colours, Consumer<String> notes, Consumer<String> samples) {
    try (Tokenizer tokenizer = Tokenizer.load(run.model())) {
      RunData data =
          RunData.read(run, Phi3Config.read(run.model()), ChatEncoder.of(tokenizer), colours, notes, () -> {});
      for (TaskData task : data.train()) {
        for (Example example : task.limited(count, run.training().seed()).examples()) {
          samples.accept(
              String.format(
                  Locale.ROOT,
                  "--- task %s, %s: %,d tokens, %,d of them learnt",
                  task.name(),
                  example.origin(),
                  example.length(),
                  example.supervisedTokens()));
          samples.accept(SupervisionSample.render(tokenizer, example, colours));
        }
      }
    }
  }

  private static void requirePrecision(Precision wanted, Device device) {
    DType type = device.activationType();
    if (wanted == Precision.BF16 && type != DType.BF16 || wanted == Precision.F32 && type == DType.BF16) {
      throw new InvalidInputException(
          "the run's training.precision is %s, and the device %s was opened for activations in %s; open it with the run's precision, or leave precision out"
              .formatted(wanted.name().toLowerCase(Locale.ROOT), device.name(), type.name().toLowerCase(Locale.ROOT)));
    }
  }

  /** What the run file says is to be trained, as it is before the first step. */
  static Trainable trainable(RunFile run, Phi3Model model) {
    if (run.adapter().type() == AdapterSection.Type.NONE) {
      return BaseTrainable.of(model, run.trainable());
    }
    AdapterConfig config = run.adapter().toAdapterConfig().withBaseModel(run.model().toString());
    return LoraTrainable.create(model, config, run.training().seed());
  }

  /** The planned share of each task in the whole run, and how often the run goes through its examples. */
  private String describeMixture(RunData data, PackedPlan plan) {
    List<TaskShare> shares = plan.plannedShares(0, plan.steps());
    List<String> tasks = new ArrayList<>();
    for (int task = 0; task < shares.size(); task++) {
      TaskData drawn = data.train().get(task);
      tasks.add(
          String.format(
              Locale.ROOT,
              "%s %.1f %% of the examples, %.1f %% of what is learnt, %.2f passes",
              drawn.name(),
              100 * shares.get(task).examples(),
              100 * shares.get(task).supervisedTokens(),
              (double) plan.draws(task) / drawn.examples().size()));
    }
    return "mixture " + run.mixture().strategy().name().toLowerCase(Locale.ROOT) + ": " + String.join("; ", tasks);
  }

  private void describe(Trainable trainable, RunData data, PackedPlan plan) {
    long numbers = trainable.parameters().values().stream().mapToLong(p -> p.value().elements()).sum();
    notes.accept(
        String.format(
            Locale.ROOT,
            "training %,d parameters for %,d steps of up to %,d tokens",
            numbers,
            plan.steps(),
            run.training().tokensPerStep()));
    notes.accept(
        String.format(
            Locale.ROOT,
            "packing: %,d micro-batches of up to %,d tokens, %.1f %% full",
            plan.microBatches(),
            Math.min(run.training().microBatchTokens(), run.training().tokensPerStep()),
            100 * plan.packingEfficiency()));
    if (data.train().size() > 1) {
      notes.accept(describeMixture(data, plan));
    }
  }
}
