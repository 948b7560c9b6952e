package dev.cocktail.trainer.config;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.NearestName;
import dev.cocktail.tensor.Precision;
import dev.cocktail.trainer.data.MixtureRule.Strategy;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A run file with all its defaults filled in and its paths resolved: relative ones start from the run file's folder.
 */
@Planned({"study", "balancer", "export"})
public record RunFile(
    @Key("The model to fine-tune, a Hugging Face folder.") Path model,
    @Key("Small matrices that are trained beside the frozen weights.") AdapterSection adapter,
    @Key(
            "Base weights to train, with 'adapter: {type: none}': names or ends of names, where * stands for any"
                + " characters; all is full fine-tuning.")
        List<String> trainable,
    @Key("The tasks to learn, each with its data.") List<TaskSection> tasks,
    @Key("How the tasks' examples are mixed.") MixtureSection mixture,
    @Key("How long, in what portions, and how the weights are changed.") TrainingSection training,
    @Key("How often the validation loss is taken.") EvaluationSection evaluation,
    @Key("How often a run saves what it needs to be continued.") CheckpointSection checkpoints,
    @Key(
            value = "Where the run's folder is made; a study without this key goes to studies/NAME.",
            defaultsTo = "runs/${name}")
        Path output)
    implements Checked {
  private static final long LARGEST_FILE = 1 << 20;

  public RunFile {
    trainable = List.copyOf(trainable);
    tasks = List.copyOf(tasks);
  }

  /**
   * Reads a run file.
   *
   * @throws InvalidInputException when the file cannot be read, is no YAML, has an unknown or repeated key or a value
   *     that cannot be; the message names file, line, key, what was expected and what to do
   */
  public static RunFile read(Path file) {
    Path absolute = file.toAbsolutePath().normalize();
    String fileName = absolute.getFileName() == null ? "run" : absolute.getFileName().toString();
    String name = fileName.replaceFirst("\\.ya?ml$", "");
    return parse(text(file, "run file"), file.toString(), absolute.getParent(), name);
  }

  /**
   * Reads the text of a run file.
   *
   * @param source named in messages
   * @param folder where relative paths start
   * @param name of the run, for the default output folder
   * @throws InvalidInputException as {@link #read} does
   */
  public static RunFile parse(String text, String source, Path folder, String name) {
    return new SectionReader(source, folder.toAbsolutePath().normalize(), name).read(text, RunFile.class);
  }

  /**
   * Begins a run that needs no file.
   *
   * @param model a Hugging Face model folder
   * @param output the run's folder, which is new
   */
  public static RunFileBuilder builder(Path model, Path output) {
    return new RunFileBuilder(model, output);
  }

  /**
   * The text of a file of keys.
   *
   * @param kind what it is expected to be, such as "run file"
   */
  static String text(Path file, String kind) {
    try {
      if (Files.isDirectory(file)) {
        throw new InvalidInputException(file + " is a folder, expected a " + kind + " (YAML)");
      }
      if (!Files.exists(file)) {
        throw new InvalidInputException("there is no " + kind + " " + file);
      }
      if (Files.size(file) > LARGEST_FILE) {
        throw new InvalidInputException(
            file + " is larger than 1 MiB, so it is no " + kind + "; data belong in files of their own");
      }
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw new InvalidInputException(file + " is no UTF-8 text, expected a " + kind + " (YAML)", e);
    } catch (IOException e) {
      throw new InvalidInputException(file + " cannot be read: " + e.getMessage(), e);
    }
  }

  /** All keys with their types, defaults and meanings, in the order of the file. */
  public static List<KeyInfo> keys() {
    return KeyInfo.of(RunFile.class);
  }

  /** The tasks' names, in their order. */
  public List<String> taskNames() {
    return tasks.stream().map(TaskSection::name).toList();
  }

  /** The seed of the order of examples. */
  public long mixtureSeed() {
    return mixture.seed().orElse(training.seed());
  }

  /** This run with another seed for everything, the mixture's order included where the file gave it none of its own. */
  public RunFile withSeed(long seed) {
    return Sections.with(this, "training", Sections.with(training, "seed", seed));
  }

  /** This run with activations of another precision. */
  public RunFile withPrecision(Precision precision) {
    return Sections.with(this, "training", Sections.with(training, "precision", precision));
  }

  /** This run with another folder for its output. */
  public RunFile withOutput(Path folder) {
    return Sections.with(this, "output", folder);
  }

  /** The resolved run as YAML, every key with its value; reading it back gives an equal run. */
  public String toYaml() {
    return SectionWriter.write(this);
  }

  /** The resolved run's values by key, such as {@code training.seed} or {@code tasks[0].train}, as YAML has them. */
  public Map<String, String> values() {
    return SectionWriter.values(this);
  }

  private void requireTasks(String key, TaskNumbers numbers, Place place) {
    for (String name : numbers.byTask().keySet()) {
      if (!taskNames().contains(name)) {
        throw place.wrong(
            key + "." + Scalars.shortened(name),
            "there is no task of this name" + NearestName.hint(Scalars.shortened(name), taskNames()));
      }
    }
  }

  private void checkCriterion(BestCriterion criterion, Place place) {
    String key = "evaluation.best";
    criterion
        .task()
        .filter(name -> !taskNames().contains(name))
        .ifPresent(name -> {
          throw place.wrong(
              key,
              "there is no task '"
                  + Scalars.shortened(name)
                  + "'"
                  + NearestName.hint(Scalars.shortened(name), taskNames()));
        });
    if (tasks.stream().noneMatch(criterion::isMeasuredOn)) {
      throw place.wrong(
          key,
          "'"
              + criterion
              + "' is measured nowhere; it needs "
              + (criterion.isLoss()
                  ? "a task with validation examples"
                  : "a task with that metric and validation examples"));
    }
  }

  /** Files and folders are called by tasks, and there are file systems to which case makes no difference. */
  private void checkNames(Place place) {
    Map<String, String> names = new HashMap<>();
    for (int i = 0; i < tasks.size(); i++) {
      String name = tasks.get(i).name();
      String other = names.put(name.toLowerCase(Locale.ROOT), name);
      if (other != null) {
        throw place.wrong(
            "tasks[" + i + "].name",
            other.equals(name)
                ? "'" + name + "' is already the name of another task"
                : "'" + name + "' differs from the name of another task, '" + other + "', in nothing but case");
      }
    }
  }

  @Override
  public void check(Place place) {
    if (tasks.isEmpty()) {
      throw place.wrong("tasks", "there is no task; give at least one, with name and train");
    }
    checkNames(place);
    evaluation.criterion().ifPresent(criterion -> checkCriterion(criterion, place));
    requireTasks("mixture.weights", mixture.weights(), place);
    requireTasks("training.loss_weights", training.lossWeights(), place);
    for (TaskSection task : tasks) {
      if (!mixture.weights().isEmpty() && !mixture.weights().byTask().containsKey(task.name())) {
        throw place.wrong(
            "mixture.weights", "there is no weight for task '" + task.name() + "'; give one, 0 leaves the task out");
      }
    }
    if (training.onTooLong().cuts() && tasks.stream().allMatch(task -> task.template().document().isEmpty())) {
      throw place.wrong(
          "training.on_too_long",
          "cuts documents, but no task says what its document is; name its field with template.document, or use drop");
    }
    if (training.epochsOf() != TrainingSection.EpochsOf.ALL && mixture.strategy() == Strategy.SEQUENTIAL) {
      throw place.wrong(
          "training.epochs_of", "mixture.strategy is sequential, which takes every task once an epoch; remove one");
    }
    if (adapter.type() == AdapterSection.Type.NONE && trainable.isEmpty()) {
      throw place.wrong(
          "adapter.type", "'none' leaves nothing to train; name base weights under 'trainable', or use lora");
    }
    if (adapter.type() != AdapterSection.Type.NONE && !trainable.isEmpty()) {
      throw place.wrong(
          "trainable", "base weights are trained only with 'adapter: {type: none}'; remove one of the two");
    }
  }
}
