package dev.cocktail.trainer.cli;

import dev.cocktail.eval.EvaluationItem;
import dev.cocktail.eval.EvaluationTask;
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
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Makes tasks of files and of what was asked of all of them.
 *
 * @param metrics what to compute; empty for what suits the answers
 * @param labels the labels, empty where they follow from the data
 * @param byLikelihood whether answers are chosen among labels, so that there must be some
 * @param limit only so many items of each file, from its beginning
 * @param cut cuts documents that are too long; without it they stay whole
 * @param notes told what follows from the data
 */
record EvalTasks(
    List<Metric> metrics,
    List<String> labels,
    boolean byLikelihood,
    int limit,
    Optional<DocumentCut> cut,
    Consumer<String> notes) {
  /** More different answers than these are no labels. */
  private static final int MOST_LABELS = 200;

  private static final List<Metric> OF_LABELS = List.of(Metric.ACCURACY, Metric.MACRO_F1, Metric.MATTHEWS_CORRELATION);

  /** One file; where no labels were given, they are its own answers. */
  EvaluationTask ofFile(String name, Path file) {
    DataSource source = DataSource.of(file);
    return task(name, source, source);
  }

  /** The tasks of a run file, all or those of the names, each with its test file or else its validation file. */
  List<EvaluationTask> ofRun(RunFile run, Path runFile, List<String> names) {
    List<String> known = run.tasks().stream().map(TaskSection::name).toList();
    for (String name : names) {
      if (!known.contains(name)) {
        throw new InvalidInputException(
            "--task: " + runFile + " has no task '" + name + "'" + NearestName.hint(name, known));
      }
    }
    List<EvaluationTask> tasks = new ArrayList<>();
    for (TaskSection section : run.tasks()) {
      if (!names.isEmpty() && !names.contains(section.name())) {
        continue;
      }
      Path file =
          section
              .test()
              .or(section::validation)
              .orElseThrow(() ->
                  new InvalidInputException(
                      runFile
                          + ": task "
                          + section.name()
                          + " has neither test nor validation examples; name a file under one of these keys"));
      tasks.add(task(section.name(), section.source(file), section.source(section.train())));
    }
    return tasks;
  }

  private EvaluationTask task(String name, DataSource source, DataSource answers) {
    List<EvaluationItem> all = items(name, source);
    Metric.Form wanted = wanted();
    AnswerForm form =
        switch (wanted) {
          case TEXT -> new TextForm();
          case NUMBER -> new NumberForm();
          case LABELS -> labels(name, all, source, answers);
        };
    List<Metric> computed =
        !metrics.isEmpty() ? metrics : wanted == Metric.Form.LABELS ? OF_LABELS : List.of(Metric.EXACT_MATCH);
    // All of the file's answers are checked, not only those that are looked at.
    var task = new EvaluationTask(name, all, form, computed);
    return all.size() <= limit ? task : new EvaluationTask(name, all.subList(0, limit), form, computed);
  }

  private List<EvaluationItem> items(String name, DataSource source) {
    if (cut.isEmpty()) {
      return EvaluationItems.read(source);
    }
    EvaluationItems.Fitted fitted = EvaluationItems.readCut(source, cut.get());
    if (fitted.cut() > 0) {
      notes.accept(
          "task %s: cut the documents of %,d of %,d items to fit max_length"
              .formatted(name, fitted.cut(), fitted.items().size()));
    }
    return fitted.items();
  }

  /** The form of answers that the options ask for. */
  private Metric.Form wanted() {
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
      if (metric.form() != Metric.Form.LABELS && (!labels.isEmpty() || byLikelihood)) {
        throw new InvalidInputException(
            "--metric: "
                + metric.label()
                + " is not for labels, which "
                + (labels.isEmpty() ? "--method likelihood" : "--labels")
                + " asks for; expected one of accuracy, balanced_accuracy, macro_f1, weighted_f1,"
                + " matthews_correlation");
      }
    }
    if (!metrics.isEmpty()) {
      return metrics.getFirst().form();
    }
    return labels.isEmpty() && !byLikelihood ? Metric.Form.TEXT : Metric.Form.LABELS;
  }

  private LabelForm labels(String name, List<EvaluationItem> items, DataSource source, DataSource answers) {
    if (!labels.isEmpty()) {
      return new LabelForm(labels);
    }
    List<EvaluationItem> known = answers.file().equals(source.file()) ? items : EvaluationItems.read(answers);
    LabelForm form = LabelForm.ofAnswers(known.stream().map(EvaluationItem::gold).toList());
    if (form.labels().size() > MOST_LABELS) {
      throw new InvalidInputException(
          "task %s: %s has %d different answers, so they are no labels; give --labels, or --metric exact_match"
              .formatted(name, answers.file(), form.labels().size()));
    }
    notes.accept("task " + name + ": labels as in " + answers.file() + ": " + String.join(", ", form.labels()));
    return form;
  }
}
