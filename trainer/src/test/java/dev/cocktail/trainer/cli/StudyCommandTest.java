package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.trainer.InterruptedRunException;
import dev.cocktail.trainer.config.StudyFile;
import dev.cocktail.trainer.study.Arm;
import dev.cocktail.trainer.study.ArmComparison;
import dev.cocktail.trainer.study.ArmResult;
import dev.cocktail.trainer.study.Recommendation;
import dev.cocktail.trainer.study.Study;
import dev.cocktail.trainer.study.StudyListener;
import dev.cocktail.trainer.study.StudyReport;
import dev.cocktail.trainer.study.StudyResults;
import dev.cocktail.trainer.study.StudyVerdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole studies, tiny. */
class StudyCommandTest {
  @TempDir private Path temporary;
  private TinyFolder folder;

  @BeforeEach
  void write() {
    folder = TinyFolder.writeStudy(temporary);
  }

  /** Leaves five runs: both targets alone, all, and a control of each. */
  private void makeSmaller() {
    folder.edit("study.yaml", "seeds: 2, controls: [same_steps, general]", "seeds: 1, controls: [same_steps]");
  }

  private CommandRun study(String... more) {
    List<String> arguments = new ArrayList<>(List.of("study", "--device", "cpu", folder.path("study.yaml").toString()));
    arguments.addAll(List.of(more));
    return CommandRun.of(arguments.toArray(String[]::new));
  }

  private StudyFile file(String output) {
    return StudyFile.read(folder.path("study.yaml")).withOutput(folder.path(output));
  }

  @Test
  void trainsWhatIsMissingAndLooksAtTestSetsOnlyOfWhatIsCompared() throws IOException {
    CommandRun first = study("--output", folder.path("out").toString()).done();
    assertThat(first.err()).contains("[1/", "Chosen by validation scores, before any test set was looked at:");
    assertThat(StudyContents.runs(folder.path("out")))
        .containsExactly(
            "all/seed-42",
            "all/seed-43",
            "colours+chat/seed-42",
            "colours+chat/seed-43",
            "colours.same_steps/seed-42",
            "colours.same_steps/seed-43",
            "colours/seed-42",
            "colours/seed-43",
            "moves+chat/seed-42",
            "moves+chat/seed-43",
            "moves.same_steps/seed-42",
            "moves.same_steps/seed-43",
            "moves/seed-42",
            "moves/seed-43");
    assertThat(folder.path("out/runs/all/seed-42/answers"))
        .isDirectoryContaining(path -> path.endsWith("validation-colours.jsonl"))
        .isDirectoryContaining(path -> path.endsWith("test-moves.jsonl"))
        .isDirectoryContaining(path -> path.endsWith("test-facts.jsonl"));
    assertThat(folder.path("out/runs/moves/seed-42/answers/validation-colours.jsonl")).exists();
    assertThat(folder.path("out/runs/moves/seed-42/answers/test-colours.jsonl")).doesNotExist();
    assertThat(folder.path("out/base/test-facts.jsonl")).exists();
    JsonNode manifest = new ObjectMapper().readTree(folder.text("out/runs/all/seed-43/manifest.json"));
    assertThat(manifest.at("/tasks").toString()).isEqualTo("[\"colours\",\"moves\",\"chat\"]");
    assertThat(manifest.at("/seed").asLong()).isEqualTo(43);
    assertThat(manifest.at("/configuration_sha256").asText()).matches("[0-9a-f]{64}");
    assertThat(manifest.at("/size/tokens").asLong()).isPositive();

    assertThat(first.out()).contains("its report is " + folder.path("out/report.html"));
    assertThat(folder.text("out/report.md"))
        .startsWith("# Does mixing help colours, moves?")
        .contains("2 seeds for each arm", "## What is not shown", "facts", "colours.same\\_steps");

    Map<String, String> before = folder.contents();
    CommandRun second = study("--output", folder.path("out").toString()).done();
    assertThat(second.err()).contains("of which 14 are over").doesNotContain("step 1/", "answered");
    assertThat(folder.contents()).isEqualTo(before);
  }

