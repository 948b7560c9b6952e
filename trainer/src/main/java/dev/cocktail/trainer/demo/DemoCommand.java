package dev.cocktail.trainer.demo;

import dev.cocktail.lora.LoraAdapter;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.TaskLoss;
import dev.cocktail.trainer.cli.CocktailCommand;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Model;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code cocktail demo}: the whole story on a small model that comes with the program. */
@Command(
    name = "demo",
    description = "Fine-tunes the bundled small model on two bundled tasks and shows what changed.",
    mixinStandardHelpOptions = true,
    subcommands = BaseMaterialCommand.class)
public final class DemoCommand extends CocktailCommand {
  private static final int SHOWN = 3;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description = "A new folder for the model, the data and the run (default: runs/demo, or the next free number).")
  private Path output;

  @Override
  public Integer call() {
    Path folder = output == null ? nextFree(Path.of("runs")) : output;
    requireFree(folder);
    try (Device device = shared().openDevice(this::note)) { // First: a refusal leaves no files behind.
      DemoMaterial.writeDemo(folder);
      RunFile run = shared().apply(RunFile.read(folder.resolve("demo.yaml")));
      note("The demo's files are in " + folder + ": a small Phi-3 model that knows financial news but no task,");
      note("two tasks with " + DemoMaterial.TRAIN_ITEMS + " training examples each, and the run file demo.yaml.");
      note("");
      Map<String, TaskAnswers> before;
      try (Phi3Model model = Phi3Model.load(run.model(), device)) {
        before = TaskAnswers.of(model, LinearTransform.BASE, folder);
      }
      note("");
      note("Before: what the base model answers to questions of the validation sets.");
      before.forEach(this::show);
      note("Now one adapter learns both tasks at once, on a mixture of their examples.");
      FineTuning.Result result = fineTune(run, device);
      Map<String, TaskAnswers> after;
      try (Phi3Model model = Phi3Model.load(run.model(), device);
          TensorArena arena = device.openArena("adapter")) {
        LoraAdapter adapter = LoraAdapter.load(result.trained(), model.linearModules(), device, arena, false);
        after = TaskAnswers.of(model, adapter.inference(), folder);
      }
      note("");
      note("After: the same questions, with the adapter.");
      after.forEach(this::show);
      report(folder, result, before, after);
      return DONE;
    }
  }

  private static Path nextFree(Path parent) {
    Path folder = parent.resolve("demo");
    for (int number = 2; Files.exists(folder); number++) {
      folder = parent.resolve("demo-" + number);
    }
    return folder;
  }

  private static void requireFree(Path folder) {
    if (Files.exists(folder)) {
      throw new InvalidInputException("--output: " + folder + " is there already; name a new folder");
    }
  }

  private void show(String task, TaskAnswers answers) {
    for (TaskAnswers.Answer answer : answers.answers().subList(0, SHOWN)) {
      note("  [" + task + "] " + answer.prompt());
      note("      answer: " + oneLine(answer.given()) + "   (expected: " + answer.expected() + ")");
    }
    note(String.format(Locale.ROOT, "  [%s] right: %d of %d", task, answers.right(), answers.answers().size()));
    note("");
  }

  private static String oneLine(String text) {
    String line = text.replaceAll("\\s+", " ").strip();
    return line.length() <= 60 ? line : line.substring(0, 60) + "...";
  }

  private void report(
      Path folder, FineTuning.Result result, Map<String, TaskAnswers> before, Map<String, TaskAnswers> after) {
    if (shared().json()) {
      printJson(summary(folder, result, before, after));
      return;
    }
    out().printf("%-12s %28s %24s%n", "task", "validation loss", "right answers");
    for (String task : DemoMaterial.TASKS) {
      out()
          .printf(
              Locale.ROOT,
              "%-12s %12.4f -> %12.4f %11s -> %9s%n",
              task,
              loss(result.before(), task),
              loss(result.after(), task),
              share(before.get(task)),
              share(after.get(task)));
    }
    out().println();
    Path adapter = folder.toAbsolutePath().relativize(result.trained().toAbsolutePath());
    out().println("The adapter (PEFT's files): " + folder.resolve(adapter));
    out()
        .println(
            "Ask it yourself: ./cocktail generate --model "
                + folder.resolve("base")
                + " --adapter "
                + folder.resolve(adapter)
                + " --prompt '"
                + after.get(DemoMaterial.TASKS.getFirst()).answers().getFirst().prompt()
                + "'");
  }

  private static double loss(Map<String, TaskLoss> losses, String task) {
    return losses.get(task).mean();
  }

  private static String share(TaskAnswers answers) {
    return answers.right() + "/" + answers.answers().size();
  }

  private static Map<String, Object> summary(
      Path folder, FineTuning.Result result, Map<String, TaskAnswers> before, Map<String, TaskAnswers> after) {
    Map<String, Object> tasks = new LinkedHashMap<>();
    for (String task : DemoMaterial.TASKS) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("validation_loss", List.of(loss(result.before(), task), loss(result.after(), task)));
      row.put("right", List.of(before.get(task).right(), after.get(task).right()));
      row.put("questions", after.get(task).answers().size());
      tasks.put(task, row);
    }
    Map<String, Object> summary = new LinkedHashMap<>();
    summary.put("output", folder.toString());
    summary.put("adapter", result.trained().toString());
    summary.put("steps", result.steps());
    summary.put("tasks", tasks);
    return summary;
  }
}
