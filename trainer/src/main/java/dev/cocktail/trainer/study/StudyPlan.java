package dev.cocktail.trainer.study;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.config.InvalidKeyException;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.StudyFile;
import dev.cocktail.trainer.config.StudySection;
import dev.cocktail.trainer.config.StudySection.Control;
import dev.cocktail.trainer.config.StudySection.Family;
import dev.cocktail.trainer.config.StudySection.RivalsSection;
import dev.cocktail.trainer.config.TrainingSection;
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

/**
 * All runs of a study, each once: a run that is asked for twice, such as a control that equals a mixture, is run once
 * and counts for both. The plan is a value: the same study and data give the same plan.
 */
public final class StudyPlan {
  private final StudyFile study;
  private final TaskSets sets;
  private final RunSize.Measure sizes;

  /** By name, in the order in which they are trained. */
  private final Map<String, Arm> arms = new LinkedHashMap<>();

  /** Why a mixture is in the plan. */
  private final Map<List<String>, String> origins = new HashMap<>();

  /** By all that decides about their numbers, in the order in which they are trained. */
  private final Map<RunFile, PlannedRun> runs = new LinkedHashMap<>();

  /** The run that stands for an arm and a seed, which may be another arm's. */
  private final Map<String, PlannedRun> runOf = new HashMap<>();

  /** Mixtures that are there as controls only. */
  private final Set<Arm> controlsOnly = new LinkedHashSet<>();

  private final Arm reference;

  private StudyPlan(StudyFile study, RunSize.Measure sizes) {
    this.study = study;
    this.sets = TaskSets.of(study);
    this.sizes = sizes;
    mixtures();
    this.reference = reference();
    for (Arm arm : List.copyOf(arms.values())) {
      for (long seed : seeds()) {
        plan(arm, training(arm.tasks().size(), seed), seed);
      }
    }
    controls();
    rivals();
  }

  /**
   * Plans a study.
   *
   * @param sizes tells how large runs are, which budgets of controls follow from
   * @throws InvalidInputException when a mixture is named twice, or names no task
   */
  public static StudyPlan of(StudyFile study, RunSize.Measure sizes) {
    return new StudyPlan(study, sizes);
  }

  private void mixtures() {
    StudySection asked = study.study();
    for (String target : sets.targets()) {
      origins.put(List.of(target), "it is a target, and each target alone is there in any case");
    }
    boolean otherwise =
        asked.subsetsUpTo().isPresent() || asked.randomSubsets().isPresent() || !asked.mixtures().isEmpty();
    List<Family> families = asked.families();
    if (families.isEmpty() && !otherwise) {
      families = List.of(Family.SINGLES, Family.LEAVE_ONE_OUT, Family.ALL);
    }
    sets.targets().forEach(target -> arms.put(target, Arm.mixture(sets, List.of(target))));
    for (Family family : families) {
      addAll(sets.family(family), "study.families has " + family.name().toLowerCase(Locale.ROOT));
    }
    for (int size = 1; size <= asked.subsetsUpTo().orElse(0); size++) {
      addAll(sets.subsets(size), "study.subsets_up_to is " + asked.subsetsUpTo().getAsInt());
    }
    if (asked.randomSubsets().isPresent()) {
      int size = asked.randomSize().orElse(Math.max(1, sets.all().size() / 2));
      addAll(sets.random(asked.randomSubsets().getAsInt(), size, study.training().seed()), "it was drawn");
    }
    for (int i = 0; i < asked.mixtures().size(); i++) {
      String expression = asked.mixtures().get(i);
      List<String> set = parse("study.mixtures[" + i + "]", expression);
      String earlier = origins.get(set);
      if (earlier != null) {
        throw new InvalidKeyException(
            "study.mixtures[" + i + "]",
            "'%s' repeats the mixture %s: %s; remove it".formatted(expression, sets.name(set), earlier));
      }
      addAll(List.of(set), "study.mixtures[" + i + "] is '" + expression + "'");
    }
  }

  private List<String> parse(String key, String expression) {
    try {
      return sets.parse(expression);
    } catch (InvalidInputException e) {
      throw new InvalidKeyException(key, e.getMessage());
    }
  }

  private RunSize size(Arm arm, RunFile run) {
    try {
      return sizes.of(run);
    } catch (InvalidInputException e) { // Such as epochs that are less than an example.
      throw new InvalidKeyException("training", "of " + arm.name() + ": " + e.getMessage());
    }
  }

