package dev.cocktail.trainer.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.data.ExampleEncoder.TooLong;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class StudyFileTest {
  private static final String TASKS =
      """
      model: base
      tasks:
        - {name: news, train: n.jsonl, validation: nv.jsonl, test: nt.jsonl, metric: accuracy, template: {user: "{{ x }}", assistant: "{{ y }}", document: x}}
        - {name: prices, train: p.jsonl, validation: pv.jsonl, test: pt.jsonl, metric: numeric_match, max_examples: 5}
        - {name: chat, train: c.jsonl}
        - {name: facts, train: f.jsonl, validation: fv.jsonl, test: ft.jsonl, metric: exact_match}
      """;

  private static StudyFile parse(String rest) {
    return StudyFile.parse(TASKS + rest, "study.yaml", Path.of("/folder"), "mine");
  }

  @Test
  void targetsAreTheTasksThatCanBeScoredAndAreNeitherGeneralNorProbes() {
    assertEquals(List.of("news", "prices", "facts"), parse("").targets());
    StudyFile study = parse("study: {general: [chat], probes: [facts]}\n");
    assertEquals(List.of("news", "prices"), study.targets());
    assertEquals(List.of("news", "prices", "chat"), study.learnable());
    assertEquals(Path.of("/folder/studies/mine"), study.output());
  }

  @Test
  void aRunHasItsOwnTasksAndWhatBelongsToThem() {
    StudyFile study =
        parse(
            """
            mixture: {strategy: weights, weights: {news: 1, prices: 2, chat: 3, facts: 1}}
            training: {loss: tasks, loss_weights: {news: 1, facts: 2}, on_too_long: cut_or_drop, seed: 7}
            evaluation: {test: both}
            """);
    RunFile run = study.run(List.of("chat", "prices"), study.training().withSeed(9), Path.of("out"));
    assertEquals(List.of("prices", "chat"), run.taskNames());
    assertEquals(List.of("prices", "chat"), List.copyOf(run.mixture().weights().byTask().keySet()));
    assertTrue(run.training().lossWeights().isEmpty());
    assertEquals(TooLong.DROP, run.training().onTooLong());
    assertEquals(9, run.training().seed());
    assertEquals(OptionalLong.of(7), run.tasks().getFirst().seed());
    assertEquals(OptionalLong.empty(), run.tasks().getLast().seed());
    assertEquals(EvaluationSection.Tested.NONE, run.evaluation().test());
    RunFile again = RunFile.parse(run.toYaml(), "run.yaml", Path.of("/elsewhere"), "x");
    assertEquals(run.withOutput(Path.of("y")), again.withOutput(Path.of("y")));
  }

  @Test
  void theResolvedStudyReadsBackEqual() {
    StudyFile study =
        parse(
            """
            study:
              general: [chat]
              families: [pairs, all]
              mixtures: ["news + prices + chat"]
              rivals: {learning_rates: [1.0e-4, 3.0e-4], epochs: [1, 2.5]}
              by_size: [{up_to: 2, epochs: 3}, {max_steps: 10, warmup_steps: 2}]
              controls: [same_steps, general]
            """);
    assertEquals(study, StudyFile.parse(study.toYaml(), "again.yaml", Path.of("/elsewhere"), "other"));
  }

  @Test
  void theFirstRuleThatFitsASizeDecidesHowLong() {
    StudyFile study = parse("study: {by_size: [{up_to: 2, epochs: 5}, {max_steps: 10, warmup_steps: 2}]}\n");
    TrainingSection two = study.study().trainingOf(2, study.training());
    assertEquals(5, two.epochs().orElseThrow());
    assertEquals(OptionalInt.empty(), two.warmupSteps());
    TrainingSection three = study.study().trainingOf(3, study.training());
    assertTrue(three.epochs().isEmpty());
    assertEquals(OptionalInt.of(10), three.maxSteps());
    assertEquals(OptionalInt.of(2), three.warmupSteps());
    assertEquals(study.training(), parse("").study().trainingOf(2, study.training()));
  }

  @Test
  void wrongStudiesAreRefusedWithLineAndKey() {
    assertWrong("study: {targets: [nws]}\n", "study.targets[0]: there is no task 'nws'; the nearest is 'news'");
    assertWrong("study: {general: [chat, chat]}\n", "study.general[1]: 'chat' is there already; remove one");
    assertWrong("study: {targets: [chat]}\n", "study.targets[0]: task 'chat' has no metric");
    assertWrong(
        "study: {targets: [news], probes: [news]}\n", "study.targets[0]: 'news' is under probes or general too");
    assertWrong("study: {probes: [chat], general: [chat]}\n", "study.probes: 'chat' is under general too");
    assertWrong("adapter: {type: none}\ntrainable: [all]\n", "unknown key 'trainable'");
    assertWrong(
        "evaluation: {best: news.accuracy}\n", "evaluation.best: 'news.accuracy' is not measured in mixtures without");
    assertWrong("evaluation: {best: mean_loss, patience: 2}\n", "evaluation.patience: ends runs at different lengths");
    assertWrong(
        "study: {rivals: {learning_rates: [1.0e-4, 1.0e-4]}}\n", "study.rivals.learning_rates: a value is there twice");
    assertWrong("study: {preset: brief2024, families: [all]}\n", "study.preset: says which mixtures there are");
    assertWrong("study: {random_size: 2}\n", "study.random_size: is for random_subsets");
    assertWrong("study: {by_size: [{epochs: 1, max_steps: 3}]}\n", "study.by_size[0].max_steps: epochs is given too");
    assertWrong("study: {seeds: 0}\n", "study.seeds: expected a whole number at least 1");
    assertWrong("study: {familys: [all]}\n", "unknown key 'familys' in 'study'; the nearest is 'families'");
    assertWrong("study: {families: [all, all]}\n", "study.families[1]: 'all' is there already; remove one");
    assertWrong("study: {controls: [general, general]}\n", "study.controls[1]: 'general' is there already; remove one");
    assertWrong("study: {probes: [facts, facts]}\n", "study.probes[1]: 'facts' is there already; remove one");
    assertWrong("study: {families: [triples]}\n", "'triples' is not one of: singles, pairs, leave_one_out, all");
  }

  @Test
  void aTargetWithoutValidationExamplesIsRefused() {
    String yaml = "model: base\ntasks: [{name: news, train: n.jsonl, test: t.jsonl, metric: accuracy}]\n";
    var unnamed = assertThrows(InvalidInputException.class, () -> StudyFile.parse(yaml, "s.yaml", Path.of("."), "s"));
    assertTrue(
        unnamed.getMessage().startsWith("s.yaml:2: tasks[0].validation: is missing, so that task 'news'"),
        unnamed.getMessage());
    String noTest = yaml.replace("test: t", "validation: v");
    var none = assertThrows(InvalidInputException.class, () -> StudyFile.parse(noTest, "s.yaml", Path.of("."), "s"));
    assertTrue(none.getMessage().contains("study.targets: no task can be a target"), none.getMessage());
    var e =
        assertThrows(
            InvalidInputException.class,
            () -> StudyFile.parse(yaml + "study: {targets: [news]}\n", "s.yaml", Path.of("."), "s"));
    assertTrue(e.getMessage().startsWith("s.yaml:3: study.targets[0]: task 'news' has no validation"), e.getMessage());
    var reserved =
        assertThrows(
            InvalidInputException.class,
            () -> StudyFile.parse(yaml.replace("name: news", "name: all"), "s.yaml", Path.of("."), "s"));
    assertTrue(reserved.getMessage().contains("'all' has a meaning of its own"), reserved.getMessage());
  }

  @Test
  void tasksThatAreNotMeantAsTargetsNeedNotBeOnes() {
    String task = "  - {name: mail, train: m.jsonl, validation: mv.jsonl, metric: accuracy}\n";
    StudyFile study = parse(task);
    assertEquals(List.of("news", "prices", "facts"), study.targets());
    assertEquals(1, study.warnings().size());
    assertTrue(
        study.warnings().getFirst().startsWith("warning: task mail is no target, since it has no test examples"),
        study.warnings().getFirst());
    assertEquals(List.of(), parse("").warnings());
    assertEquals(List.of(), parse(task + "study: {targets: [news]}\n").warnings());
    assertEquals(List.of(), parse(task + "study: {general: [mail]}\n").warnings());
    String untried = task.replace("validation", "test");
    parse(untried + "study: {general: [mail]}\n");
    parse(untried + "study: {targets: [news]}\n");
    assertWrong(untried, "study.yaml:7: tasks[4].validation: is missing, so that task 'mail'");
  }

  @Test
  void whatChoosesAMixtureCannotJudgeIt() {
    String task = "  - {name: mail, train: m.jsonl, validation: v.jsonl, test: v.jsonl, metric: accuracy}\n";
    assertWrong(task, "study.yaml:7: tasks[4].test: the test examples are the validation examples");
    parse(task + "study: {probes: [mail]}\n");
    parse("  - {name: mail, train: m.jsonl, split: {validation: 0.1, test: 0.1}, metric: accuracy}\n");
    assertWrong(
        "  - {name: mail, train: m.jsonl, validation: m.jsonl, test: m.jsonl, metric: accuracy}\n",
        "tasks[4].test: the test examples are the validation examples");
  }

  @Test
  void namesThatDifferInCaseAloneAreRefused() {
    assertWrong(
        "  - {name: News, train: m.jsonl}\n",
        "study.yaml:7: tasks[4].name: 'News' differs from the name of another task, 'news', in nothing but case");
    assertWrong("  - {name: All, train: m.jsonl}\n", "'All' has a meaning of its own");
  }

  /** The mixture is known when it is planned. */
  @Test
  void aMixtureOfTasksWithoutWeightIsRefused() {
    StudyFile study = parse("mixture: {strategy: weights, weights: {news: 0, prices: 0, chat: 3, facts: 1}}\n");
    var e =
        assertThrows(
            InvalidKeyException.class, () -> study.run(List.of("news", "prices"), study.training(), Path.of("out")));
    assertTrue(
        e.getMessage().startsWith("mixture.weights: the run of news, prices would draw nothing"), e.getMessage());
  }

  private static void assertWrong(String rest, String problem) {
    var e = assertThrows(InvalidInputException.class, () -> parse(rest));
    assertTrue(e.getMessage().startsWith("study.yaml:"), e.getMessage());
    assertTrue(e.getMessage().contains(problem), e.getMessage());
  }
}
