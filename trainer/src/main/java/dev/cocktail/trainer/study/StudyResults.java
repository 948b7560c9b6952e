package dev.cocktail.trainer.study;

import dev.cocktail.eval.AnsweredItem;
import dev.cocktail.eval.ItemsFile;
import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.metric.Metric;
import dev.cocktail.trainer.JsonRecords;
import dev.cocktail.trainer.study.StudyScorer.Split;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;

/** What a study's runs answered, and what was chosen by it. */
public final class StudyResults {
  private final StudyPlan plan;
  private final StudyFolder folder;
  private final Map<String, String> failures;
  private final Map<Path, List<AnsweredItem>> cache = new HashMap<>();

  StudyResults(StudyPlan plan, StudyFolder folder, Map<String, String> failures) {
    this.plan = plan;
    this.folder = folder;
    this.failures = Collections.unmodifiableMap(new LinkedHashMap<>(failures));
  }

  /** What was planned. */
  public StudyPlan plan() {
    return plan;
  }

  /** The study's folder. */
  public Path path() {
    return folder.path();
  }

  /** What was guessed of the tasks' help before anything was trained. */
  public TaskAffinity affinity() {
    return JsonRecords.read(folder.affinity(), TaskAffinity.class);
  }

  /** Which held-out examples are among training examples. */
  public Leaks leaks() {
    return JsonRecords.read(folder.leaks(), Leaks.class);
  }

  /** What of the plan was changed after test answers had been read, in words. */
  public List<String> changesAfterTests() {
    return folder.asked().map(StudyFolder.TestQuestions::changes).orElse(List.of());
  }

  /** Why runs failed, by their names. */
  public Map<String, String> failures() {
    return failures;
  }

  /** The metric that a task is judged by. */
  public Metric metric(String task) {
    return plan.study().task(task).metric().orElseThrow();
  }

  /** Whether all runs of an arm are there. */
  public boolean isWhole(Arm arm) {
    return plan.seeds().stream().noneMatch(seed -> failures.containsKey(plan.run(arm, seed).name()));
  }

  /** What an arm's run answered to the validation items of a task; empty where it failed. */
  public Optional<List<AnsweredItem>> validation(Arm arm, long seed, String task) {
    return read(StudyFolder.answers(plan.run(arm, seed), Split.VALIDATION, task), task);
  }

  /** What an arm's run answered to the test items of a task; empty where it was not asked. */
  public Optional<List<AnsweredItem>> test(Arm arm, long seed, String task) {
    return read(StudyFolder.answers(plan.run(arm, seed), Split.TEST, task), task);
  }

  /** What the model that learnt nothing answered. */
  public Optional<List<AnsweredItem>> baseTest(String task) {
    return read(folder.baseAnswers(Split.TEST, task), task);
  }

  /** What the model that learnt nothing answered to the validation items. */
  public Optional<List<AnsweredItem>> baseValidation(String task) {
    return read(folder.baseAnswers(Split.VALIDATION, task), task);
  }

  private Optional<List<AnsweredItem>> read(Path file, String task) {
    if (!cache.containsKey(file) && Files.exists(file)) {
      cache.put(file, ItemsFile.read(file).getOrDefault(task, List.of()));
    }
    return Optional.ofNullable(cache.get(file));
  }

  /** A task's metric of answers, read strictly. */
  public OptionalDouble score(String task, List<AnsweredItem> items) {
    return metric(task).of(items.stream().map(item -> item.outcome(Reading.STRICT)).toList());
  }

  /** The mean over seeds of an arm's validation score on a task; empty where a run failed. */
  public OptionalDouble validationScore(Arm arm, String task) {
    if (!isWhole(arm)) {
      return OptionalDouble.empty();
    }
    return plan.seeds().stream()
        .mapToDouble(seed -> validation(arm, seed, task).map(items -> score(task, items).orElseThrow()).orElseThrow())
        .average();
  }

  /** What is chosen for each target by validation scores; of equals, the one that was planned first. */
  public List<Selected> selected() {
    List<Selected> chosen = new ArrayList<>();
    for (String target : plan.sets().targets()) {
      Arm single = plan.mixture(List.of(target)).orElseThrow();
      Optional<Arm> mixture = best(plan.candidates(target), target);
      if (mixture.isPresent()) {
        List<Arm> trials = new ArrayList<>(List.of(single));
        trials.addAll(plan.rivals(target));
        chosen.add(
            new Selected(
                target,
                mixture.get(),
                validationScore(mixture.get(), target).orElseThrow(),
                validationScore(single, target).orElse(Double.NaN),
                plan.rivals(target).isEmpty() ? Optional.empty() : best(trials, target)));
      }
    }
    return chosen;
  }

  private Optional<Arm> best(List<Arm> arms, String target) {
    // Of equals, max keeps the first.
    return arms.stream()
        .filter(this::isWhole)
        .max(Comparator.comparingDouble(arm -> validationScore(arm, target).orElseThrow()));
  }

  /**
   * The arms that a target's verdict compares on its test set: it alone first, then what was chosen, the mixture that
   * controls are of, and the controls.
   */
  public List<Arm> compared(String target) {
    Set<Arm> arms = new LinkedHashSet<>(List.of(plan.mixture(List.of(target)).orElseThrow()));
    selected().stream()
        .filter(chosen -> chosen.target().equals(target))
        .forEach(chosen -> {
          arms.add(chosen.mixture());
          chosen.rival().ifPresent(arms::add);
        });
    if (plan.controlsOf().tasks().contains(target)) {
      plan.mixture(plan.controlsOf().tasks()).ifPresent(arms::add);
    }
    plan.study().study().wantedControls().forEach(control -> plan.control(target, control).ifPresent(arms::add));
    return arms.stream().filter(this::isWhole).toList();
  }
}
