package dev.cocktail.trainer;

import dev.cocktail.eval.EvaluationItem;
import dev.cocktail.eval.EvaluationSettings.Method;
import dev.cocktail.eval.EvaluationTask;
import dev.cocktail.eval.Evaluator;
import dev.cocktail.eval.answer.AnswerAfter;
import dev.cocktail.eval.answer.AnswerForm;
import dev.cocktail.eval.answer.LabelForm;
import dev.cocktail.eval.answer.NumberForm;
import dev.cocktail.eval.answer.TextForm;
import dev.cocktail.eval.metric.Metric;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.NearestName;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.TaskSection;
import dev.cocktail.trainer.data.DataSource;
import dev.cocktail.trainer.data.DocumentCut;
import dev.cocktail.trainer.data.EvaluationItems;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Makes tasks to be scored of files and of what was asked of them; what is not asked for follows from the tasks of the
 * run file and from the data.
 *
 * @param metrics what to compute; empty for each task's own, and what suits the answers
 * @param labels the labels; empty for each task's own, and where it has none, those of the data
 * @param method where answers come from; empty for each task's own, which decides with labels on the answers' form
 * @param limit only so many items of each file, from its beginning
 * @param cut cuts documents that are too long; without it they stay whole
 * @param notes told what follows from the data
 */