  private void addAll(List<List<String>> mixtures, String origin) {
    for (List<String> mixture : mixtures) {
      if (origins.putIfAbsent(mixture, origin) == null) {
        add(Arm.mixture(sets, mixture));
      }
    }
  }

  private void add(Arm arm) {
    Arm other = arms.putIfAbsent(arm.name(), arm);
    if (other != null && !other.equals(arm)) {
      throw new InvalidKeyException(
          "tasks", "two arms of the study would be called '" + arm.name() + "'; rename a task");
    }
  }

  private Arm reference() {
    Arm found = Arm.mixture(sets, parse("study.controls_of", study.study().controlsOf()));
    if (found.tasks().size() < 2 && !study.study().wantedControls().isEmpty() && sets.all().size() > 1) {
      throw new InvalidKeyException(
          "study.controls_of", found.name() + " is one task alone; controls have the budget of a mixture");
    }
    List<Control> budgets =
        study.study().wantedControls().stream().filter(control -> control != Control.GENERAL).toList();
    if (!arms.containsValue(found) && !budgets.isEmpty()) {
      throw new InvalidKeyException(
          "study.controls_of",
          "the mixture %s is not in the plan; add it, or name one that is".formatted(found.name()));
    }
    return found;
  }

  private TrainingSection training(int tasks, long seed) {
    return study.study().trainingOf(tasks, study.training()).withSeed(seed);
  }

  /** The seeds of every arm. */
  public List<Long> seeds() {
    List<Long> seeds = new ArrayList<>();
    for (int i = 0; i < study.study().seeds(); i++) {
      seeds.add(study.training().seed() + i);
    }
    return seeds;
  }

  private void plan(Arm arm, TrainingSection training, long seed) {
    RunFile run = study.run(arm.tasks(), training, folder(arm, seed));
    RunFile settings = run.withOutput(study.output());
    PlannedRun planned = runs.get(settings);
    if (planned == null) {
      planned = new PlannedRun(arm, seed, run, size(arm, run));
      runs.put(settings, planned);
    }
    runOf.put(key(arm, seed), planned);
  }

  private Path folder(Arm arm, long seed) {
    return study.output().resolve("runs").resolve(arm.name()).resolve("seed-" + seed);
  }

  private static String key(Arm arm, long seed) {
    return arm.name() + "/" + seed;
  }

  private void controls() {
    for (Control control : study.study().wantedControls()) {
      for (String target : sets.targets()) {
        if (control == Control.GENERAL) {
          general(target);
        } else if (reference.tasks().contains(target) && reference.tasks().size() > 1) {
          budget(target, control);
        }
      }
    }
  }

  private void general(String target) {
    List<String> set = sets.ordered(withGeneral(target));
    if (set.size() > 1 && origins.putIfAbsent(set, "study.controls has general") == null) {
      Arm arm = Arm.mixture(sets, set);
      add(arm);
      controlsOnly.add(arm);
      seeds().forEach(seed -> plan(arm, training(set.size(), seed), seed));
    }
  }

  private Set<String> withGeneral(String target) {
    Set<String> set = new LinkedHashSet<>(sets.general());
    set.add(target);
    return set;
  }

  private void budget(String target, Control control) {
    Arm.Kind kind = Arm.Kind.valueOf(control.name());
    String suffix = "." + control.name().toLowerCase(Locale.ROOT);
    if (!reference.tasks().equals(sets.all())) {
      suffix += "-of-" + reference.name(); // So that controls of another mixture can be planned in the same folder.
    }
    var arm = new Arm(target + suffix, kind, List.of(target), Optional.of(target));
    add(arm);
    for (long seed : seeds()) {
      RunSize of = run(reference, seed).size();
      PlannedRun alone = run(arms.get(target), seed);
      long examples = of.examples().getOrDefault(target, 0L);
      if (control == Control.SAME_EXAMPLES && examples == 0) {
        throw new InvalidKeyException(
            "study.controls",
            "same_examples gives %s as many of its examples as %s has, but %s never draws it in its %,d steps; train longer (training.max_steps, epochs or study.by_size), or leave same_examples out of study.controls"
                .formatted(target, reference.name(), reference.name(), of.steps()));
      }
      if (control == Control.SAME_EXAMPLES && alone.size().examples().get(target) == examples) {
        runOf.put(key(arm, seed), alone); // However it is said when to end, it is the same run.
        continue;
      }
      TrainingSection training = training(1, seed);
      TrainingSection ending =
          switch (control) {
            case SAME_EXAMPLES -> training.withMaxExamples(examples);
            case SAME_STEPS -> training.withMaxSteps(of.steps());
            case SAME_TOKENS -> training.withMaxSupervisedTokens(of.supervisedTokens());
            case GENERAL, NONE -> throw new IllegalArgumentException(control + " has no budget");
          };
      plan(arm, ending, seed);
    }
  }

