package dev.cocktail.trainer.config;

import dev.cocktail.eval.EvaluationSettings;
import dev.cocktail.eval.answer.LabelForm;
import dev.cocktail.eval.metric.Metric;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.data.DataSource;
import dev.cocktail.trainer.data.SourceRecord;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** One of {@code tasks}: its data. */
public record TaskSection(
    @Key("Short name of the task, for reports and files; letters, digits, dots, hyphens, underscores.") String name,
    @Key(
            "Training examples, JSONL, JSON, CSV or Parquet: records of messages, of prompt and completion, of"
                + " conversations, of instruction and output, or of text; others need a template.")
        Path train,
    @Key(
            value = "Learn from so many of the training examples only, where there are more.",
            whenAbsent = "all",
            atLeast = 1)
        OptionalInt maxExamples,
    @Key(
            value = "Decides which examples max_examples keeps; the same ones whatever the task is mixed with.",
            whenAbsent = "training.seed")
        OptionalLong seed,
    @Key(value = "Validation examples, of the same form.", whenAbsent = "no validation loss for the task")
        Optional<Path> validation,
    @Key(value = "Test examples, of the same form; not looked at while training.", whenAbsent = "none")
        Optional<Path> test,
    @Key("How the files are read.") FormatSection format,
    @Key(value = "The system message of conversations that have none.", whenAbsent = "none") Optional<String> system,
    @Key("Makes conversations of records with fields of any names.") TemplateSection template,
    @Key(
            value =
                "What other roles than system, user, assistant, human and gpt mean, such as {function_call: assistant,"
                    + " observation: user}.",
            whenAbsent = "they are errors")
        ValueNames roles,
    @Key(value = "Which turns of the assistant are learnt: all, or the last of each conversation.", defaultsTo = "all")
        SourceRecord.Learn learn,
    @Key(
            value =
                "What right answers are counted by, on validation and test examples: for labels accuracy,"
                    + " balanced_accuracy, macro_f1, weighted_f1 or matthews_correlation, for text exact_match, for"
                    + " numbers numeric_match.",
            whenAbsent = "no answers, only losses")
        Optional<Metric> metric,
    @Key(value = "The labels, for metrics of labels.", whenAbsent = "the different answers of the training examples")
        List<String> labels,
    @Key(
            value =
                "Where answers come from: generation (the model writes them), likelihood (of the labels the likeliest),"
                    + " or mean_likelihood (the likeliest a token).",
            defaultsTo = "generation")
        EvaluationSettings.Method method)
    implements Checked {
  public TaskSection {
    labels = List.copyOf(labels);
  }

  /** One of the task's files, and what is to be made of it. */
  public DataSource source(Path file) {
    return new DataSource(file, format.toDataFormat(), template.toTaskTemplate(), system, learn, roles.byValue());
  }

  /** The same task with no more than so many training examples. */
  public TaskSection limitedTo(int examples) {
    int most = Math.min(examples, maxExamples.orElse(Integer.MAX_VALUE));
    return Sections.with(this, "maxExamples", OptionalInt.of(most));
  }

  private void checkMetric(Place place) {
    boolean forLabels = metric.isEmpty() || metric.get().form() == Metric.Form.LABELS;
    if (metric.isPresent() && validation.isEmpty() && test.isEmpty()) {
      throw place.wrong("metric", "there are no answers to count; name examples under validation or test");
    }
    if (!forLabels && !labels.isEmpty()) {
      throw place.wrong("metric", "'" + metric.get().label() + "' is not for labels, which are given; remove one");
    }
    if (!forLabels && method != EvaluationSettings.Method.GENERATION) {
      throw place.wrong(
          "method", "chooses among labels, which the metric '" + metric.get().label() + "' is not for; remove one");
    }
    if (!labels.isEmpty()) {
      try {
        new LabelForm(labels);
      } catch (InvalidInputException e) {
        throw place.wrong("labels", e.getMessage());
      }
    }
  }

  @Override
  public void check(Place place) {
    checkMetric(place);
    roles
        .byValue()
        .forEach((role, meaning) -> {
          if (!List.of("system", "user", "assistant").contains(meaning)) {
            throw place.wrong(
                "roles." + Scalars.shortened(role),
                "'" + Scalars.shortened(meaning) + "' is not one of: system, user, assistant");
          }
        });
    if (seed.isPresent() && maxExamples.isEmpty()) {
      throw place.wrong("seed", "decides which examples max_examples keeps, but there is no max_examples; remove it");
    }
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,99}")) {
      throw place.wrong(
          "name",
          "'"
              + name
              + "' is no name for a task; expected up to 100 letters, digits, dots, hyphens and underscores,"
              + " the first a letter or digit");
    }
  }
}
