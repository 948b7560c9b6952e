package dev.cocktail.trainer.study;

import static java.util.Objects.requireNonNull;

import dev.cocktail.eval.ItemsFile;
import dev.cocktail.lora.AdaptedModel;
import dev.cocktail.lora.LoraAdapter;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.InterruptedRunException;
import dev.cocktail.trainer.JsonRecords;
import dev.cocktail.trainer.PackedPlan;
import dev.cocktail.trainer.RunData;
import dev.cocktail.trainer.RunInputs;
import dev.cocktail.trainer.TrainingFailedException;
import dev.cocktail.trainer.TrainingListener;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.StudyFile;
import dev.cocktail.trainer.data.ExampleEncoder;
import dev.cocktail.trainer.data.HeldOut;
import dev.cocktail.trainer.data.LeakAudit;
import dev.cocktail.trainer.data.TaskData;
import dev.cocktail.trainer.study.StudyScorer.Split;
import dev.cocktail.transformer.LinearTransform;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Many fine-tunes over a set of tasks, and their comparison: plans them, trains what is missing, lets every adapter
 * answer the validation questions of all targets, chooses by these, and only then looks at the test sets of what was
 * chosen and of its controls. What was done is kept, so a study that was stopped or killed goes on where it was.
 *
 * <pre>{@code
 * StudyFile file = StudyFile.read(studyFile);
 * try (Device device = Devices.open("auto", file.training().precision(), System.err::println)) {
 *   StudyResults results = Study.of(file, device).notes(System.err::println).run();
 *   results.selected().forEach(chosen -> System.out.println(chosen.target() + ": " + chosen.mixture().name()));
 * }
 * }</pre>
 */
public final class Study {
  /** Of each task; a guess is to cost little beside the study. */
  private static final int EXAMPLES_OF_A_GUESS = 64;

  private final StudyFile file;
  private final Device device;
  private Consumer<String> notes = line -> {};
  private StudyListener listener = new StudyListener() {};
  private BooleanSupplier stop = () -> false;

  private Study(StudyFile file, Device device) {
    this.file = requireNonNull(file, "file");
    this.device = requireNonNull(device, "device");
  }

  /** A study on a device, which stays the caller's. */
  public static Study of(StudyFile file, Device device) {
    return new Study(file, device);
  }

  /** Hears lines for people: what was read, what will be done. */
  public Study notes(Consumer<String> consumer) {
    notes = requireNonNull(consumer, "consumer");
    return this;
  }

  /** Hears of the study as it goes. */
  public Study listener(StudyListener hearing) {
    listener = requireNonNull(hearing, "hearing");
    return this;
  }

  /** Asked again and again whether to stop, saving what was done. */
  public Study stopWhen(BooleanSupplier question) {
    stop = requireNonNull(question, "question");
    return this;
  }

  /**
   * What would be run.
   *
   * @param plan all runs
   * @param estimate what they would take
   */
  public record DryRun(StudyPlan plan, StudyEstimate estimate) {}

  /** A plan, the training data that it is made of, and what of them is held out. */
  private record Planned(StudyPlan plan, List<TaskData> data, LeakAudit audit, List<LeakAudit.Pair> amongTests) {
    boolean excludes() {
      return plan.study().training().onSharedExamples() == LeakAudit.Policy.EXCLUDE;
    }
  }

  /**
   * What would be run, and what it would take; writes nothing.
   *
   * @throws InvalidInputException when the study file, the model or the data are wrong, or the output folder is not
   *     this study's
   */
  public DryRun dryRun() {
    try (AdaptedModel base = AdaptedModel.open(file.model(), Optional.empty(), device)) {
      Planned planned = plan(base);
      var scorer = new StudyScorer(planned.plan().study(), base, notes);
      StudyFolder.requireFits(file, inputs(planned.plan()), notes);
      return new DryRun(planned.plan(), StudyEstimate.measure(planned.plan(), base.model(), planned.data(), scorer));
    }
  }

  private Planned plan(AdaptedModel base) {
    StudyFolder.requireStudyOrNothing(file.output()); // Before all data are read.
    file.warnings().forEach(notes);
    LeakAudit audit = Leaks.audit(file, notes);
    List<LeakAudit.Pair> amongTests = Leaks.amongTests(file, notes);
    StudyFile study = file;
    HeldOut leaveOut = file.training().leaveOut().map(HeldOut::read).orElse(HeldOut.NOTHING);
    if (file.training().onSharedExamples() == LeakAudit.Policy.EXCLUDE) {
      study = file.leavingOut(StudyFolder.heldOut(file.output()));
      leaveOut = audit.heldOut();
    }
    List<TaskData> data = read(study, leaveOut, base, notes);
    if (study.study().preset().isPresent()) {
      Map<String, Integer> available = new HashMap<>();
      data.forEach(task -> available.put(task.name(), task.examples().size()));
      study = Brief2024.apply(study, available);
      data = read(study, leaveOut, base, _ -> {});
    }
    Map<String, TaskData> byName = new LinkedHashMap<>();
    data.forEach(task -> byName.put(task.name(), task));
    return new Planned(StudyPlan.of(study, run -> size(run, byName)), data, audit, amongTests);
  }

