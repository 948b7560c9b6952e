package dev.cocktail.trainer.config;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.NearestName;
import dev.cocktail.tensor.Precision;
import dev.cocktail.trainer.data.DataSource;
import dev.cocktail.trainer.data.LeakAudit;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * A study file with all its defaults filled in and its paths resolved: what a run file says of one run, said of many,
 * and which runs these are. It trains adapters only, so that all runs share the frozen weights.
 */
public record StudyFile(
    @Key("The model to fine-tune, a Hugging Face folder.") Path model,
    @Key("Small matrices that are trained beside the frozen weights.") AdapterSection adapter,
    @Key("The tasks of the study, each with its data; keys as in a run file.") List<TaskSection> tasks,
    @Key("How the examples of a mixture's tasks are mixed.") MixtureSection mixture,
    @Key("How long, in what portions, and how the weights are changed; study.by_size and controls change how long.")
        TrainingSection training,
    @Key("How often a run's validation loss is taken, and how answers are written.") EvaluationSection evaluation,
    @Key("How often a run saves what it needs to be continued.") CheckpointSection checkpoints,
    @Key("Which runs there are, and what is asked of them.") StudySection study,
    @Key(value = "Where the study's folder is made.", defaultsTo = "studies/${name}") Path output)
    implements Checked {
  public StudyFile {
    tasks = List.copyOf(tasks);
  }

  /**
   * Reads a study file.
   *
   * @throws InvalidInputException as {@link RunFile#read} does
   */
  public static StudyFile read(Path file) {
    return reader(file).read(RunFile.text(file, "study file"), StudyFile.class);
  }

  /**
   * What is wrong with a key, with its file and line.
   *
   * @param file as it was read
   * @param late what was found when the study's plan or data were known
   */
  public static InvalidInputException located(Path file, InvalidKeyException late) {
    return reader(file).located(RunFile.text(file, "study file"), StudyFile.class, late);
  }

  private static SectionReader reader(Path file) {
    Path absolute = file.toAbsolutePath().normalize();
    String fileName = absolute.getFileName() == null ? "study" : absolute.getFileName().toString();
    return new SectionReader(file.toString(), absolute.getParent(), fileName.replaceFirst("\\.ya?ml$", ""));
  }

  /**
   * Reads the text of a study file.
   *
   * @param source named in messages
   * @param folder where relative paths start
   * @param name of the study, for the default output folder
   * @throws InvalidInputException as {@link #read} does
   */
  public static StudyFile parse(String text, String source, Path folder, String name) {
    return new SectionReader(source, folder.toAbsolutePath().normalize(), name).read(text, StudyFile.class);
  }

  /** The keys that a run file does not have, with their types, defaults and meanings, in the order of the file. */
  public static List<KeyInfo> keys() {
    return KeyInfo.of(StudyFile.class).stream().filter(key -> key.path().startsWith("study.")).toList();
  }

  /** The tasks' names, in their order. */
  public List<String> taskNames() {
    return tasks.stream().map(TaskSection::name).toList();
  }

  /**
   * A task by its name.
   *
   * @throws IllegalArgumentException when there is none
   */
  public TaskSection task(String name) {
    return tasks.stream()
        .filter(task -> task.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no task " + name));
  }

  /** The tasks that can be learnt: all but the probes. */
  public List<String> learnable() {
    return taskNames().stream().filter(name -> !study.probes().contains(name)).toList();
  }

  /** The tasks that the study wants to know the best mixture for. */
  public List<String> targets() {
    if (!study.targets().isEmpty()) {
      return study.targets();
    }
    return scored()
        .filter(task -> task.validation().isPresent() && task.test().isPresent())
        .map(TaskSection::name)
        .toList();
  }

  /** The tasks that are targets unless something is missing, where none are named. */
  private Stream<TaskSection> scored() {
    return tasks.stream()
        .filter(task -> task.metric().isPresent())
        .filter(task -> !study.general().contains(task.name()) && !study.probes().contains(task.name()));
  }

  /** Warnings for people on what they may not have meant. */
  public List<String> warnings() {
    if (!study.targets().isEmpty()) {
      return List.of();
    }
    return scored()
        .filter(task -> task.test().isEmpty())
        .map(task ->
            "warning: task "
                + task.name()
                + " is no target, since it has no test examples; name a file under test, or the task under"
                + " study.general")
        .toList();
  }

  /**
   * The run that learns some of the tasks.
   *
   * @param names of the tasks; they are taken in the study's order, whatever order these are in
   * @param training how long, in what portions, and with which seed
   * @param folder the run's
   */
  public RunFile run(List<String> names, TrainingSection training, Path folder) {
    List<TaskSection> chosen = new ArrayList<>();
    for (TaskSection task : tasks) {
      if (names.contains(task.name())) {
        // The same examples in every run, whatever its seed.
        OptionalLong seed =
            task.maxExamples().isPresent() && task.seed().isEmpty()
                ? OptionalLong.of(this.training.seed())
                : task.seed();
        chosen.add(Sections.with(task, "seed", seed));
      }
    }
    TaskNumbers weights = mixture.weights().only(names);
    if (!weights.isEmpty() && weights.byTask().values().stream().allMatch(weight -> weight == 0)) {
      throw new InvalidKeyException(
          "mixture.weights",
          "the run of "
              + String.join(", ", names)
              + " would draw nothing, since these have weight 0; give one of them a weight, or leave the mixture out"
              + " (each target alone is there in any case)");
    }
    boolean cuts = chosen.stream().anyMatch(task -> task.template().document().isPresent());
    TrainingSection ofRun = Sections.with(training, "lossWeights", training.lossWeights().only(names));
    var run =
        new RunFile(
            model,
            adapter,
            List.of(),
            chosen,
            Sections.with(mixture, "weights", weights),
            cuts ? ofRun : Sections.with(ofRun, "onTooLong", training.onTooLong().withoutCutting()),
            Sections.with(evaluation, "test", EvaluationSection.Tested.NONE),
            checkpoints,
            folder);
    run.check(
        (key, problem) -> new InvalidKeyException(key, "of the run of " + String.join(", ", names) + ": " + problem));
    return run;
  }

  /** This study with another seed. */
  public StudyFile withSeed(long seed) {
    return Sections.with(this, "training", training.withSeed(seed));
  }

  /** This study with activations of another precision. */
  public StudyFile withPrecision(Precision precision) {
    return Sections.with(this, "training", Sections.with(training, "precision", precision));
  }

  /** This study with another folder for its output. */
  public StudyFile withOutput(Path folder) {
    return Sections.with(this, "output", folder);
  }

  /** This study, all of whose runs leave out the training examples that a file of a leak audit names. */
  public StudyFile leavingOut(Path heldOut) {
    return Sections.with(this, "training", training.withLeaveOut(heldOut));
  }

  /** This study with other tasks, such as ones with other limits. */
  public StudyFile withTasks(List<TaskSection> changed) {
    return Sections.with(this, "tasks", changed);
  }

  /** This study with another plan. */
  public StudyFile withStudy(StudySection changed) {
    return Sections.with(this, "study", changed);
  }

  /** The resolved study as YAML, every key with its value; reading it back gives an equal study. */
  public String toYaml() {
    return SectionWriter.write(this);
  }

  /** The resolved study's values by key, as YAML has them. */
  public Map<String, String> values() {
    return SectionWriter.values(this);
  }

  private void requireTasks(String key, List<String> names, Place place) {
    for (int i = 0; i < names.size(); i++) {
      String name = names.get(i);
      if (!taskNames().contains(name)) {
        throw place.wrong(
            key + "[" + i + "]",
            "there is no task '"
                + Scalars.shortened(name)
                + "'"
                + NearestName.hint(Scalars.shortened(name), taskNames()));
      }
      if (names.indexOf(name) < i) {
        throw place.wrong(key + "[" + i + "]", "'" + name + "' is there already; remove one");
      }
    }
  }

  /** What is wrong with a task's key. */
  private InvalidInputException wrong(TaskSection task, String key, String problem, Place place) {
    return place.wrong("tasks[" + tasks.indexOf(task) + "]." + key, problem);
  }

  private void checkUnnamedTargets(Place place) {
    scored()
        .filter(task -> task.validation().isEmpty() && task.test().isPresent())
        .findFirst()
        .ifPresent(task -> {
          throw wrong(
              task,
              "validation",
              "is missing, so that task '"
                  + task.name()
                  + "', which has a metric and test examples, can be no target: mixtures are never chosen by test"
                  + " examples; name a file or give a split, or name the task under study.general, or leave out its"
                  + " metric",
              place);
        });
  }

  private void requireOtherTests(TaskSection task, Place place) {
    DataSource validation = task.validationSource().orElseThrow();
    DataSource test = task.testSource().orElseThrow();
    if (validation.file().equals(test.file()) && validation.part().equals(test.part())) {
      throw wrong(
          task,
          "test",
          "the test examples are the validation examples, by which mixtures are chosen, so that nothing is left to"
              + " judge the choice by; name another file, or give a split",
          place);
    }
  }

  private void checkTargets(Place place) {
    if (study.targets().isEmpty()) {
      checkUnnamedTargets(place);
    }
    for (int i = 0; i < study.targets().size(); i++) {
      String key = "study.targets[" + i + "]";
      String name = study.targets().get(i);
      if (study.probes().contains(name) || study.general().contains(name)) {
        throw place.wrong(key, "'" + name + "' is under probes or general too; a target is neither");
      }
      requireScored(key, task(name), place);
    }
    if (targets().isEmpty()) {
      throw place.wrong(
          "study.targets",
          "no task can be a target; a target has a metric, validation examples (mixtures are chosen by them) and test"
              + " examples");
    }
    targets().forEach(target -> requireOtherTests(task(target), place));
    for (int i = 0; i < study.probes().size(); i++) {
      requireScored("study.probes[" + i + "]", task(study.probes().get(i)), place);
    }
  }

  private static void requireScored(String key, TaskSection task, Place place) {
    if (task.metric().isEmpty()) {
      throw place.wrong(key, "task '" + task.name() + "' has no metric; give it one");
    }
    if (task.validation().isEmpty()) {
      throw place.wrong(
          key,
          "task '"
              + task.name()
              + "' has no validation examples, and mixtures are never chosen by test examples; name a file under"
              + " validation");
    }
    if (task.test().isEmpty()) {
      throw place.wrong(key, "task '" + task.name() + "' has no test examples; name a file under test");
    }
  }

  @Override
  public void check(Place place) {
    // What must hold of a run with all tasks must hold of a study.
    new RunFile(model, adapter, List.of(), tasks, mixture, training, evaluation, checkpoints, output).check(place);
    if (adapter.type() == AdapterSection.Type.NONE) {
      throw place.wrong("adapter.type", "a study trains adapters; expected lora");
    }
    if (training.leaveOut().isPresent() && training.onSharedExamples() == LeakAudit.Policy.EXCLUDE) {
      throw place.wrong(
          "training.leave_out", "'on_shared_examples: exclude' makes such a file of the study's own data; remove one");
    }
    if (evaluation.patience().isPresent()) {
      throw place.wrong(
          "evaluation.patience", "ends runs at different lengths, which a study compares at equal ones; remove it");
    }
    requireTasks("study.targets", study.targets(), place);
    requireTasks("study.general", study.general(), place);
    requireTasks("study.probes", study.probes(), place);
    for (String name : study.probes()) {
      if (study.general().contains(name)) {
        throw place.wrong("study.probes", "'" + name + "' is under general too; a probe is never learnt");
      }
    }
    for (int i = 0; i < tasks.size(); i++) {
      // In any case: there are file systems on which an arm's folder would be another's.
      if (StudySection.RESERVED.contains(tasks.get(i).name().toLowerCase(Locale.ROOT))) {
        throw place.wrong(
            "tasks[" + i + "].name",
            "'" + tasks.get(i).name() + "' has a meaning of its own in a study's mixtures; choose another name");
      }
    }
    evaluation
        .criterion()
        .flatMap(BestCriterion::task)
        .ifPresent(name -> {
          throw place.wrong(
              "evaluation.best",
              "'" + evaluation.best() + "' is not measured in mixtures without " + name + "; use mean_loss or last");
        });
    checkTargets(place);
  }
}
