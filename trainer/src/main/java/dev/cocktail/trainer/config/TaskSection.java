package dev.cocktail.trainer.config;

import dev.cocktail.eval.EvaluationSettings;
import dev.cocktail.eval.answer.LabelForm;
import dev.cocktail.eval.metric.Metric;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.data.DataPart;
import dev.cocktail.trainer.data.DataSource;
import dev.cocktail.trainer.data.LeakAudit;
import dev.cocktail.trainer.data.SourceRecord;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.yaml.snakeyaml.Yaml;

/** One of {@code tasks}: its data, and what is asked of them. */
@Described(
    value =
        "A description of the task: a shipped one's name, or a YAML file of these keys; the keys given here come before"
            + " its own, and null takes one away.",
    whenAbsent = "all keys are here")
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
    @Key("Parts of one file, where train, validation and test are not files of their own.") SplitSection split,
    @Key("How the files are read.") FormatSection format,
    @Key(
            value =
                "Fields whose values say which records are not independent, such as [page] or [sentence]; compared"
                    + " without case, white space and web addresses.",
            whenAbsent = "the field cluster, where a record has it")
        List<String> cluster,
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
                    + " free text token_probability (the mean inverse perplexity of the right answers), for numbers"
                    + " numeric_match.",
            whenAbsent = "no answers, only losses")
        Optional<Metric> metric,
    @Key(value = "The labels, for metrics of labels.", whenAbsent = "the different answers of the training examples")
        List<String> labels,
    @Key(
            value =
                "The answer is what follows the last of these in what the assistant says, such as '####' after a"
                    + " calculation.",
            whenAbsent = "the answer is all that the assistant says")
        Optional<String> answerAfter,
    @Key(
            value =
                "Where answers come from: generation (the model writes them), likelihood (of the labels the likeliest),"
                    + " or mean_likelihood (the likeliest a token).",
            defaultsTo = "generation")
        EvaluationSettings.Method method)
    implements Checked {
  public TaskSection {
    labels = List.copyOf(labels);
    cluster = List.copyOf(cluster);
    validation = validation.or(() -> Optional.of(train).filter(_ -> split.validation() > 0));
    test = test.or(() -> Optional.of(train).filter(_ -> split.test() > 0));
  }

  /**
   * A task on one file, as a description says.
   *
   * @param description a shipped one's name, or a YAML file
   * @param folder where relative paths start
   * @param file what is read; without it, the description's own files
   * @throws InvalidInputException as {@link RunFile#read} does
   */
  public static TaskSection described(String description, Path folder, Optional<Path> file) {
    Map<String, Object> keys = new LinkedHashMap<>();
    keys.put(Described.KEY, description);
    file.ifPresent(data -> {
      keys.put("train", data.toAbsolutePath().toString());
      keys.put("test", data.toAbsolutePath().toString());
      keys.put("validation", null);
      keys.put("split", null);
    });
    return new SectionReader(description, folder.toAbsolutePath().normalize(), description)
        .read(new Yaml().dump(keys), TaskSection.class);
  }

  /** The same task under another name. */
  public TaskSection named(String other) {
    return Sections.with(this, "name", other);
  }

  /** The names of the shipped descriptions. */
  public static List<String> descriptions() {
    return Descriptions.shipped();
  }

  /** The training examples, and what is to be made of them. */
  public DataSource trainSource() {
    return source(train, DataPart.Kind.TRAIN);
  }

  /** The validation examples, if there are any. */
  public Optional<DataSource> validationSource() {
    return validation.map(file -> source(file, DataPart.Kind.VALIDATION));
  }

  /** The test examples, if there are any. */
  public Optional<DataSource> testSource() {
    return test.map(file -> source(file, DataPart.Kind.TEST));
  }

  /** The task's sets of examples, as {@link LeakAudit} compares them. */
  public List<LeakAudit.DataSet> dataSets() {
    List<LeakAudit.DataSet> sets = new ArrayList<>();
    sets.add(new LeakAudit.DataSet(name, DataPart.Kind.TRAIN, trainSource()));
    validationSource().ifPresent(source -> sets.add(new LeakAudit.DataSet(name, DataPart.Kind.VALIDATION, source)));
    testSource().ifPresent(source -> sets.add(new LeakAudit.DataSet(name, DataPart.Kind.TEST, source)));
    return sets;
  }

  private DataSource source(Path file, DataPart.Kind kind) {
    return new DataSource(
        file,
        format.toDataFormat(),
        template.toTaskTemplate(),
        system,
        learn,
        roles.byValue(),
        cluster,
        split.part(kind, kind == DataPart.Kind.TRAIN || file.equals(train)));
  }

  /** The same task with no more than so many training examples. */
  public TaskSection limitedTo(int examples) {
    int most = Math.min(examples, maxExamples.orElse(Integer.MAX_VALUE));
    return Sections.with(this, "maxExamples", OptionalInt.of(most));
  }

  private void checkSplit(Place place) {
    boolean isUsed = split.validation() > 0 && validation.filter(train::equals).isPresent();
    if (split.validation() > 0 && !isUsed) {
      throw place.wrong("split.validation", "there is a file with validation examples too; remove one of the two");
    }
    if (split.test() > 0 && test.filter(train::equals).isEmpty()) {
      throw place.wrong("split.test", "there is a file with test examples too; remove one of the two");
    }
  }

  private void checkMetric(Place place) {
    boolean forLabels = metric.isEmpty() || metric.get().form() == Metric.Form.LABELS;
    if (!forLabels && !labels.isEmpty()) {
      throw place.wrong("metric", "'" + metric.get().label() + "' is not for labels, which are given; remove one");
    }
    if (!forLabels && method != EvaluationSettings.Method.GENERATION) {
      throw place.wrong(
          "method", "chooses among labels, which the metric '" + metric.get().label() + "' is not for; remove one");
    }
    if (answerAfter.isPresent() && method != EvaluationSettings.Method.GENERATION) {
      throw place.wrong(
          "method", "chooses among whole answers, so that nothing comes before them; remove answer_after");
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
    for (int i = 0; i < cluster.size(); i++) {
      if (cluster.indexOf(cluster.get(i)) < i) {
        throw place.wrong(
            "cluster[" + i + "]", "'" + Scalars.shortened(cluster.get(i)) + "' is there already; remove one");
      }
    }
    checkSplit(place);
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
