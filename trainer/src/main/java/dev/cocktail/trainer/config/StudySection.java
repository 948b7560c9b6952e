package dev.cocktail.trainer.config;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/** {@code study}: which runs a study has, and what is asked of them. */
public record StudySection(
    @Key(
            value = "A grid of runs that is known by a name: brief2024, the 55 mixtures of nine data sets.",
            whenAbsent = "none")
        Optional<Preset> preset,
    @Key(value = "The tasks to find the best mixture for.", whenAbsent = "those with metric, validation and test")
        List<String> targets,
    @Key("Tasks that are no targets, but may help others: general instructions, mathematics.") List<String> general,
    @Key(
            "Tasks that no run learns: what they lose is what was forgotten. The metric token_probability suits free"
                + " text.")
        List<String> probes,
    @Key(
            value =
                "Families of mixtures: singles, pairs, leave_one_out (all tasks but one), all. Each target alone is"
                    + " always there.",
            whenAbsent = "singles, leave_one_out, all, unless mixtures are given otherwise")
        List<Family> families,
    @Key(value = "All mixtures of up to so many tasks.", whenAbsent = "none", atLeast = 1) OptionalInt subsetsUpTo,
    @Key(value = "So many mixtures drawn by the seed.", whenAbsent = "none", atLeast = 1) OptionalInt randomSubsets,
    @Key(value = "Tasks of each mixture that is drawn.", whenAbsent = "half of the tasks", atLeast = 1)
        OptionalInt randomSize,
    @Key(
            "Mixtures one by one: names, and the words all, targets and general, joined by + and - with spaces around"
                + " them, such as 'all - headline'.")
        List<String> mixtures,
    @Key(
            value = "Every mixture is trained so often: with training.seed and the numbers after it.",
            defaultsTo = "3",
            atLeast = 1,
            atMost = MOST_SEEDS)
        int seeds,
    @Key(
            value =
                "What each target alone is trained with too: as many of its examples, steps or supervised tokens as the"
                    + " mixture of controls_of has; general adds the general tasks to it; [none] for nothing of this.",
            whenAbsent = "all of them")
        List<Control> controls,
    @Key(value = "The mixture that controls have their budgets from.", defaultsTo = "all") String controlsOf,
    @Key("More trials of each target alone, as many as there are mixtures with it, so that both may choose equally.")
        RivalsSection rivals,
    @Key("How long mixtures of a size are trained, where not as training says.") List<SizeRule> bySize,
    @Key(
            value = "A difference smaller than this, as a share, is none: the margin of tests of equivalence.",
            defaultsTo = "0.01",
            above = 0,
            below = 1)
        double margin,
    @Key(
            value =
                "Refuse test sets that cannot show a difference of this, as a share, in four of five studies, where"
                    + " arms disagree on a fifth of the items.",
            whenAbsent = "none is refused",
            above = 0,
            below = 1)
        OptionalDouble detectable,
    @Key(
            value =
                "Refuse the study where a larger share of a held-out set is among training examples, of any task;"
                    + " training.on_shared_examples: exclude leaves these out of all runs instead.",
            whenAbsent = "none is refused",
            atLeast = 0,
            atMost = 1)
        OptionalDouble maxOverlap)
    implements Checked {
  /** The share of items on which arms are taken to disagree before anything is known of them. */
  public static final double ASSUMED_DISCORDANCE = 0.2;

  /** Most seeds of an arm; those of rivals come after them. */
  public static final int MOST_SEEDS = 1000;

  /** Words of mixtures, which no task can be named. */
  static final List<String> RESERVED = List.of("all", "targets", "general");

  /** A grid that is known by a name. */
  public enum Preset {
    BRIEF2024
  }

  /** A family of mixtures. */
  public enum Family {
    SINGLES,
    PAIRS,
    LEAVE_ONE_OUT,
    ALL
  }

  /** What a target alone is given as much of as a mixture had. */
  public enum Control {
    NONE,
    SAME_EXAMPLES,
    SAME_STEPS,
    SAME_TOKENS,
    GENERAL
  }

  /** {@code study.rivals}: trials of single tasks. */
  public record RivalsSection(
      @Key(value = "Learning rates to try.", whenAbsent = "training.learning_rate", above = 0, atMost = 1e3)
          List<Double> learningRates,
      @Key(value = "Numbers of epochs to try.", whenAbsent = "as without rivals", above = 0, atMost = 1e6)
          List<Double> epochs,
      @Key(
              value = "How many trials.",
              whenAbsent =
                  "so many that they and the target alone are as many as there are mixtures to choose from, where there"
                      + " is anything to try",
              atLeast = 0)
          OptionalInt trials)
      implements Checked {
    public RivalsSection {
      learningRates = List.copyOf(learningRates);
      epochs = List.copyOf(epochs);
    }

    @Override
    public void check(Place place) {
      requireDistinct("learning_rates", learningRates, place);
      requireDistinct("epochs", epochs, place);
    }

    private static void requireDistinct(String key, List<Double> values, Place place) {
      if (values.stream().distinct().count() < values.size()) {
        throw place.wrong(key, "a value is there twice, and the same run twice is one trial; remove one");
      }
    }

    /** Whether there are rivals at all. */
    public boolean isWanted() {
      return trials.isPresent() ? trials.getAsInt() > 0 : !learningRates.isEmpty() || !epochs.isEmpty();
    }
  }

  /** One of {@code study.by_size}. */
  public record SizeRule(
      @Key(
              value = "For mixtures of up to so many tasks; the first rule that fits counts.",
              whenAbsent = "of any size",
              atLeast = 1)
          OptionalInt upTo,
      @Key(value = "Passes over the data.", whenAbsent = "as training says", above = 0, atMost = 1e6)
          OptionalDouble epochs,
      @Key(value = "Optimiser steps, instead.", whenAbsent = "as training says", atLeast = 1) OptionalInt maxSteps,
      @Key(value = "Steps that warm up.", whenAbsent = "as training says", atLeast = 0) OptionalInt warmupSteps)
      implements Checked {
    /** Whether it is for mixtures of so many tasks. */
    boolean isFor(int tasks) {
      return upTo.isEmpty() || tasks <= upTo.getAsInt();
    }

    private TrainingSection apply(TrainingSection training) {
      TrainingSection changed = training;
      if (epochs.isPresent()) {
        changed = changed.withEpochs(epochs.getAsDouble());
      }
      if (maxSteps.isPresent()) {
        changed = changed.withMaxSteps(maxSteps.getAsInt());
      }
      return warmupSteps.isPresent() ? changed.withWarmupSteps(warmupSteps.getAsInt()) : changed;
    }

    @Override
    public void check(Place place) {
      if (epochs.isPresent() && maxSteps.isPresent()) {
        throw place.wrong("max_steps", "epochs is given too, and only one of them can end a run; remove one");
      }
    }
  }

  public StudySection {
    targets = List.copyOf(targets);
    general = List.copyOf(general);
    probes = List.copyOf(probes);
    families = List.copyOf(families);
    mixtures = List.copyOf(mixtures);
    controls = List.copyOf(controls);
    bySize = List.copyOf(bySize);
  }

  /** The controls that are wanted: all of them where none is named. */
  public List<Control> wantedControls() {
    return Arrays.stream(Control.values())
        .filter(control -> control != Control.NONE && (controls.isEmpty() || controls.contains(control)))
        .toList();
  }

  /** This section with what the preset brief2024 stands for, but for the tasks' limits. */
  public StudySection asBrief2024(List<String> generalTasks) {
    var small = new SizeRule(OptionalInt.of(3), OptionalDouble.of(3), OptionalInt.empty(), OptionalInt.of(0));
    var large = new SizeRule(OptionalInt.empty(), OptionalDouble.of(2), OptionalInt.empty(), OptionalInt.of(10));
    StudySection changed = Sections.with(this, "preset", Optional.empty());
    changed = Sections.with(changed, "families", List.of(Family.values()));
    changed = Sections.with(changed, "general", generalTasks);
    return Sections.with(changed, "bySize", List.of(small, large));
  }

  /** How long a mixture of so many tasks is trained. */
  public TrainingSection trainingOf(int tasks, TrainingSection training) {
    return bySize.stream()
        .filter(rule -> rule.isFor(tasks))
        .findFirst()
        .map(rule -> rule.apply(training))
        .orElse(training);
  }

  private static void requireDistinct(String key, List<? extends Enum<?>> values, Place place) {
    for (int i = 0; i < values.size(); i++) {
      if (values.indexOf(values.get(i)) < i) {
        String name = values.get(i).name().toLowerCase(Locale.ROOT);
        throw place.wrong(key + "[" + i + "]", "'" + name + "' is there already; remove one");
      }
    }
  }

  @Override
  public void check(Place place) {
    requireDistinct("families", families, place);
    requireDistinct("controls", controls, place);
    if (randomSize.isPresent() && randomSubsets.isEmpty()) {
      throw place.wrong("random_size", "is for random_subsets, which is not given; remove it");
    }
    if (controls.contains(Control.NONE) && controls.size() > 1) {
      throw place.wrong("controls", "has none beside others; remove one or the other");
    }
    boolean own =
        !families.isEmpty()
            || subsetsUpTo.isPresent()
            || randomSubsets.isPresent()
            || !mixtures.isEmpty()
            || !bySize.isEmpty();
    if (preset.isPresent() && own) {
      throw place.wrong(
          "preset", "says which mixtures there are and how long they are trained; remove it, or the other");
    }
  }
}