  /** Trials of single tasks go through all combinations of what is to be tried, then on with further seeds. */
  private void rivals() {
    RivalsSection rivals = study.study().rivals();
    if (!rivals.isWanted()) {
      return;
    }
    for (String target : sets.targets()) {
      // The target alone, as the study has it, is a trial of its own.
      int trials = rivals.trials().orElse(Math.max(0, candidates(target).size() - 1));
      List<TrainingSection> tried = combinations(rivals);
      for (int trial = 0; trial < trials; trial++) {
        var arm = new Arm(target + ".rival-" + (trial + 1), Arm.Kind.RIVAL, List.of(target), Optional.of(target));
        add(arm);
        // The seeds after the mixtures', so that a rival is never the very run that it is compared with.
        long round = 1L + trial / tried.size();
        for (long seed : seeds()) {
          plan(arm, tried.get(trial % tried.size()).withSeed(seed + round * StudySection.MOST_SEEDS), seed);
        }
      }
    }
  }

  private List<TrainingSection> combinations(RivalsSection rivals) {
    List<TrainingSection> tried = new ArrayList<>();
    TrainingSection single = study.study().trainingOf(1, study.training());
    List<Double> rates = rivals.learningRates().isEmpty() ? List.of(single.learningRate()) : rivals.learningRates();
    for (double rate : rates) {
      TrainingSection training = single.withLearningRate(rate);
      if (rivals.epochs().isEmpty()) {
        tried.add(training);
      }
      rivals.epochs().forEach(epochs -> tried.add(training.withEpochs(epochs)));
    }
    return tried;
  }

  /** The arms, in the order in which they are trained. */
  public List<Arm> arms() {
    return List.copyOf(arms.values());
  }

  /** The mixtures that learn a task, it alone among them. */
  public List<Arm> mixturesWith(String task) {
    return arms.values().stream().filter(arm -> arm.kind() == Arm.Kind.MIXTURE && arm.tasks().contains(task)).toList();
  }

  /** The mixtures that are chosen from for a target: of several tasks, and not there as controls only. */
  public List<Arm> candidates(String target) {
    return mixturesWith(target).stream().filter(arm -> !arm.isSingle() && !controlsOnly.contains(arm)).toList();
  }

  /** The control of a target; empty where the plan has none. */
  public Optional<Arm> control(String target, Control control) {
    if (control == Control.GENERAL) {
      List<String> set = sets.ordered(withGeneral(target));
      return set.size() == 1 ? Optional.empty() : mixture(set);
    }
    if (control == Control.NONE) {
      return Optional.empty();
    }
    Arm.Kind kind = Arm.Kind.valueOf(control.name());
    return arms.values().stream()
        .filter(arm -> arm.kind() == kind && arm.target().equals(Optional.of(target)))
        .findFirst();
  }

  /** The arm of a mixture; empty where the plan has none. */
  public Optional<Arm> mixture(List<String> tasks) {
    return arms.values().stream()
        .filter(arm -> arm.kind() == Arm.Kind.MIXTURE && arm.tasks().equals(tasks))
        .findFirst();
  }

  /** The rivals of a target's mixtures. */
  public List<Arm> rivals(String target) {
    return arms.values().stream()
        .filter(arm -> arm.kind() == Arm.Kind.RIVAL && arm.target().equals(Optional.of(target)))
        .toList();
  }

  /** The mixture that controls have their budgets from. */
  public Arm controlsOf() {
    return reference;
  }

  /** All runs, in the order in which they are trained. */
  public List<PlannedRun> runs() {
    return List.copyOf(runs.values());
  }

  /** The run of an arm with a seed, which may be an equal one of another arm. */
  public PlannedRun run(Arm arm, long seed) {
    PlannedRun found = runOf.get(key(arm, seed));
    if (found == null) {
      throw new IllegalArgumentException("no run of " + arm.name() + " with seed " + seed);
    }
    return found;
  }

  /** The sets of tasks that the study chooses from. */
  public TaskSets sets() {
    return sets;
  }

  /** The study itself, as it was planned. */
  public StudyFile study() {
    return study;
  }
}
