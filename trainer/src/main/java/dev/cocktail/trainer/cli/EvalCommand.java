package dev.cocktail.trainer.cli;

import dev.cocktail.eval.Evaluation;
import dev.cocktail.eval.EvaluationSettings;
import dev.cocktail.eval.EvaluationSettings.Method;
import dev.cocktail.eval.EvaluationTask;
import dev.cocktail.eval.Evaluator;
import dev.cocktail.eval.ItemsFile;
import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.answer.LabelForm;
import dev.cocktail.eval.metric.Metric;
import dev.cocktail.lora.AdaptedModel;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.EvaluationSummary;
import dev.cocktail.trainer.EvaluationTasks;
import dev.cocktail.trainer.Interruption;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.TaskSection;
import dev.cocktail.trainer.data.DocumentCut;
import dev.cocktail.transformer.Phi3Config;
import dev.cocktail.transformer.text.ChatEncoder;
import dev.cocktail.transformer.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code cocktail eval}: scores a model on tasks. */
@Command(
    name = "eval",
    description = "Scores a model, with or without an adapter, on one data set or on the tasks of a run file.",
    mixinStandardHelpOptions = true)
final class EvalCommand extends CocktailCommand {
  @Option(
      names = "--model",
      paramLabel = "DIR",
      description = "A Hugging Face model folder; with --run, that of the run file is the default.")
  private Path model;

