package dev.cocktail.trainer.study;

import dev.cocktail.trainer.JsonRecords;
import dev.cocktail.trainer.RunInputs;
import dev.cocktail.trainer.config.StudyFile;
import dev.cocktail.trainer.config.StudySection.Control;
import dev.cocktail.trainer.study.StudyScorer.Split;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A study whose runs were never trained: their answers are written by hand. Two targets, a and b, and general tasks;
 * ten items each, of which the first so many are answered right.
 */
final class HandMadeStudy implements AutoCloseable {
  private static final int ITEMS = 10;

  private final StudyPlan plan;
  private final StudyFolder folder;
  private final Map<String, String> failures = new LinkedHashMap<>();

  /**
   * @param general names of general tasks
   * @param asked what stands under {@code study} beside them
   */
  HandMadeStudy(Path output, List<String> general, String asked) {
    var yaml = new StringBuilder("model: base\ntasks:\n");
    for (String target : List.of("a", "b")) {
      yaml.append("  - {name: %1$s, train: %1$s.jsonl, validation: v-%1$s.jsonl, test: t-%1$s.jsonl".formatted(target));
      yaml.append(", metric: accuracy, labels: [no, yes]}\n");
    }
    general.forEach(task -> yaml.append("  - {name: %1$s, train: %1$s.jsonl}\n".formatted(task)));
    yaml.append("study: {general: %s, controls: [same_steps], %s}\n".formatted(general, asked));
    StudyFile study = StudyFile.parse(yaml.toString(), "study.yaml", Path.of("."), "study").withOutput(output);
    Map<String, Long> examples = new LinkedHashMap<>();
    study.taskNames().forEach(task -> examples.put(task, 4L));
    plan = StudyPlan.of(study, run -> new RunSize(2, 80, 16, examples));
    folder = StudyFolder.open(study, new RunInputs("1", "cpu", Map.of(), Map.of(), Map.of()), _ -> {});
  }

  StudyPlan plan() {
    return plan;
  }

  /** A mixture's answers to validation and test items of a target, with all seeds. */
  HandMadeStudy right(String target, int count, String... tasks) {
    return right(target, count, plan.mixture(plan.sets().ordered(Set.of(tasks))).orElseThrow());
  }

  /** An arm's answers to validation and test items of a target, with all seeds. */
  HandMadeStudy right(String target, int count, Arm arm) {
    for (long seed : plan.seeds()) {
      for (Split split : Split.values()) {
        write(StudyFolder.answers(plan.run(arm, seed), split, target), target, count, 0);
      }
    }
    return this;
  }

  /** The same with forty items. */
  HandMadeStudy wide(String target, int count, String... tasks) {
    return wide(target, count, plan.mixture(plan.sets().ordered(Set.of(tasks))).orElseThrow());
  }

  /** The same with forty items. */
  HandMadeStudy wide(String target, int count, Arm arm) {
    for (long seed : plan.seeds()) {
      for (Split split : Split.values()) {
        write(StudyFolder.answers(plan.run(arm, seed), split, target), target, 40, count, 0);
      }
    }
    return this;
  }

  /** What the model that learnt nothing answered, of which some could not be read. */
  HandMadeStudy base(String target, int count, int unreadable) {
    for (Split split : Split.values()) {
      write(folder.baseAnswers(split, target), target, count, unreadable);
    }
    return this;
  }

  HandMadeStudy failed(String run, String reason) {
    failures.put(run, reason);
    return this;
  }

  HandMadeStudy affinity(TaskAffinity affinity) {
    JsonRecords.write(folder.affinity(), affinity);
    return this;
  }