  private List<TaskData> read(StudyFile study, HeldOut leaveOut, AdaptedModel base, Consumer<String> told) {
    RunFile all = ofAll(study, study.learnable());
    return RunData.read(all, leaveOut, base.model().config(), base.encoder(), told, this::goOn).train();
  }

  /** The run of so many tasks, as the study file has them. */
  private static RunFile ofAll(StudyFile study, List<String> tasks) {
    return study.run(tasks, study.training(), study.output());
  }

  private static RunSize size(RunFile run, Map<String, TaskData> data) {
    PackedPlan plan = PackedPlan.ofRun(run, run.taskNames().stream().map(data::get).toList());
    Map<String, Long> examples = new LinkedHashMap<>();
    for (int task = 0; task < run.tasks().size(); task++) {
      examples.put(run.tasks().get(task).name(), plan.draws(task));
    }
    return new RunSize(plan.steps(), plan.tokens(), plan.supervisedTokens(), examples);
  }

  /**
   * Runs what is missing and reads what there is.
   *
   * @throws InvalidInputException when the study file, the model or the data are wrong, or the output folder is another
   *     study's
   * @throws InterruptedRunException when stopped; the same study goes on where it was
   */
  public StudyResults run() {
    try (AdaptedModel base = AdaptedModel.open(file.model(), Optional.empty(), device)) {
      Planned planned = plan(base);
      StudyPlan plan = planned.plan();
      var scorer = new StudyScorer(plan.study(), base, notes);
      try (StudyFolder folder = StudyFolder.open(file, inputs(plan), notes)) {
        JsonRecords.write(folder.leaks(), new Leaks(planned.excludes(), planned.audit().pairs(), planned.amongTests()));
        if (planned.excludes()) {
          planned.audit().heldOut().write(StudyFolder.heldOut(folder.path()));
        }
        guess(planned, base, folder);
        return new Course(plan, base, scorer, folder).run();
      }
    }
  }

  /** The study's inputs, once the runs that there are of it are known to be from the same. */
  private RunInputs inputs(StudyPlan plan) {
    plan.runs().stream()
        .filter(run -> Files.isDirectory(run.run().output()))
        .forEach(run -> FineTuning.requireSame(run.run(), device)); // Before anything is written.
    // Without what is to be left out, which follows from the data.
    return RunInputs.of(ofAll(file, file.taskNames()), device);
  }

  /** Measures what is guessed of the tasks' help before anything is trained, once for the same targets. */
  private void guess(Planned planned, AdaptedModel base, StudyFolder folder) {
    TaskSets sets = planned.plan().sets();
    if (!Files.exists(folder.affinity())
        || !JsonRecords.read(folder.affinity(), TaskAffinity.class).covers(sets.targets(), sets.all())) {
      measureAffinity(planned, base, folder);
    }
    TaskAffinity affinity = JsonRecords.read(folder.affinity(), TaskAffinity.class);
    for (String target : sets.targets()) {
      affinity
          .mostHelpful(target)
          .ifPresent(helper ->
              notes.accept(
                  String.format(
                      Locale.ROOT,
                      "guessed before training, to be held against what comes: of single additions, %s helps %s most"
                          + " (one step on it changes the loss by %+.2f %%)",
                      helper,
                      target,
                      -100 * affinity.lookahead().get(helper).get(target))));
    }
  }

  private void measureAffinity(Planned planned, AdaptedModel base, StudyFolder folder) {
    StudyFile study = planned.plan().study();
    int longest = Math.min(study.training().maxLength(), base.model().config().maxPositions());
    // What is too long is left out here; a run says of it what its file asks for.
    var encoder = new ExampleEncoder(base.encoder(), longest, ExampleEncoder.TooLong.CUT_OR_DROP);
    List<TaskData> validation =
        planned.plan().sets().targets().stream()
            .map(target -> TaskData.load(target, study.task(target).validationSource().orElseThrow(), encoder))
            .toList();
    notes.accept("measuring how alike the tasks are, before anything is trained");
    JsonRecords.write(
        folder.affinity(),
        TaskAffinity.measure(study, base.model(), planned.data(), validation, EXAMPLES_OF_A_GUESS, this::goOn));
  }

  private void goOn() {
    if (stop.getAsBoolean()) {
      throw new InterruptedRunException("stopped; " + kept());
    }
  }

  private String kept() {
    return Files.isDirectory(file.output())
        ? "what was done is kept in " + file.output() + "; study goes on with it"
        : "nothing was written";
  }

