package dev.cocktail.trainer.study;

import dev.cocktail.eval.AnsweredItem;
import dev.cocktail.eval.Evaluation;
import dev.cocktail.eval.EvaluationItem;
import dev.cocktail.eval.EvaluationSettings;
import dev.cocktail.eval.EvaluationTask;
import dev.cocktail.eval.Evaluator;
import dev.cocktail.eval.ItemsFile;
import dev.cocktail.eval.statistics.Clusters;
import dev.cocktail.eval.statistics.Power;
import dev.cocktail.lora.AdaptedModel;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.EvaluationTasks;
import dev.cocktail.trainer.EvaluationTasks.Asked;
import dev.cocktail.trainer.config.StudyFile;
import dev.cocktail.trainer.config.StudySection;
import dev.cocktail.trainer.config.TaskSection;
import dev.cocktail.trainer.data.DocumentCut;
import dev.cocktail.transformer.LinearTransform;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** Asks a study's questions, of any adapter on the one model that all runs share. */
final class StudyScorer {
  /** Which items are asked. */
  enum Split {
    VALIDATION,
    TEST;

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private static final int SAMPLE = 8;

  private final AdaptedModel base;
  private final StudyFile study;
  private final int batchTokens;
  private final Map<Split, Map<String, Asked>> asked = new EnumMap<>(Split.class);

  /**
   * Reads and checks the questions of targets and probes.
   *
   * @param notes told what follows from the data
   * @throws dev.cocktail.tensor.InvalidInputException naming file, line and what is wrong
   */
  StudyScorer(StudyFile study, AdaptedModel base, Consumer<String> notes) {
    this.study = study;
    this.base = base;
    int context = base.model().config().maxPositions();
    int longest = Math.min(study.training().maxLength(), context);
    this.batchTokens = Math.max(study.evaluation().tokensAtOnce(study.training()), longest);
    Optional<DocumentCut> cut =
        Optional.of(new DocumentCut(base.encoder(), longest)).filter(_ -> study.training().onTooLong().cuts());
    int most = study.evaluation().maxExamples().orElse(Integer.MAX_VALUE);
    var some = new EvaluationTasks(List.of(), List.of(), Optional.empty(), most, cut, notes);
    var all = new EvaluationTasks(List.of(), List.of(), Optional.empty(), Integer.MAX_VALUE, cut, _ -> {});
    Map<String, Asked> validation = new LinkedHashMap<>();
    Map<String, Asked> test = new LinkedHashMap<>();
    for (String name : tasks()) {
      TaskSection task = study.task(name);
      validation.put(name, fitting(some.ofTask(task, task.validationSource().orElseThrow()), notes));
      test.put(name, fitting(all.ofTask(task, task.testSource().orElseThrow()), notes));
    }
    test.values().forEach(one -> requireEnough(study, one.task()));
    for (String target : study.targets()) {
      if (validation.get(target).task().items().size() == 1) {
        notes.accept(
            "warning: task "
                + target
                + " has one validation example, and its mixture would be chosen by that alone; give it more");
      }
    }
    asked.put(Split.VALIDATION, validation);
    asked.put(Split.TEST, test);
  }

  /**
   * The same questions for all arms: what is too long is left out for all of them, where the study leaves out at all.
   */
  private Asked fitting(Asked asked, Consumer<String> notes) {
    return asked.fitting(evaluator(asked, LinearTransform.BASE), study.training().onTooLong().drops(), notes);
  }

  /** Refuses test sets that could not show anything, or not as small a difference as the study asks for. */
  private static void requireEnough(StudyFile study, EvaluationTask task) {
    int clusters = Clusters.of(task.items().stream().map(EvaluationItem::cluster).toList()).count();
    Path file = study.task(task.name()).test().orElseThrow();
    if (clusters < 2) {
      throw new InvalidInputException(
          "%s: the test set of task %s has %d items, all of one source, and one says nothing about others; expected at least two sources"
              .formatted(file, task.name(), task.items().size()));
    }
    if (study.study().detectable().isEmpty()) {
      return;
    }
    double asked = study.study().detectable().getAsDouble();
    double error = Power.standardError(StudySection.ASSUMED_DISCORDANCE, clusters, 1);
    double least = Power.minimalDifference(error, StudyVerdict.SIGNIFICANCE, StudyVerdict.POWER);
    if (least > asked) {
      throw new InvalidInputException(
          String.format(
              Locale.ROOT,
              "%s: the test set of task %s has %,d independent items, which show a difference of %.3f at the least, and"
                  + " study.detectable is %s; it takes %,.0f items",
              file,
              task.name(),
              clusters,
              least,
              asked,
              Math.ceil(clusters * (least / asked) * (least / asked))));
    }
  }

  /** The tasks that are asked: targets, then probes. */
  List<String> tasks() {
    List<String> names = new ArrayList<>(study.targets());
    names.addAll(study.study().probes());
    return names;
  }

  /** How many items a task's split has. */
  int items(Split split, String task) {
    return asked.get(split).get(task).task().items().size();
  }

  /**
   * Checks that answers from earlier are to all that is asked now, in its order, wherever its file was then.
   *
   * @throws InvalidInputException naming the file of the answers, and what to do
   */
  void requireAnswered(Path answers, Split split, String task) {
    List<AnsweredItem> found = ItemsFile.read(answers).getOrDefault(task, List.of());
    EvaluationTask questions = asked.get(split).get(task).task();
    List<EvaluationItem> items = questions.items();
    int same = 0;
    while (same < Math.min(found.size(), items.size()) && isAnswer(found.get(same), items.get(same), questions)) {
      same++;
    }
    if (found.size() != items.size() || same < found.size()) {
      throw new InvalidInputException(
          "%s: it has answers to %d items of task %s, of which the first %d are those of the %d that are asked; delete it to have them asked again"
              .formatted(answers, found.size(), task, same, items.size()));
    }
  }

  private static boolean isAnswer(AnsweredItem answer, EvaluationItem item, EvaluationTask task) {
    return line(answer.origin()).equals(line(item.origin()))
        && answer.cluster().equals(item.cluster())
        && task.form().gold(item.gold()).equals(Optional.of(answer.strict().gold()));
  }

  /** The last part of a place {@code file:line}. */
  private static String line(String origin) {
    return origin.substring(origin.lastIndexOf(':') + 1);
  }

  /**
   * What a model answers.
   *
   * @param between called between batches and between tokens; what it throws ends the evaluation
   */
  Evaluation score(Split split, String task, LinearTransform transform, Runnable between) {
    Asked questions = asked.get(split).get(task);
    return evaluator(questions, transform).evaluate(questions.task(), between);
  }

  /** What a model answers to a few validation items of a task. */
  Evaluation sample(String task, LinearTransform transform) {
    EvaluationTask whole = asked.get(Split.VALIDATION).get(task).task();
    List<EvaluationItem> some = whole.items().subList(0, Math.min(SAMPLE, whole.items().size()));
    var part = new EvaluationTask(task, some, whole.form(), whole.metrics());
    return evaluator(asked.get(Split.VALIDATION).get(task), transform).evaluate(part, () -> {});
  }

  private Evaluator evaluator(Asked questions, LinearTransform transform) {
    var settings =
        new EvaluationSettings(questions.method(), study.evaluation().maxNewTokens(), batchTokens, base.stopIds());
    return new Evaluator(base.model(), transform, base.encoder(), settings);
  }
}