  /** What the runs wrote of their two steps, and what they are; nothing leaks. */
  HandMadeStudy trained() {
    for (PlannedRun run : plan.runs()) {
      var tasks = new StringBuilder();
      for (String task : run.arm().tasks()) {
        tasks.append(tasks.isEmpty() ? "" : ", ");
        tasks.append("\"%s\": {\"loss\": 1.5, \"examples\": 2, \"supervised_tokens\": 4}".formatted(task));
      }
      var lines = new StringBuilder();
      for (int step = 1; step <= 2; step++) {
        lines.append("{\"event\": \"step\", \"step\": %d, \"tasks\": {%s}}%n".formatted(step, tasks));
        lines.append("{\"event\": \"validation\", \"step\": %d, \"tasks\": {%s}}%n".formatted(step, tasks));
      }
      write(run.run().output().resolve("metrics.jsonl"), lines.toString());
      RunInputs inputs = new RunInputs("1", "cpu", Map.of("seed", "" + run.seed()), Map.of(), Map.of());
      JsonRecords.write(StudyFolder.manifest(run), RunManifest.of(run, inputs));
    }
    JsonRecords.write(folder.leaks(), new Leaks(false, List.of(), List.of()));
    return this;
  }

  /** Test answers are read, by a plan that differs in a key of its section study. */
  HandMadeStudy asked(String change) {
    String yaml = plan.study().toYaml().replaceFirst("(?m)^  margin: .*$", "  " + change);
    folder.ask(StudyFile.parse(yaml, "study.yaml", Path.of("."), "study"));
    return this;
  }

  StudyResults results() {
    return new StudyResults(plan, folder, failures);
  }

  private static void write(Path file, String task, int right, int unreadable) {
    write(file, task, ITEMS, right, unreadable);
  }

  private static void write(Path file, String task, int items, int right, int unreadable) {
    var lines = new StringBuilder();
    for (int item = 0; item < items; item++) {
      String read = item < right ? "yes" : item < items - unreadable ? "no" : null;
      String quoted = read == null ? "null" : "\"" + read + "\"";
      lines
          .append("{\"task\": \"%s\", \"item\": %d, \"origin\": \"x:%d\", ".formatted(task, item, item + 1))
          .append("\"answer\": \"%s\", \"gold\": \"yes\", ".formatted(read))
          .append("\"read_strict\": %1$s, \"read_lenient\": %1$s, ".formatted(quoted))
          .append(
              "\"right_strict\": %1$s, \"right_lenient\": %1$s, \"loss\": 1.0, \"loss_tokens\": 1}%n"
                  .formatted(item < right));
    }
    write(file, lines.toString());
  }

  private static void write(Path file, String text) {
    try {
      Files.createDirectories(file.getParent());
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * A study of all subsets of a, b and the general task c, in which b and c help a, and c harms b.
   *
   * @param output its folder
   */
  static HandMadeStudy ofThree(Path output, int seeds) {
    var study = new HandMadeStudy(output, List.of("c"), "families: [pairs, all], seeds: " + seeds);
    study.right("a", 5, "a").right("a", 7, "a", "b").right("a", 6, "a", "c").right("a", 9, "a", "b", "c");
    study.right("b", 4, "b").right("b", 4, "a", "b").right("b", 3, "b", "c").right("b", 2, "a", "b", "c");
    // What learnt nothing of a target is asked too.
    study.right("b", 1, "a").right("b", 2, "a", "c").right("a", 3, "b").right("a", 0, "b", "c");
    for (String target : List.of("a", "b")) {
      Arm control = study.plan().control(target, Control.SAME_STEPS).orElseThrow();
      study.right("a", 5, control).right("b", 5, control).base(target, 1, 4);
    }
    return study.affinity(
        new TaskAffinity(
            Map.of("a", Map.of("b", 0.02), "b", Map.of("a", 0.04), "c", Map.of("a", 0.03, "b", 0.01)),
            Map.of("a", Map.of("b", 0.3), "b", Map.of("a", 0.1), "c", Map.of("a", 0.2, "b", 0.4)),
            Map.of("a", Map.of("b", 0.5), "b", Map.of("a", 0.5), "c", Map.of("a", 0.5, "b", 0.5))));
  }

  @Override
  public void close() {
    folder.close();
  }
}
