package dev.cocktail.trainer.study;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.StudyFile;
import dev.cocktail.trainer.config.StudySection.Control;
import dev.cocktail.trainer.config.TaskSection;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class StudyPlanTest {
  /** Rows of the training splits that the paper's code takes from; what is larger than its cap is any larger number. */
  private static final Map<String, Integer> ROWS = new LinkedHashMap<>();

  static {
    ROWS.put("headline", 82_200);
    ROWS.put("fpb", 3_876);
    ROWS.put("fin_ner_cls", 13_500);
    ROWS.put("convfinqa", 11_104);
    ROWS.put("twitter_topics", 17_000);
    ROWS.put("twitter_sa", 9_540);
    ROWS.put("finqa", 6_251);
    ROWS.put("open_orca", 4_000_000);
    ROWS.put("orca_math", 200_000);
  }

  private static StudyFile study(Iterable<String> tasks, String rest) {
    var yaml = new StringBuilder("model: base\ntasks:\n");
    for (String name : tasks) {
      yaml.append("  - {name: ").append(name).append(", train: ").append(name).append(".jsonl");
      if (!name.endsWith("orca") && !name.equals("orca_math")) {
        yaml.append(", validation: v-").append(name).append(".jsonl, test: t-").append(name);
        yaml.append(".jsonl, metric: accuracy, labels: [a, b]");
      }
      yaml.append("}\n");
    }
    return StudyFile.parse(yaml + rest, "study.yaml", Path.of("."), "study");
  }

  /** A made-up size: every example has 10 tokens, 2 of them learnt, and a step has 4 examples. */
  private static RunSize size(RunFile run) {
    Map<String, Long> examples = new LinkedHashMap<>();
    long all = 0;
    for (TaskSection task : run.tasks()) {
      int available = ROWS.getOrDefault(task.name(), 100);
      long drawn = Math.min(available, task.maxExamples().orElse(Integer.MAX_VALUE));
      examples.put(task.name(), drawn);
      all += drawn;
    }
    double share = share(run, all);
    examples.replaceAll((_, drawn) -> Math.round(drawn * share));
    long drawn = examples.values().stream().mapToLong(Long::longValue).sum();
    return new RunSize((int) ((drawn + 3) / 4), 10 * drawn, 2 * drawn, examples);
  }

  private static double share(RunFile run, long all) {
    var training = run.training();
    if (training.maxSteps().isPresent()) {
      return 4.0 * training.maxSteps().getAsInt() / all;
    }
    if (training.maxExamples().isPresent()) {
      return (double) training.maxExamples().getAsLong() / all;
    }
    if (training.maxSupervisedTokens().isPresent()) {
      return training.maxSupervisedTokens().getAsLong() / 2.0 / all;
    }
    return training.epochs().orElseThrow();
  }

  private static StudyPlan plan(StudyFile study) {
    return StudyPlan.of(study, StudyPlanTest::size);
  }

  private static StudyPlan brief2024() {
    StudyFile study = study(ROWS.keySet(), "study: {preset: brief2024, seeds: 1}\n");
    return plan(Brief2024.apply(study, ROWS));
  }

  private static List<Arm> mixtures(StudyPlan plan) {
    return plan.arms().stream().filter(arm -> arm.kind() == Arm.Kind.MIXTURE).toList();
  }

  @Test
  void thePapersGridHas55MixturesAndEachDataSetIn18OfThem() {
    StudyPlan plan = brief2024();
    // The pairs of general instructions and a target are there already; target and both general sets are controls.
    List<Arm> grid = mixtures(plan).stream().filter(arm -> arm.tasks().size() != 3).toList();
    assertEquals(55, grid.size());
    assertEquals(55, grid.stream().map(Arm::tasks).collect(Collectors.toCollection(HashSet::new)).size());
    assertEquals(55, grid.stream().map(arm -> plan.run(arm, 42)).distinct().count());
    for (String task : ROWS.keySet()) {
      assertEquals(18, grid.stream().filter(arm -> arm.tasks().contains(task)).count(), task);
    }
  }

  @Test
  void withoutFinqaThereStillIsConvfinqa() {
    Arm without =
        brief2024().arms().stream().filter(arm -> arm.name().equals("all-but+finqa")).findFirst().orElseThrow();
    assertEquals(8, without.tasks().size());
    assertTrue(without.tasks().contains("convfinqa"));
    assertFalse(without.tasks().contains("finqa"));
  }

  @Test
  void generalAndMathematicalDataFollowTheSumOfAllFinanceData() {
    StudyPlan plan = brief2024();
    Map<String, Long> all = size(plan.run(plan.controlsOf(), 42).run().withSeed(0)).examples();
    Map<String, Integer> caps = new LinkedHashMap<>();
    plan.study()
        .tasks()
        .forEach(task -> caps.put(task.name(), Math.min(ROWS.get(task.name()), task.maxExamples().getAsInt())));
    assertEquals(30_376, caps.get("open_orca"));
    assertEquals(15_188, caps.get("orca_math"));
    assertEquals(75_940, caps.values().stream().mapToInt(Integer::intValue).sum());
    assertEquals(2L * 75_940, all.values().stream().mapToLong(Long::longValue).sum()); // Two epochs.
    Arm pair = plan.mixture(List.of("fpb", "open_orca")).orElseThrow();
    Map<String, Long> ofPair = plan.run(pair, 42).size().examples();
    assertEquals(11, Math.round(100.0 * ofPair.get("fpb") / (ofPair.get("fpb") + ofPair.get("open_orca"))));
  }

  @Test
  void upToThreeDataSetsHaveThreeEpochsWithoutWarmUpAndMoreHaveTwoWithTenSteps() {
    StudyPlan plan = brief2024();
    for (Arm arm : mixtures(plan)) {
      var training = plan.run(arm, 42).run().training();
      boolean small = arm.tasks().size() <= 3;
      assertEquals(small ? 3 : 2, training.epochs().orElseThrow(), arm.name());
      assertEquals(OptionalInt.of(small ? 0 : 10), training.warmupSteps(), arm.name());
    }
    // The grid has no mixture of four to seven; the rule has.
    StudyFile study = Brief2024.apply(study(ROWS.keySet(), "study: {preset: brief2024}\n"), ROWS);
    for (int size = 1; size <= 9; size++) {
      int epochs = size <= 3 ? 3 : 2;
      assertEquals(epochs, study.study().trainingOf(size, study.training()).epochs().orElseThrow(), size + " tasks");
    }
  }

  @Test
  void mathematicsIsHalfOfAllFinanceDataRoundedDown() {
    Map<String, Integer> odd = new LinkedHashMap<>(ROWS);
    odd.put("fpb", ROWS.get("fpb") - 1);
    StudyFile study = Brief2024.apply(study(ROWS.keySet(), "study: {preset: brief2024}\n"), odd);
    assertEquals(30_375, study.task("open_orca").maxExamples().orElseThrow());
    assertEquals(15_187, study.task("orca_math").maxExamples().orElseThrow());
  }

  @Test
  void thePresetIsForItsNineTasks() {
    StudyFile study = study(List.of("fpb", "headline", "mine"), "study: {preset: brief2024}\n");
    var e = assertThrows(InvalidInputException.class, () -> Brief2024.apply(study, ROWS));
    assertTrue(e.getMessage().contains("missing: fin_ner_cls, convfinqa"), e.getMessage());
    assertTrue(e.getMessage().contains("not among them: mine"), e.getMessage());
  }

  @Test
  void controlsMayBeUnwanted() {
    StudyPlan plan = plan(study(List.of("a", "b"), "study: {families: [all], seeds: 1, controls: [none]}\n"));
    assertEquals(List.of("a", "b", "all"), plan.arms().stream().map(Arm::name).toList());
    assertRefused("study: {controls: [none, general]}\n", "study.controls: has none beside others");
  }

  @Test
  void controlsHaveTheBudgetsOfTheReferenceMixture() {
    StudyPlan plan =
        plan(study(List.of("a", "b", "c_orca"), "training: {epochs: 2}\nstudy: {general: [c_orca], seeds: 2}\n"));
    Arm all = plan.controlsOf();
    assertEquals(List.of("a", "b", "c_orca"), all.tasks());
    for (long seed : List.of(42L, 43L)) {
      RunSize of = plan.run(all, seed).size();
      PlannedRun examples = plan.run(plan.control("a", Control.SAME_EXAMPLES).orElseThrow(), seed);
      assertEquals(of.examples().get("a"), examples.size().examples().get("a"));
      PlannedRun steps = plan.run(plan.control("a", Control.SAME_STEPS).orElseThrow(), seed);
      assertEquals(of.steps(), steps.size().steps());
      PlannedRun tokens = plan.run(plan.control("a", Control.SAME_TOKENS).orElseThrow(), seed);
      assertEquals(of.supervisedTokens(), tokens.size().supervisedTokens());
      assertEquals(seed, tokens.run().training().seed());
      assertEquals(List.of("a"), tokens.run().taskNames());
    }
    assertEquals(List.of("a", "c_orca"), plan.control("a", Control.GENERAL).orElseThrow().tasks());

    // Where the target alone is trained longer than mixtures, its control is not.
    StudyPlan longer =
        plan(study(List.of("a", "b"), "training: {epochs: 2}\nstudy: {seeds: 1, by_size: [{up_to: 1, epochs: 3}]}\n"));
    long drawn = longer.run(longer.controlsOf(), 42).size().examples().get("a");
    PlannedRun control = longer.run(longer.control("a", Control.SAME_EXAMPLES).orElseThrow(), 42);
    assertNotEquals(drawn, longer.run(longer.mixture(List.of("a")).orElseThrow(), 42).size().examples().get("a"));
    assertEquals(drawn, control.run().training().maxExamples().orElseThrow());
    assertEquals(drawn, control.size().examples().get("a"));
  }

  /** Else controls of another mixture could not be planned in a folder that has these. */
  @Test
  void controlsOfAnotherMixtureHaveOtherNames() {
    StudyPlan plan = plan(study(List.of("a", "b", "c"), "study: {families: [pairs, all], controls_of: a + c}\n"));
    assertEquals("a.same_steps-of-a+c", plan.control("a", Control.SAME_STEPS).orElseThrow().name());
    assertTrue(plan.control("b", Control.SAME_STEPS).isEmpty());
  }

  @Test
  void anArmThatEqualsAnotherSharesItsRuns() {
    // With three tasks, all but one of them are the pairs.
    StudyPlan plan =
        plan(
            study(
                List.of("a", "b", "c"),
                "study: {families: [pairs, leave_one_out, all], seeds: 2, controls: [same_examples]}\n"));
    assertEquals(
        List.of("a", "b", "c", "a+b", "a+c", "b+c", "all"),
        mixtures(plan).stream()
            .map(Arm::name)
            .sorted(
                java.util.Comparator.comparing((String name) -> name.equals("all") ? 9 : name.length())
                    .thenComparing(name -> name))
            .toList());
    // Whole epochs of a target alone have the examples that whole epochs of all have of it.
    assertEquals((plan.arms().size() - 3) * 2, plan.runs().size());
    assertSame(
        plan.run(plan.mixture(List.of("a")).orElseThrow(), 42),
        plan.run(plan.control("a", Control.SAME_EXAMPLES).orElseThrow(), 42));
    StudyPlan equal =
        plan(study(List.of("a", "b"), "training: {max_steps: 50}\nstudy: {seeds: 1, controls: [same_steps]}\n"));
    PlannedRun single = equal.run(equal.mixture(List.of("a")).orElseThrow(), 42);
    assertSame(single, equal.run(equal.control("a", Control.SAME_STEPS).orElseThrow(), 42));
    assertEquals(3, equal.runs().size());
  }

  @Test
  void runsHaveNamesAndFoldersOfTheirOwn() {
    StudyPlan plan =
        plan(
            study(
                List.of("a", "b", "c_orca"),
                "study: {general: [c_orca], subsets_up_to: 2, families: [all], rivals: {learning_rates: [1.0e-4,"
                    + " 2.0e-4]}}\n"));
    assertEquals(plan.runs().size(), plan.runs().stream().map(PlannedRun::name).distinct().count());
    assertEquals(plan.runs().size(), plan.runs().stream().map(run -> run.run().output()).distinct().count());
    plan.runs()
        .forEach(run -> assertTrue(run.run().output().endsWith(Path.of("runs").resolve(run.name())), run.name()));
  }

  @Test
  void rivalsAndTheTargetAloneAreAsManyAsMixturesAndNoneEqualsAnother() {
    StudyPlan plan =
        plan(
            study(
                List.of("a", "b", "c"),
                "study: {families: [pairs, all], seeds: 2, controls: [same_steps], rivals: {learning_rates: [1.0e-4,"
                    + " 2.0e-4]}}\n"));
    assertEquals(3, plan.candidates("a").size());
    List<Arm> rivals = plan.rivals("a");
    assertEquals(2, rivals.size());
    var settings = new HashSet<RunFile>();
    for (Arm rival : rivals) {
      for (long seed : plan.seeds()) {
        PlannedRun run = plan.run(rival, seed);
        assertSame(rival, run.arm());
        assertTrue(settings.add(run.run().withOutput(Path.of("x"))), run.name());
      }
    }
    assertEquals(1.0e-4, plan.run(rivals.get(0), 42).run().training().learningRate());
    assertEquals(2.0e-4, plan.run(rivals.get(1), 42).run().training().learningRate());
    StudyPlan more =
        plan(
            study(
                List.of("a", "b", "c"),
                "study: {families: [pairs, all], seeds: 5, controls: [same_steps], rivals: {learning_rates: [1.0e-4,"
                    + " 2.0e-4]}}\n"));
    assertEquals(
        plan.run(rivals.get(0), 42).run().training(),
        more.run(more.rivals("a").getFirst(), 42).run().training(),
        "more seeds leave the runs that there are as they were");
  }

  /** A target with the general tasks is a control of every target, and no candidate unless it was asked for. */
  @Test
  void controlsAreNotChosenFrom() {
    StudyPlan plan =
        plan(study(List.of("a", "b", "c_orca"), "study: {general: [c_orca], families: [all], seeds: 1}\n"));
    assertEquals(List.of("all"), plan.candidates("a").stream().map(Arm::name).toList());
    assertEquals(2, plan.mixturesWith("a").stream().filter(arm -> !arm.isSingle()).count());
    StudyPlan asked =
        plan(study(List.of("a", "b", "c_orca"), "study: {general: [c_orca], families: [pairs, all], seeds: 1}\n"));
    assertEquals(List.of("a+b", "a+c_orca", "all"), asked.candidates("a").stream().map(Arm::name).toList());
  }

  @Test
  void whatALimitKeepsDoesNotDependOnTheRunsSeed() {
    StudyFile study = study(List.of("a", "b"), "study: {seeds: 2}\n");
    StudyPlan plan = plan(study.withTasks(study.tasks().stream().map(task -> task.limitedTo(10)).toList()));
    for (PlannedRun run : plan.runs()) {
      run.run().tasks().forEach(task -> assertEquals(42, task.seed().orElseThrow(), run.name()));
    }
  }

  @Test
  void aMixtureThatIsThereAlreadyIsRefused() {
    assertRefused(
        "study: {mixtures: ['a + b', 'b + a']}\n",
        "study.mixtures[1]: 'b + a' repeats the mixture a+b: study.mixtures[0] is 'a + b'");
    assertRefused(
        "study: {families: [pairs], mixtures: ['b + a']}\n", "repeats the mixture a+b: study.families has pairs");
    assertRefused("study: {mixtures: ['a']}\n", "each target alone is there in any case");
    assertRefused(
        "study: {mixtures: ['a + b'], controls_of: all}\n", "study.controls_of: the mixture all is not in the plan");
    assertRefused("study: {controls_of: 'a + x'}\n", "study.controls_of: the mixture 'a + x': there is no task 'x'");
    assertRefused("study: {controls_of: a}\n", "study.controls_of: a is one task alone");
  }

  /** As a step of few examples may have none of a task. */
  @Test
  void aControlOfNoExamplesIsRefused() {
    StudyFile study = study(List.of("a", "b"), "training: {max_steps: 1}\nstudy: {families: [all]}\n");
    var e =
        assertThrows(
            InvalidInputException.class,
            () ->
                StudyPlan.of(
                    study,
                    run -> run.tasks().size() == 1 ? size(run) : new RunSize(1, 10, 2, Map.of("a", 0L, "b", 4L))));
    assertTrue(
        e.getMessage()
            .startsWith(
                "study.controls: same_examples gives a as many of its examples as all has, but all never draws it in"
                    + " its 1 steps; train longer"),
        e.getMessage());
  }

  private static void assertRefused(String rest, String problem) {
    var e = assertThrows(InvalidInputException.class, () -> plan(study(List.of("a", "b", "c"), rest)));
    assertTrue(e.getMessage().contains(problem), e.getMessage());
  }

  @Test
  void samePlanForSameStudy() {
    StudyFile study =
        study(List.of("a", "b", "c", "d"), "study: {random_subsets: 3, random_size: 2, families: [all]}\n");
    assertEquals(plan(study).runs(), plan(study).runs());
  }
}