  /** A study whose parts are all open. */
  private final class Course {
    private final StudyPlan plan;
    private final AdaptedModel base;
    private final StudyScorer scorer;
    private final StudyFolder folder;
    private final Map<String, String> failures = new LinkedHashMap<>();

    Course(StudyPlan plan, AdaptedModel base, StudyScorer scorer, StudyFolder folder) {
      this.plan = plan;
      this.base = base;
      this.scorer = scorer;
      this.folder = folder;
    }

    StudyResults run() {
      List<PlannedRun> left =
          plan.runs().stream().filter(run -> FineTuning.ended(run.run().output()).isEmpty()).toList();
      listener.began(plan, left);
      for (String task : scorer.tasks()) {
        answerBase(Split.VALIDATION, task);
      }
      for (PlannedRun run : plan.runs()) {
        goOn();
        train(run).ifPresent(adapter -> answer(run, adapter, Split.VALIDATION, scorer.tasks()));
      }
      var results = new StudyResults(plan, folder, failures);
      listener.selected(results.selected());
      folder.ask(plan.study());
      for (String task : scorer.tasks()) {
        answerBase(Split.TEST, task);
      }
      for (String target : plan.sets().targets()) {
        List<String> tasks = new ArrayList<>(List.of(target));
        tasks.addAll(plan.study().study().probes());
        for (PlannedRun run : tested(results, target)) {
          answer(run, FineTuning.ended(run.run().output()).orElseThrow().trained(), Split.TEST, tasks);
        }
      }
      return results;
    }

    /** The runs whose test answers the verdict of a target is made of. */
    private Set<PlannedRun> tested(StudyResults results, String target) {
      Set<PlannedRun> runs = new LinkedHashSet<>();
      for (Arm arm : results.compared(target)) {
        plan.seeds().forEach(seed -> runs.add(plan.run(arm, seed)));
      }
      return runs;
    }

    /** The adapter's folder; empty where the run failed. */
    private Optional<Path> train(PlannedRun run) {
      Path failure = folder.failure(run);
      try {
        FineTuning.Result result =
            FineTuning.of(run.run(), device)
                .on(base)
                .resume(true)
                .stopWhen(stop)
                .listener(manifest(run))
                .listener(listener.running(run))
                .run();
        Files.deleteIfExists(failure);
        if (!Files.exists(StudyFolder.manifest(run))) {
          writeManifest(run); // Of a run that had ended before, and whose inputs were compared with the plan's.
        }
        listener.finished(run);
        return Optional.of(result.trained());
      } catch (InterruptedRunException e) {
        throw new InterruptedRunException(run.name() + ": " + e.getMessage() + "; " + kept());
      } catch (TrainingFailedException e) {
        failures.put(run.name(), e.reason());
        JsonRecords.write(failure, new Failure(run.name(), e.reason()));
        listener.failed(run, e.getMessage());
        return Optional.empty();
      } catch (IOException e) {
        throw new UncheckedIOException(new IOException(failure + " cannot be deleted: " + e.getMessage(), e));
      }
    }

    /** Writes what the run is once its folder is there. */
    private TrainingListener manifest(PlannedRun run) {
      return new TrainingListener() {
        @Override
        public void began(RunStart start) {
          writeManifest(run);
        }
      };
    }

    private void writeManifest(PlannedRun run) {
      JsonRecords.write(StudyFolder.manifest(run), RunManifest.of(run, RunInputs.of(run.run(), device)));
    }

    private void answerBase(Split split, String task) {
      answer("base", folder.baseAnswers(split, task), LinearTransform.BASE, split, task);
    }

    private void answer(PlannedRun run, Path adapter, Split split, List<String> tasks) {
      boolean all = tasks.stream().allMatch(task -> Files.exists(StudyFolder.answers(run, split, task)));
      try (TensorArena arena = device.openArena("adapter")) {
        LinearTransform transform =
            all
                ? LinearTransform.BASE // Which nobody asks.
                : LoraAdapter.load(adapter, base.model().linearModules(), device, arena, false).inference();
        for (String task : tasks) {
          answer(run.name(), StudyFolder.answers(run, split, task), transform, split, task);
        }
      }
    }

    private void answer(String who, Path answers, LinearTransform transform, Split split, String task) {
      goOn();
      boolean kept = Files.exists(answers);
      if (kept) {
        scorer.requireAnswered(answers, split, task);
      } else {
        ItemsFile.write(answers, List.of(scorer.score(split, task, transform, Study.this::goOn)));
      }
      listener.answered(who, task, split.word(), scorer.items(split, task), kept);
    }
  }

  /**
   * A run that failed.
   *
   * @param run its name
   * @param reason what it failed by
   */
  private record Failure(String run, String reason) {}
}