  /** Where it was stopped must not show. */
  @Test
  void stoppedAnywhereItEndsAsIfItHadNotBeen() throws IOException {
    makeSmaller();
    try (Device device = new CpuDevice(2)) {
      StudyResults whole = Study.of(file("whole"), device).run();
      StudyReport.write(whole, StudyVerdict.of(whole));
      Map<String, String> expected = StudyContents.of(folder.path("whole"));
      for (int every : new int[] {31, 100}) {
        String output = "stopped-" + every;
        int starts = 0;
        for (boolean over = false; !over; starts++) {
          var asked = new AtomicInteger();
          // A later start gets further, since it does not do again what was done.
          int patience = every * (starts + 1);
          try {
            StudyResults results =
                Study.of(file(output), device).stopWhen(() -> asked.incrementAndGet() > patience).run();
            over = true;
            assertThat(results.selected().toString()).isEqualTo(whole.selected().toString());
            StudyReport.write(results, StudyVerdict.of(results));
          } catch (InterruptedRunException e) {
            assertThat(e)
                .message()
                .containsAnyOf("; what was done is kept in " + folder.path(output), "stopped; nothing was written");
            assertThat(starts).isLessThan(50);
          }
        }
        assertThat(starts).isGreaterThan(1);
        assertThat(StudyContents.of(folder.path(output))).isEqualTo(expected);
      }
    }
  }

  @Test
  void aDryRunWritesNothing() {
    Map<String, String> before = folder.contents();
    CommandRun dry = study("--dry-run").done();
    assertThat(dry.out())
        .contains(
            "colours.same_steps/seed-43", "14 runs of 7 arms", "controls have the budgets of all", "training about");
    assertThat(dry.err()).contains("warning: task colours has one validation example");
    assertThat(folder.contents()).isEqualTo(before);
    JsonNode json = study("--dry-run", "--json").done().json();
    assertThat(json.at("/runs")).hasSize(14);
    assertThat(json.at("/training_seconds").asDouble()).isPositive();
  }

  @Test
  void aFailedRunIsToldOfAndNotReplaced() throws IOException {
    folder.poison("Z"); // A letter that only chat has.
    folder.write("chat.jsonl", "{\"prompt\": \"Z \", \"completion\": \"world\"}\n");
    CommandRun run = study();
    assertThat(run.exitCode()).as(run.err()).isEqualTo(CocktailCommand.FAILED);
    assertThat(run.err()).contains("cocktail: all/seed-42 failed: step ", "the loss is ");
    assertThat(folder.path("out/failures/moves+chat.seed-43.json")).exists();
    assertThat(folder.path("out/runs/moves/seed-42/answers/test-moves.jsonl")).exists();
    assertThat(folder.path("out/runs/moves+chat/seed-42/answers")).doesNotExist();
    assertThat(study("--quiet").err()).contains("cocktail: all/seed-42 failed: step ");
  }

  @Test
  void anotherStudysFolderIsRefused() {
    makeSmaller();
    study().done();
    Map<String, String> before = folder.contents();
    folder.edit("study.yaml", "learning_rate: 1.0e-2", "learning_rate: 2.0e-2");
    assertRefused("training.learning_rate was 0.01 and is 0.02");
    assertRefused("training.learning_rate was 0.01 and is 0.02", "--dry-run");
    folder.edit("study.yaml", "learning_rate: 2.0e-2", "learning_rate: 1.0e-2");
    assertThat(folder.contents()).isEqualTo(before);
    folder.write("train.jsonl", folder.text("train.jsonl") + "\n{\"prompt\": \"a\", \"completion\": \"b\"}\n");
    assertThat(study().err()).contains("tasks[0].train was");
  }

  @Test
  void testSetsThatCannotShowAnythingAreRefused() {
    folder.edit("study.yaml", "seeds: 2", "seeds: 2, detectable: 0.1");
    assertThat(study().err())
        .contains("the test set of task colours has 6 independent items, which show a difference of 0.511 at the least")
        .contains("it takes 157 items");
    folder.write("probe.jsonl", "{\"prompt\": \"one \", \"completion\": \"two\"}\n");
    folder.edit("study.yaml", ", detectable: 0.1", "");
    assertThat(study().err()).contains("the test set of task facts has 1 items, all of one source");
    assertThat(folder.path("out")).doesNotExist();
  }

