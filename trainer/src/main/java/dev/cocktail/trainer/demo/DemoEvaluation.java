package dev.cocktail.trainer.demo;

import dev.cocktail.eval.Evaluation;
import dev.cocktail.eval.EvaluationSettings;
import dev.cocktail.eval.EvaluationTask;
import dev.cocktail.eval.Evaluator;
import dev.cocktail.lora.LoraAdapter;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.trainer.data.EvaluationItems;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.StopIds;
import dev.cocktail.transformer.text.ChatEncoder;
import dev.cocktail.transformer.text.Tokenizer;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Asks models the questions of the demo's test sets. */
final class DemoEvaluation {
  /** An answer is a word or a number; what goes on for longer is not one. */
  private static final int LONGEST_ANSWER = 12;

  private final Path folder;
  private final Device device;
  private final Map<DemoTask, EvaluationTask> tasks = new EnumMap<>(DemoTask.class);

  /** Reads the test sets of a demo's folder. */
  DemoEvaluation(Path folder, Device device) {
    this.folder = folder;
    this.device = device;
    for (DemoTask task : DemoTask.values()) {
      Path file = folder.resolve(task.label() + ".test.jsonl");
      tasks.put(
          task, new EvaluationTask(task.label(), EvaluationItems.read(file), task.form(), List.of(task.metric())));
    }
  }

  /**
   * What a model answers to all of them.
   *
   * @param adapter the adapter's folder; none for the base model
   * @param between called between answers; what it throws ends the evaluation
   */
  Map<DemoTask, Evaluation> of(Optional<Path> adapter, Runnable between) {
    Path base = folder.resolve("base");
    try (Phi3Model model = Phi3Model.load(base, device);
        Tokenizer tokenizer = Tokenizer.load(base);
        TensorArena arena = device.openArena("adapter")) {
      LinearTransform transform =
          adapter.isEmpty()
              ? LinearTransform.BASE
              : LoraAdapter.load(adapter.get(), model.linearModules(), device, arena, false).inference();
      EvaluationSettings settings =
          EvaluationSettings.generation(StopIds.read(base, model.config())).withMaxNewTokens(LONGEST_ANSWER);
      var evaluator = new Evaluator(model, transform, ChatEncoder.of(tokenizer), settings);
      Map<DemoTask, Evaluation> evaluations = new EnumMap<>(DemoTask.class);
      tasks.forEach((task, items) -> evaluations.put(task, evaluator.evaluate(items, between)));
      return evaluations;
    }
  }
}