  @Option(names = "--adapter", paramLabel = "DIR", description = "A LoRA adapter of that model, in PEFT's files.")
  private Path adapter;

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description =
          "Questions with right answers, JSONL, JSON, CSV or Parquet: records of messages, of prompt and completion, or"
              + " what the description of --task reads.")
  private Path data;

  @Option(names = "--name", paramLabel = "NAME", description = "The task's name with --data (default: the file's).")
  private String name;

  @Option(
      names = "--run",
      paramLabel = "RUN.yaml",
      description = "Score the tasks of a run file, each on its test file, or else on its validation file.")
  private Path run;

  @Option(
      names = "--task",
      paramLabel = "NAME",
      description =
          "With --run only this task of the run file; may be given several times. Without it a description of a task: a"
              + " shipped one's name or a YAML file, on the file of --data or else on its own.")
  private List<String> tasks = new ArrayList<>();

  @Option(
      names = "--metric",
      paramLabel = "NAME",
      split = ",",
      description =
          "accuracy, balanced_accuracy, macro_f1, weighted_f1, matthews_correlation (of labels), exact_match (of"
              + " text) or numeric_match; several with commas.")
  private List<String> metrics = new ArrayList<>();

  @Option(
      names = "--labels",
      paramLabel = "LABEL",
      split = ",",
      description =
          "The labels, with commas between. By default the different answers of the data, with --run those of the"
              + " task's training file.")
  private List<String> labels = new ArrayList<>();

  @Option(
      names = "--method",
      paramLabel = "METHOD",
      description =
          "generation: the model writes its answer. likelihood: the label with the largest log-likelihood, summed over"
              + " its tokens; mean-likelihood: with the largest mean over its tokens (default: the run file's, or"
              + " generation).")
  private String method;

  @Option(
      names = "--max-new-tokens",
      paramLabel = "N",
      description =
          "Most tokens of a written answer (default: the run file's, or "
              + EvaluationSettings.DEFAULT_NEW_TOKENS
              + ").")
  private Integer maxNewTokens;

  @Option(
      names = "--batch-tokens",
      paramLabel = "N",
      description =
          "Most tokens computed or cached at once, which is what it needs of memory (default: the run file's, or "
              + EvaluationSettings.DEFAULT_BATCH_TOKENS
              + ").")
  private Integer batchTokens;

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "Only N items of each task, evenly from its first to its last.")
  private int limit = Integer.MAX_VALUE;

  @Option(
      names = "--items",
      paramLabel = "FILE.jsonl",
      description = "Write one line an item: prompt, answer, what was read, what was right.")
  private Path items;

  @Option(names = "--overwrite", description = "Write --items over a file that is there already.")
  private boolean overwrite;

  @Override
  public Integer call() {
    RunFile runFile = run == null ? null : shared().apply(RunFile.read(run));
    checkOptions(runFile);
    Path folder = model == null ? runFile.model() : model;
    List<EvaluationTasks.Asked> asked = asked(runFile, folder);
    checkItems(asked);
    try (Device device = openDevice(runFile);
        AdaptedModel opened = AdaptedModel.open(folder, Optional.ofNullable(adapter), device);
        var interruption = Interruption.watch()) {
      note("scoring " + folder + (adapter == null ? ", without an adapter" : " with " + adapter));
      List<Evaluation> done = new ArrayList<>();
      for (EvaluationTasks.Asked one : asked) {
        var settings =
            new EvaluationSettings(one.method(), maxNewTokens(runFile), tokensAtOnce(runFile), opened.stopIds());
        var evaluator = new Evaluator(opened.model(), opened.transform(), opened.encoder(), settings);
        note(
            "task %s: %,d items, by %s"
                .formatted(
                    one.task().name(),
                    one.task().items().size(),
                    one.method().name().toLowerCase(Locale.ROOT).replace('_', '-')));
        done.add(evaluator.evaluate(one.task(), () -> requireGoingOn(interruption)));
      }
      if (items != null) {
        ItemsFile.write(items, done);
        note("wrote the items to " + items);
      }
      done.forEach(shared().json() ? evaluation -> printJson(summary(evaluation)) : this::print);
      out().flush();
      return DONE;
    }
  }

  private void requireGoingOn(Interruption interruption) {
    if (interruption.requested()) {
      throw interrupted("stopped before all questions were answered; nothing was written");
    }
  }

  // What was asked

  /** The device with the precision that was asked for, else with that of the run. */
  private Device openDevice(RunFile runFile) {
    return runFile == null ? shared().openDevice(this::note) : shared().openDevice(runFile, this::note);
  }

  private List<EvaluationTasks.Asked> asked(RunFile runFile, Path folder) {
    if (runFile == null && tasks.isEmpty()) {
      return List.of(maker(Optional.empty()).ofFile(dataName(), data));
    }
    if (runFile == null) {
      return List.of(described(folder));
    }
    if (!runFile.training().onTooLong().cuts()) {
      return maker(Optional.empty()).ofRun(runFile, run, tasks);
    }
    int maxLength = Math.min(runFile.training().maxLength(), Phi3Config.read(folder).maxPositions());
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      var cut = new DocumentCut(ChatEncoder.of(tokenizer), maxLength);
      return maker(Optional.of(cut)).ofRun(runFile, run, tasks);
    }
  }

  /** The task of a description; documents are cut to the model's context. */
  private EvaluationTasks.Asked described(Path folder) {
    String description = tasks.getFirst();
    TaskSection section = TaskSection.described(description, Path.of(""), Optional.ofNullable(data));
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      var cut = new DocumentCut(ChatEncoder.of(tokenizer), Phi3Config.read(folder).maxPositions());
      return maker(Optional.of(cut)).ofTask(name == null ? section : section.named(name), description);
    }
  }

  private EvaluationTasks maker(Optional<DocumentCut> cut) {
    return new EvaluationTasks(
        metrics.stream().map(Metric::of).distinct().toList(), labels, method(), limit, cut, this::note);
  }

  private void checkOptions(RunFile runFile) {
    if (data != null && runFile != null || data == null && runFile == null && tasks.isEmpty()) {
      throw new InvalidInputException(
          "give either --data FILE, or --run RUN.yaml, or --task DESCRIPTION, so that there is a task");
    }
    if (runFile == null && model == null) {
      throw new InvalidInputException("--model is missing: the folder of the model to score");
    }
    if (name != null && runFile != null) {
      throw new InvalidInputException("--name is for --data; tasks of a run file have their names");
    }
    if (tasks.size() > 1 && runFile == null) {
      throw new InvalidInputException("--task is given several times, which is for the tasks of --run; score twice");
    }
    if (overwrite && items == null) {
      throw new InvalidInputException("--overwrite is for the file of --items; give that, or leave --overwrite out");
    }
    if (limit < 1) {
      throw new InvalidInputException("--limit is " + limit + "; expected at least 1 item");
    }
  }

  private Optional<Method> method() {
    if (method == null) {
      return Optional.empty();
    }
    return Optional.of(
        switch (method.strip().toLowerCase(Locale.ROOT)) {
          case "generation" -> Method.GENERATION;
          case "likelihood" -> Method.LIKELIHOOD;
          case "mean-likelihood" -> Method.MEAN_LIKELIHOOD;
          default ->
              throw new InvalidInputException(
                  "--method is '" + method + "'; expected generation, likelihood or mean-likelihood");
        });
  }

  private String dataName() {
    return name != null ? name : data.getFileName().toString().replaceFirst("\\.(jsonl?|csv|tsv|parquet)$", "");
  }

  private int maxNewTokens(RunFile runFile) {
    if (maxNewTokens != null) {
      return maxNewTokens;
    }
    return runFile == null ? EvaluationSettings.DEFAULT_NEW_TOKENS : runFile.evaluation().maxNewTokens();
  }

  private int tokensAtOnce(RunFile runFile) {
    if (batchTokens != null) {
      return batchTokens;
    }
    return runFile == null
        ? EvaluationSettings.DEFAULT_BATCH_TOKENS
        : Math.max(runFile.evaluation().tokensAtOnce(runFile.training()), runFile.training().maxLength());
  }

  /** Finds out before the work whether its result has a place that is nobody else's. */
  private void checkItems(List<EvaluationTasks.Asked> asked) {
    if (items == null) {
      return;
    }
    if (Files.isDirectory(items)) {
      throw new InvalidInputException("--items: " + items + " is a folder; expected the name of a file");
    }
    Path folder = items.toAbsolutePath().getParent();
    if (!Files.isDirectory(folder)) {
      throw new InvalidInputException("--items: there is no folder " + folder + "; make it first");
    }
    for (EvaluationTasks.Asked one : asked) {
      EvaluationTask task = one.task();
      String origin = task.items().getFirst().origin();
      if (isSame(Path.of(origin.substring(0, origin.lastIndexOf(':'))))) {
        throw new InvalidInputException(
            "--items: " + items + " holds the questions of task " + task.name() + "; name another file");
      }
    }
    if (Files.exists(items) && !overwrite) {
      throw new InvalidInputException(
          "--items: " + items + " is there already; name another file, or give --overwrite to replace it");
    }
  }

  private boolean isSame(Path other) {
    try {
      return Files.exists(items) && Files.isSameFile(items, other);
    } catch (IOException _) {
      return false; // What cannot be compared cannot be read either, which is said elsewhere.
    }
  }

  // What came out

  private static Map<String, Object> summary(Evaluation evaluation) {
    Map<String, Object> summary = new LinkedHashMap<>();
    summary.put("task", evaluation.task().name());
    if (evaluation.task().form() instanceof LabelForm form) {
      summary.put("labels", form.labels());
    }
    summary.putAll(EvaluationSummary.of(evaluation));
    return summary;
  }

  private void print(Evaluation evaluation) {
    String cut = evaluation.cut() == 0 ? "" : ", %,d answers cut".formatted(evaluation.cut());
    out()
        .printf(
            Locale.ROOT,
            "%s: %,d items, loss %.4f%s%n",
            evaluation.task().name(),
            evaluation.items().size(),
            evaluation.loss().orElse(Double.NaN),
            cut);
    out().printf(Locale.ROOT, "  %-22s %8s %8s%n", "", "strict", "lenient");
    for (Metric metric : evaluation.task().metrics()) {
      row(metric.label(), reading -> evaluation.value(metric, reading));
    }
    row("unreadable", evaluation::unreadable);
  }

  private void row(String title, Function<Reading, OptionalDouble> value) {
    out()
        .printf(
            Locale.ROOT,
            "  %-22s %8.4f %8.4f%n",
            title,
            value.apply(Reading.STRICT).orElse(Double.NaN),
            value.apply(Reading.LENIENT).orElse(Double.NaN));
  }
}