  /** All test sets here are training sets too. */
  @Test
  void overlapsAreRefusedOrLeftOutOfAllRuns() throws IOException {
    makeSmaller();
    folder.edit("study.yaml", "study: {", "study: {max_overlap: 0.5, ");
    CommandRun refused = study();
    assertThat(refused.exitCode()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(refused.err())
        .contains("task colours: 6 of its 6 test examples are training examples of task colours, such as ")
        .contains("study.max_overlap is 0.5");
    assertThat(folder.path("out")).doesNotExist();

    folder.edit("study.yaml", "training: {", "training: {on_shared_examples: exclude, ");
    folder.write("more.jsonl", folder.text("train.jsonl") + "\n{\"prompt\": \"sun: \", \"completion\": \"gold\"}\n");
    folder.edit("study.yaml", "name: colours, train: train.jsonl", "name: colours, train: more.jsonl");
    folder.write(
        "other-moves.jsonl",
        "{\"prompt\": \"lead: \", \"completion\": \"up\"}\n{\"prompt\": \"iron: \", \"completion\": \"down\"}\n");
    folder.edit("study.yaml", "name: moves, train: moves.jsonl", "name: moves, train: other-moves.jsonl");
    folder.write(
        "moves-validation.jsonl",
        folder.text("moves-validation.jsonl") + "{\"prompt\": \"Gold: \", \"completion\": \"down\"}\n");
    // A question of colours' test set among the general examples.
    folder.write("chat.jsonl", folder.text("chat.jsonl") + "{\"prompt\": \"sky: \", \"completion\": \"grey\"}\n");
    CommandRun run = study().done();
    assertThat(run.err()).contains("task colours: 6 of 7 training examples left out");
    JsonNode manifest = new ObjectMapper().readTree(folder.text("out/runs/all/seed-42/manifest.json"));
    assertThat(manifest.at("/size/examples/colours").asInt()).isEqualTo(2); // One example, two epochs.
    assertThat(manifest.at("/size/examples/chat").asInt()).isEqualTo(2);
    JsonNode leaks = new ObjectMapper().readTree(folder.text("out/leaks.json"));
    assertThat(leaks.at("/excluded").asBoolean()).isTrue();
    assertThat(leaks.at("/validation_among_tests")).hasSize(1);
    assertThat(leaks.at("/validation_among_tests/0/either").asInt()).isEqualTo(1);
    assertThat(run.err())
        .contains("warning: task moves: 1 of its 3 test examples are validation examples of task moves, by which");
    assertThat(folder.text("out/report.md"))
        .contains("1 of the 3 test examples of moves are validation examples of moves, by which");
    assertThat(study().done().err()).doesNotContain("step 1/");
  }

  private void assertRefused(String problem, String... more) {
    Map<String, String> before = folder.contents();
    CommandRun run = study(more);
    assertThat(run.exitCode()).as(run.err()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(run.err()).contains(problem);
    assertThat(folder.contents()).isEqualTo(before);
  }

  /** A dry run says so too. */
  @Test
  void answersOfFewerItemsAreRefusedAndALostManifestIsMadeAnew() throws IOException {
    makeSmaller();
    study().done();
    Map<String, String> before = StudyContents.of(folder.path("out"));
    Files.delete(folder.path("out/runs/all/seed-42/manifest.json"));
    study().done();
    assertThat(StudyContents.of(folder.path("out"))).isEqualTo(before);
    Path answers = folder.path("out/runs/all/seed-42/answers/test-colours.jsonl");
    List<String> lines = Files.readAllLines(answers);
    Files.write(answers, lines.subList(0, lines.size() - 1));
    CommandRun run = study();
    assertThat(run.exitCode()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(run.err())
        .contains(
            answers
                + ": it has answers to 5 items of task colours, of which the first 5 are those of the 6 that are"
                + " asked");
    Files.delete(answers);
    study().done();
    assertThat(StudyContents.of(folder.path("out"))).isEqualTo(before);
  }

  @Test
  void somethingElsesFolderIsRefused() throws IOException {
    Files.createDirectories(folder.path("out"));
    folder.write("out/letter.txt", "Dear Sir");
    assertRefused("holds something that is no study");
    assertRefused("holds something that is no study", "--dry-run");
    folder.edit("run.yaml", "output: out", "output: run");
    folder.train().done();
    assertRefused("holds something that is no study", "--output", folder.path("run").toString());
    String inFile = folder.path("run.yaml/study").toString();
    assertRefused(inFile + " cannot be made: " + folder.path("run.yaml") + " is no folder", "--output", inFile);
  }

  /** What is found when the plan is made has its file and line like all else. */
  @Test
  void wrongPlansAreRefusedWithLineAndKey() {
    String line = folder.path("study.yaml") + ":10: study.";
    folder.edit("study.yaml", "families: [all]", "mixtures: [all, 'all - movse']");
    assertRefused(line + "mixtures[1]: the mixture 'all - movse': there is no task 'movse'", "--dry-run");
    folder.edit("study.yaml", "mixtures: [all, 'all - movse']", "mixtures: [moves + colours]");
    assertRefused(line + "controls_of: the mixture all is not in the plan", "--dry-run");
    folder.edit("study.yaml", "mixtures: [moves + colours]", "random_subsets: 1, random_size: 9");
    assertRefused(line + "random_size: is 9, but there are only 3 tasks to learn", "--dry-run");
  }

  @Test
  void moreMayBePlannedLater() throws IOException {
    makeSmaller();
    study().done();
    folder.edit("study.yaml", "families: [all]", "families: [pairs, all]");
    CommandRun more = study().done();
    assertThat(more.err()).contains("of which 5 are over");
    assertThat(StudyContents.runs(folder.path("out"))).contains("colours+moves/seed-42");
  }

  @Test
  void aFolderInUseIsRefused() {
    makeSmaller();
    try (Device device = new CpuDevice(2)) {
      var tried = new AtomicInteger();
      Study.of(file("out"), device)
          .listener(
              new StudyListener() {
                @Override
                public void answered(String who, String task, String split, int items, boolean kept) {
                  if (tried.getAndIncrement() == 0) {
                    assertThatThrownBy(() -> Study.of(file("out"), device).run())
                        .hasMessageContaining("is in use by a study that has not ended");
                  }
                }
              })
          .run();
      assertThat(tried.get()).isPositive();
    }
  }

  @Test
  void comparedArmsBeginWithTheTargetAlone() {
    try (Device device = new CpuDevice(2)) {
      StudyResults results = Study.of(file("out"), device).run();
      List<String> names = results.compared("moves").stream().map(Arm::name).toList();
      assertThat(names).startsWith("moves").contains("all", "moves.same_steps", "moves+chat");
      for (Arm arm : results.compared("moves")) {
        assertThat(results.test(arm, 42, "moves").orElseThrow()).hasSize(3);
        assertThat(results.test(arm, 43, "facts").orElseThrow()).hasSize(2);
      }
      StudyVerdict verdict = StudyVerdict.of(results);
      String chosen = results.selected().getLast().mixture().name();
      assertThat(verdict.on("moves"))
          .extracting(comparison -> comparison.arm().name(), comparison -> comparison.control().name())
          .contains(tuple(chosen, "moves"), tuple(chosen, "moves.same_steps"))
          .hasSize(4 - (chosen.equals("all") || chosen.equals("moves+chat") ? 1 : 0));
      assertThat(verdict.tested().get("moves")).extracting(result -> result.arm().name()).isEqualTo(names);
      ArmResult single = verdict.tested().get("moves").getFirst();
      assertThat(single.scores()).hasSize(2);
      assertThat(single.summary().mean()).isBetween(0.0, 1.0);
      assertThat(verdict.forgetting()).extracting(ArmComparison::target).containsOnly("facts");
      assertThat(verdict.recommendations()).extracting(Recommendation::target).containsExactly("colours", "moves");
    }
  }
}
