package dev.cocktail.trainer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.lora.AdapterConfig;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Precision;
import dev.cocktail.trainer.config.AdapterSection;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.TrainingSection;
import dev.cocktail.trainer.data.Mixture;
import dev.cocktail.trainer.data.Packer;
import dev.cocktail.trainer.data.TaskData;
import dev.cocktail.trainer.data.TaskShare;
import dev.cocktail.trainer.data.TaskSize;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.text.ChatEncoder;
import dev.cocktail.transformer.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * One fine-tune from a run file to the adapter: opens model and data, trains, and leaves a run folder.
 *
 * <pre>{@code
 * RunFile run = RunFile.read(Path.of("run.yaml"));
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
   * @param folder the run's folder: {@code run.yaml}, {@code metrics.jsonl}, and what was trained
   * @param trained the adapter's folder, or that of the new model where base weights were trained
   * @param steps optimiser steps taken
   * @param before validation loss of each task before the first step; empty without validation sets
   * @param after validation loss of each task after the last step
   */
  public record Result(
      Path folder, Path trained, int steps, Map<String, TaskLoss> before, Map<String, TaskLoss> after) {}

  private final RunFile run;
  private final Device device;
  private Consumer<String> notes = line -> {};
  private boolean colours;
  private BooleanSupplier stop = () -> false;
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

  /** Asked before every step whether to stop there, saving what was learnt. */
  public FineTuning stopWhen(BooleanSupplier question) {
    stop = requireNonNull(question, "question");
    return this;
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
    RunFolder folder = RunFolder.requireFree(run.output());
    boolean checkpointLayers = MemoryPlan.of(run, device).chooseCheckpointing(notes);
    try (Phi3Model model = Phi3Model.load(run.model(), device);
        Tokenizer tokenizer = Tokenizer.load(run.model())) {
      RunData data = RunData.read(run, model.config(), ChatEncoder.of(tokenizer), colours, notes);
      TrainingSection training = run.training();
      List<TaskSize> sizes = data.train().stream().map(TaskSize::of).toList();
      Mixture mixture = run.mixture().rule(run.taskNames()).mix(sizes, run.mixtureSeed());
      var packer = new Packer(training.tokensPerStep(), training.microBatchTokens());
      PackedPlan plan = PackedPlan.of(data.train(), mixture, packer, training.stop());
      try (Trainable trainable = trainable(run, model)) {
        boolean isAdapter = run.adapter().type() != AdapterSection.Type.NONE;
        Path target = isAdapter ? folder.adapter() : folder.model();
        return train(folder, model, trainable, data, plan, target, checkpointLayers);
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

  private Result train(
      RunFolder folder,
      Phi3Model model,
      Trainable trainable,
      RunData data,
      PackedPlan plan,
      Path target,
      boolean checkpointLayers) {
    TrainingSection training = run.training();
    long numbers = trainable.parameters().values().stream().mapToLong(p -> p.value().elements()).sum();
    notes.accept(
        String.format(
            Locale.ROOT,
            "training %,d parameters for %,d steps of up to %,d tokens",
            numbers,
            plan.steps(),
            training.tokensPerStep()));
    if (data.train().size() > 1) {
      notes.accept(describeMixture(data, plan));
    }
    int every = run.evaluation().every().steps(plan.steps() / plan.epochsAfter(plan.steps()));
    var options =
        new Trainer.Options(
            training.learningRates(plan.steps()),
            training.optimiser(),
            checkpointLayers,
            every,
            training.seed(),
            training.lossRule(run.taskNames()));
    List<String> names = run.taskNames();
    var trainer = new Trainer(model, trainable, names, options);
    var memory = new RunMemory();
    folder.create(run);
    int steps;
    try (var metrics = new MetricsWriter(folder.metrics())) {
      List<TrainingListener> all = new ArrayList<>(List.of(memory));
      all.addAll(listeners);
      all.add(new MetricsListener(metrics, names, plan));
      steps = trainer.train(plan, data.validation(), TrainingListener.all(all), stop);
    } catch (TrainingFailedException e) {
      trainable.save(target);
      throw e.withAdvice("what was learnt up to step " + e.keptSteps() + " is in " + target);
    } catch (RuntimeException | Error e) {
      saveInNeed(trainable, target, memory.steps, e);
      throw e;
    }
    trainable.save(target);
    if (steps < plan.steps()) {
      throw new InterruptedRunException(
          "stopped after step " + steps + " of " + plan.steps() + "; what was learnt is in " + target);
    }
    return new Result(folder.path(), target, steps, memory.first, memory.last);
  }

  /** Keeps what was learnt before something failed that has nothing to do with it, such as memory or a full disk. */
  private void saveInNeed(Trainable trainable, Path target, int steps, Throwable failure) {
    if (steps == 0) {
      return;
    }
    try {
      trainable.save(target);
      notes.accept("failed after step " + steps + "; what was learnt until then is in " + target);
    } catch (RuntimeException | Error alsoFailed) {
      failure.addSuppressed(alsoFailed);
    }
  }

  /** Remembers how far the run came, and the first and the latest validation losses. */
  private static final class RunMemory implements TrainingListener {
    private int steps;
    private Map<String, TaskLoss> first = Map.of();
    private Map<String, TaskLoss> last = Map.of();

    @Override
    public void stepped(StepReport report) {
      steps = report.step();
    }

    @Override
    public void evaluated(EvaluationReport report) {
      if (report.step() == 0) {
        first = report.tasks();
      }
      last = report.tasks();
    }
  }
}