public record EvaluationTasks(
    List<Metric> metrics,
    List<String> labels,
    Optional<Method> method,
    int limit,
    Optional<DocumentCut> cut,
    Consumer<String> notes) {
  /** A task, and where its answers come from. */
  public record Asked(EvaluationTask task, Method method) {
    /**
     * The same as a model can be asked it.
     *
     * @param evaluator that of this method
     * @param leaveOut whether items that are too long are left out and told of; otherwise they are refused
     * @throws InvalidInputException naming an item that is too long, or when nothing is left
     */
    public Asked fitting(Evaluator evaluator, boolean leaveOut, Consumer<String> notes) {
      if (!leaveOut) {
        evaluator.requireFits(task);
        return this;
      }
      EvaluationTask fitting = evaluator.fitting(task);
      if (fitting != task) {
        notes.accept(
            "task %s: %,d of %,d questions left out, which are too long to be answered"
                .formatted(task.name(), task.items().size() - fitting.items().size(), task.items().size()));
      }
      return new Asked(fitting, method);
    }
  }

  /** More different answers than these are no labels. */
  private static final int MOST_LABELS = 200;

  private static final List<Metric> OF_TEXT = List.of(Metric.EXACT_MATCH, Metric.TOKEN_PROBABILITY);
  private static final List<Metric> OF_LABELS = List.of(Metric.ACCURACY, Metric.MACRO_F1, Metric.MATTHEWS_CORRELATION);

  /** What each task of a run file asks for itself. */
  static EvaluationTasks asInRunFile(int limit, Optional<DocumentCut> cut, Consumer<String> notes) {
    return new EvaluationTasks(List.of(), List.of(), Optional.empty(), limit, cut, notes);
  }

  /** One file; where no labels were given, they are its own answers. */
  public Asked ofFile(String name, Path file) {
    DataSource source = DataSource.of(file);
    return task(name, source, source, Optional.empty(), Optional.empty(), labels, method.orElse(Method.GENERATION));
  }

  /**
   * A task on some of its examples.
   *
   * @param source where they are, one of the task's own
   * @throws InvalidInputException when the metric does not fit the answers, or right answers are not among the labels,
   *     saying which, where and how often
   */
  public Asked ofTask(TaskSection section, DataSource source) {
    return task(
        section.name(),
        source,
        section.trainSource(),
        section.metric(),
        section.answerAfter(),
        labels.isEmpty() ? section.labels() : labels,
        method.orElse(section.method()));
  }

  /** The tasks of a run file, all or those of the names, each with its test file or else its validation file. */
  public List<Asked> ofRun(RunFile run, Path runFile, List<String> names) {
    for (String name : names) {
      if (!run.taskNames().contains(name)) {
        throw new InvalidInputException(
            "--task: " + runFile + " has no task '" + name + "'" + NearestName.hint(name, run.taskNames()));
      }
    }
    List<Asked> asked = new ArrayList<>();
    for (TaskSection section : run.tasks()) {
      if (!names.isEmpty() && !names.contains(section.name())) {
        continue;
      }
      asked.add(ofTask(section, runFile.toString()));
    }
    return asked;
  }

  /**
   * A task on its test examples, or else on its validation examples.
   *
   * @param source of the task, for the message
   * @throws InvalidInputException when it has neither, and as above
   */
  public Asked ofTask(TaskSection section, String source) {
    DataSource examples =
        section
            .testSource()
            .or(section::validationSource)
            .orElseThrow(() ->
                new InvalidInputException(
                    source
                        + ": task "
                        + section.name()
                        + " has neither test nor validation examples; name a file under one of these keys"));
    return ofTask(section, examples);
  }

  private Asked task(
      String name,
      DataSource source,
      DataSource answers,
      Optional<Metric> own,
      Optional<String> mark,
      List<String> known,
      Method method) {
    List<EvaluationItem> all = items(name, source);
    Metric.Form wanted = wanted(own, known, method);
    AnswerForm plain =
        switch (wanted) {
          case TEXT -> new TextForm();
          case NUMBER -> new NumberForm();
          case LABELS -> labels(name, known, mark, all, source, answers);
        };
    AnswerForm form = mark.isPresent() ? new AnswerAfter(mark.get(), plain) : plain;
    List<Metric> computed = metrics.isEmpty() ? computed(own, wanted) : metrics;
    // All of the file's answers are checked, not only those that are looked at.
    var task = new EvaluationTask(name, all, form, computed);
    if (!known.isEmpty() && !isSame(answers, source)) {
      requireKnown(name, answers, form, computed);
    }
    return new Asked(all.size() <= limit ? task : new EvaluationTask(name, some(all), form, computed), method);
  }

  /** As many as the limit says, evenly from the first to the last, because files are often sorted by their answers. */
  private List<EvaluationItem> some(List<EvaluationItem> all) {
    List<EvaluationItem> some = new ArrayList<>();
    for (long i = 0; i < limit; i++) {
      some.add(all.get((int) (i * all.size() / limit)));
    }
    return some;
  }

  private List<EvaluationItem> items(String name, DataSource source) {
    Consumer<String> remarks = remark -> notes.accept("task " + name + ": " + remark);
    if (cut.isEmpty()) {
      return EvaluationItems.read(source, remarks);
    }
    EvaluationItems.Fitted fitted = EvaluationItems.readCut(source, cut.get(), remarks);
    if (fitted.cut() > 0) {
      notes.accept(
          "task %s: cut the documents of %,d of %,d items to fit max_length"
              .formatted(name, fitted.cut(), fitted.items().size()));
    }
    return fitted.items();
  }

  /** A task's own metric first, and the others that the same answers give. */
  private static List<Metric> computed(Optional<Metric> own, Metric.Form form) {
    if (own.isEmpty()) {
      return form == Metric.Form.LABELS ? OF_LABELS : OF_TEXT;
    }
    Set<Metric> all = new LinkedHashSet<>(List.of(own.get()));
    Arrays.stream(Metric.values()).filter(metric -> metric.form() == form).forEach(all::add);
    return List.copyOf(all);
  }

  /** What is learnt must be among the labels too; the file's own faults are found where it is read for learning. */
  private static void requireKnown(String name, DataSource train, AnswerForm form, List<Metric> metrics) {
    List<EvaluationItem> items;
    try {
      items = EvaluationItems.read(train);
    } catch (InvalidInputException _) {
      return; // Plain text, for instance, has no answers that could be wrong.
    }
    new EvaluationTask(name, items, form, metrics);
  }

  /** The form of answers that is asked for. */
  private Metric.Form wanted(Optional<Metric> own, List<String> known, Method method) {
    boolean byLikelihood = method != Method.GENERATION;
    for (Metric metric : metrics) {
      Metric first = metrics.getFirst();
      if (metric.form() != first.form()) {
        throw new InvalidInputException(
            "--metric: "
                + first.label()
                + " and "
                + metric.label()
                + " are for answers of different forms; score twice");
      }
      if (metric.form() != Metric.Form.LABELS && (!known.isEmpty() || byLikelihood)) {
        throw new InvalidInputException(
            "--metric: "
                + metric.label()
                + " is not for labels, which "
                + (known.isEmpty() ? "--method likelihood" : "--labels")
                + " asks for; expected one of accuracy, balanced_accuracy, macro_f1, weighted_f1,"
                + " matthews_correlation");
      }
    }
    if (!metrics.isEmpty()) {
      return metrics.getFirst().form();
    }
    return own.map(Metric::form).orElse(known.isEmpty() && !byLikelihood ? Metric.Form.TEXT : Metric.Form.LABELS);
  }

  private static boolean isSame(DataSource one, DataSource other) {
    return one.file().equals(other.file()) && one.part().equals(other.part());
  }

  private LabelForm labels(
      String name,
      List<String> known,
      Optional<String> mark,
      List<EvaluationItem> items,
      DataSource source,
      DataSource answers) {
    if (!known.isEmpty()) {
      return new LabelForm(known);
    }
    List<EvaluationItem> learnt = isSame(answers, source) ? items : EvaluationItems.read(answers.whole());
    LabelForm form =
        LabelForm.ofAnswers(
            learnt.stream()
                .map(EvaluationItem::gold)
                .map(gold -> mark.flatMap(text -> AnswerAfter.rest(text, gold)).orElse(gold))
                .toList());
    if (form.labels().size() > MOST_LABELS) {
      throw new InvalidInputException(
          "task %s: %s has %d different answers, so they are no labels; name the labels, or take the metric exact_match"
              .formatted(name, answers.file(), form.labels().size()));
    }
    notes.accept("task " + name + ": labels as in " + answers.file() + ": " + String.join(", ", form.labels()));
    return form;
  }
}
