package dev.cocktail.trainer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.eval.Evaluation;
import dev.cocktail.eval.EvaluationSettings;
import dev.cocktail.eval.Evaluator;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.EvaluationTasks.Asked;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.TaskSection;
import dev.cocktail.trainer.data.DocumentCut;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.StopIds;
import dev.cocktail.transformer.text.ChatEncoder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** Lets a model that is being trained answer the questions of the tasks that have a metric. */
final class TaskScorer {
  private final Phi3Model model;
  private final ChatEncoder encoder;
  private final int maxNewTokens;
  private final int batchTokens;
  private final Set<Integer> stopIds;
  private final List<Asked> validation = new ArrayList<>();
  private final List<Asked> test = new ArrayList<>();

  /**
   * Reads and checks the questions of a run, on its validation and its test sets.
   *
   * @param notes told what follows from the data
   * @throws InvalidInputException naming file, line and what is wrong: a metric that does not fit, right answers that
   *     the task does not know, an item that is too long
   */
  TaskScorer(RunFile run, Phi3Model model, ChatEncoder encoder, Consumer<String> notes) {
    this.model = requireNonNull(model, "model");
    this.encoder = requireNonNull(encoder, "encoder");
    this.maxNewTokens = run.evaluation().maxNewTokens();
    this.batchTokens = batchTokens(run, model.config().maxPositions());
    this.stopIds = StopIds.read(run.model(), model.config());
    int maxLength = Math.min(run.training().maxLength(), model.config().maxPositions());
    Optional<DocumentCut> cut =
        Optional.of(new DocumentCut(encoder, maxLength)).filter(_ -> run.training().onTooLong().cuts());
    var some = EvaluationTasks.asInRunFile(run.evaluation().maxExamples().orElse(Integer.MAX_VALUE), cut, notes);
    var all = EvaluationTasks.asInRunFile(Integer.MAX_VALUE, cut, _ -> {});
    boolean leaveOut = run.training().onTooLong().drops();
    for (TaskSection task : run.tasks()) {
      if (task.metric().isPresent()) {
        task.validationSource()
            .ifPresent(source -> validation.add(fitting(some.ofTask(task, source), leaveOut, notes)));
        task.testSource().ifPresent(source -> test.add(fitting(all.ofTask(task, source), leaveOut, notes)));
        if (task.validationSource().isEmpty() && task.testSource().isEmpty()) {
          notes.accept(
              "warning: task %s has the metric %s, and neither validation nor test examples to take it on"
                  .formatted(task.name(), task.metric().get().label()));
        }
      }
    }
  }

  private Asked fitting(Asked asked, boolean leaveOut, Consumer<String> notes) {
    return asked.fitting(evaluator(asked, LinearTransform.BASE), leaveOut, notes);
  }

  /** Most tokens of a run's evaluation at once: what the run file says, or one example of the largest length. */
  static int batchTokens(RunFile run, int context) {
    return Math.max(run.evaluation().tokensAtOnce(run.training()), Math.min(run.training().maxLength(), context));
  }

  private Evaluator evaluator(Asked asked, LinearTransform transform) {
    return new Evaluator(
        model, transform, encoder, new EvaluationSettings(asked.method(), maxNewTokens, batchTokens, stopIds));
  }

  /** Whether there is anything to answer on the validation sets. */
  boolean hasValidation() {
    return !validation.isEmpty();
  }

  /**
   * What the model answers on the validation sets, by task.
   *
   * @param between called between batches and between tokens; what it throws ends the evaluation
   */
  Map<String, Evaluation> validation(LinearTransform transform, Runnable between) {
    return score(validation, transform, between);
  }

  /** What the model answers on the test sets, as {@link #validation} says. */
  Map<String, Evaluation> test(LinearTransform transform, Runnable between) {
    return score(test, transform, between);
  }

  private Map<String, Evaluation> score(List<Asked> tasks, LinearTransform transform, Runnable between) {
    Map<String, Evaluation> scores = new LinkedHashMap<>();
    tasks.forEach(
        asked -> scores.put(asked.task().name(), evaluator(asked, transform).evaluate(asked.task(), between)));
    return scores;
  }
}
