package dev.cocktail.trainer.demo;

import dev.cocktail.eval.Evaluation;
import dev.cocktail.eval.ItemsFile;
import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.statistics.Estimate;
import dev.cocktail.eval.statistics.PairedDifference;
import dev.cocktail.tensor.Device;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.Interruption;
import dev.cocktail.trainer.RunMetrics;
import dev.cocktail.trainer.TrainingListener;
import dev.cocktail.trainer.cli.CocktailCommand;
import dev.cocktail.trainer.config.RunFile;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code cocktail demo}: the whole story on a small model that comes with the program. */
@Command(
    name = "demo",
    description =
        "Fine-tunes the bundled small model on each of four bundled tasks and on all of them together, compares the"
            + " adapters on all tasks, and writes a report.",
    mixinStandardHelpOptions = true,
    subcommands = BaseMaterialCommand.class)
public final class DemoCommand extends CocktailCommand {
  /** What stands beside the share that a single answer to all questions would have right. */
  static final String CONSTANT = "one answer always";

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description =
          "The folder for the model, the data, the runs and the report: a new one, or that of a demo that goes on"
              + " (default: runs/demo, or the next number, whichever is free or was interrupted).")
  private Path output;

  @Override
  public Integer call() {
    return demo(DemoSize.WHOLE);
  }

  /** The demo at a size; tests make it smaller. */
  int demo(DemoSize size) {
    try (Device device = shared().openDevice(this::note); // First: a refusal leaves no files behind.
        DemoFolder folder = output == null ? DemoFolder.next(Path.of("runs"), size) : DemoFolder.named(output, size);
        var interruption = Interruption.watch()) {
      describe(folder, size);
      DemoResults results = compare(folder.path(), device, interruption::requested);
      results
          .evaluations()
          .forEach((arm, tasks) ->
              ItemsFile.write(folder.path().resolve(arm.name() + ".items.jsonl"), List.copyOf(tasks.values())));
      new DemoReport(results, size, device.name()).page().write(folder.report());
      if (shared().json()) {
        printJson(summary(folder, results));
      } else {
        print(folder, results);
      }
      return DONE;
    }
  }

  @Override
  protected String howToGoOn() {
    return "./cocktail demo" + (output == null ? "" : " --output " + output) + " goes on";
  }

  private void describe(DemoFolder folder, DemoSize size) {
    if (folder.goesOn()) {
      note("Going on with the demo in " + folder.path() + ", with what it has learnt already.");
    }
    note(
        "The demo's files are in "
            + folder.path()
            + ": a small Phi-3 model that knows financial news but no task, four");
    note(
        "tasks with %,d training examples each, and a run file for each of five adapters."
            .formatted(size.trainItems()));
    for (DemoTask task : DemoTask.values()) {
      note("  " + task.label() + ": " + task.description());
    }
    note(
        "Every adapter gets the same budget: %,d steps of up to %,d tokens."
            .formatted(size.steps(), DemoSize.TOKENS_PER_STEP));
  }

  private DemoResults compare(Path folder, Device device, BooleanSupplier stop) {
    var evaluation = new DemoEvaluation(folder, device);
    Map<DemoArm, Map<DemoTask, Evaluation>> evaluations = new LinkedHashMap<>();
    Map<DemoArm, RunMetrics> metrics = new LinkedHashMap<>();
    List<DemoArm> arms = DemoArm.all();
    for (int number = 0; number < arms.size(); number++) {
      DemoArm arm = arms.get(number);
      String place = "[%d/%d] %s: ".formatted(number + 1, arms.size(), arm.title());
      Optional<Path> adapter = Optional.empty();
      note("");
      if (arm.runFile().isPresent()) {
        note(place + "training");
        RunFile run = shared().apply(RunFile.read(folder.resolve(arm.runFile().get())));
        FineTuning.Result result = fineTune(run, device, true, new TrainingListener() {});
        metrics.put(arm, RunMetrics.read(result.folder()));
        adapter = Optional.of(result.trained());
      }
      note(place + "answering the test questions of all tasks");
      Map<DemoTask, Evaluation> answers = evaluation.of(adapter, () -> requireGoingOn(stop));
      evaluations.put(arm, answers);
      answers.forEach((task, answered) -> note("  " + task.label() + ": " + share(right(answered))));
    }
    note("");
    note("Drawing the test questions again and again, to see how sure all that is.");
    return DemoResults.of(evaluations, metrics);
  }

  private void requireGoingOn(BooleanSupplier stop) {
    if (stop.getAsBoolean()) {
      throw interrupted("stopped; all that was learnt is saved; " + howToGoOn());
    }
  }

  private static double right(Evaluation evaluation) {
    return evaluation.value(evaluation.task().metrics().getFirst(), Reading.STRICT).orElse(Double.NaN);
  }

  private static String share(double share) {
    return String.format(Locale.ROOT, "%.1f %% right", 100 * share);
  }

  private void print(DemoFolder folder, DemoResults results) {
    out().println("Right answers on the test sets, in %, with 95 % intervals");
    List<DemoTask> tasks = List.of(DemoTask.values());
    printRow("", tasks.stream().map(DemoTask::label));
    printRow(CONSTANT, tasks.stream().map(task -> String.format(Locale.ROOT, "%.1f", 100 * results.constant(task))));
    results.scores().forEach((arm, row) -> printRow(arm.title(), row.values().stream().map(DemoCommand::percent)));
    out().println();
    out()
        .println(
            "Cocktail less the task alone, in points, with 95 % intervals; p adjusted for asking four times (Holm)");
    results
        .differences()
        .forEach((task, difference) ->
            out()
                .printf(
                    Locale.ROOT,
                    "%-18s%-24sp %-8s%s%n",
                    task.label(),
                    points(difference),
                    probability(results.verdicts().get(task).probability()),
                    results.verdicts().get(task).finding().words()));
    out().println();
    results.sentences().forEach(out()::println);
    out().println();
    out().println("The report: " + folder.report());
    out()
        .println(
            "Ask it yourself: ./cocktail generate --model "
                + folder.path().resolve("base")
                + " --adapter "
                + folder.path().resolve(DemoArm.COCKTAIL.name()).resolve("adapter")
                + " --prompt 'Is this news negative, neutral or positive? Net sales of Oakgate Group fell.'");
  }

  private void printRow(String title, Stream<String> cells) {
    String row = "%-18s".formatted(title) + cells.map("%-24s"::formatted).collect(Collectors.joining());
    out().println(row.stripTrailing());
  }

  static String percent(Estimate estimate) {
    return String.format(
        Locale.ROOT,
        "%.1f (%.1f to %.1f)",
        100 * estimate.value(),
        100 * estimate.interval().low(),
        100 * estimate.interval().high());
  }

  static String points(PairedDifference difference) {
    return String.format(
        Locale.ROOT,
        "%+.1f (%+.1f to %+.1f)",
        100 * difference.value(),
        100 * difference.interval().low(),
        100 * difference.interval().high());
  }

  static String probability(double p) {
    return p < 0.001 ? "< 0.001" : String.format(Locale.ROOT, "%.3f", p);
  }

  private static Map<String, Object> summary(DemoFolder folder, DemoResults results) {
    Map<String, Object> scores = new LinkedHashMap<>();
    results
        .scores()
        .forEach((arm, row) -> {
          Map<String, Object> byTask = new LinkedHashMap<>();
          row.forEach((task, estimate) ->
              byTask.put(
                  task.label(), List.of(estimate.value(), estimate.interval().low(), estimate.interval().high())));
          scores.put(arm.name(), byTask);
        });
    Map<String, Object> constants = new LinkedHashMap<>();
    for (DemoTask task : DemoTask.values()) {
      constants.put(task.label(), results.constant(task));
    }
    Map<String, Object> differences = new LinkedHashMap<>();
    results
        .differences()
        .forEach((task, difference) -> {
          Map<String, Object> row = new LinkedHashMap<>();
          row.put("value", difference.value());
          row.put("interval", List.of(difference.interval().low(), difference.interval().high()));
          row.put("p", difference.probability());
          row.put("p_adjusted", results.verdicts().get(task).probability());
          row.put("finding", results.verdicts().get(task).finding().name().toLowerCase(Locale.ROOT));
          differences.put(task.label(), row);
        });
    Map<String, Object> adapters = new LinkedHashMap<>();
    results
        .metrics()
        .forEach((arm, metrics) -> {
          Map<String, Object> row = new LinkedHashMap<>();
          row.put("adapter", folder.path().resolve(arm.name()).resolve("adapter").toString());
          row.put("steps", metrics.steps().size());
          row.put("tokens", metrics.tokens());
          row.put("supervised_tokens", metrics.supervisedTokens());
          adapters.put(arm.name(), row);
        });
    Map<String, Object> summary = new LinkedHashMap<>();
    summary.put("output", folder.path().toString());
    summary.put("report", folder.report().toString());
    summary.put("right", scores);
    summary.put("one_answer_always", constants);
    summary.put("cocktail_less_alone", differences);
    summary.put("adapters", adapters);
    return summary;
  }
}
