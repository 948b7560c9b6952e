package dev.cocktail.trainer;

import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.metric.Metric;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a run's numbers for TensorBoard. A slash in a tag makes a group there: {@code train}, {@code loss}, {@code
 * mixture} and {@code validation}, with one curve a task.
 */
final class TensorBoardListener implements TrainingListener, AutoCloseable {
  private final Path file;
  private List<String> taskNames;
  private EventFile events;

  /** Writes below a run's folder. */
  TensorBoardListener(Path run) {
    file = run.resolve("tensorboard/events.out.tfevents.cocktail");
  }

  @Override
  public List<Path> appendedFiles() {
    return List.of(file);
  }

  @Override
  public void began(RunStart start) {
    taskNames = start.tasks();
    events = new EventFile(file);
  }

  @Override
  public void stepped(StepReport report) {
    TrainingStep.Outcome outcome = report.outcome();
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("train/loss", outcome.loss());
    values.put("train/learning_rate", report.learningRate());
    values.put("train/grad_norm", outcome.gradientNorm());
    values.put("train/epoch", report.epoch());
    values.put("train/tokens_per_s", 1e9 * outcome.tokens() / outcome.nanos());
    report.shareOfPeak().ifPresent(share -> values.put("train/share_of_peak", share));
    report.tasks().forEach((task, loss) -> values.put("loss/" + task, loss.mean()));
    double examples = outcome.tasks().stream().mapToLong(TaskLoss::examples).sum();
    for (int task = 0; task < taskNames.size(); task++) {
      values.put("mixture/" + taskNames.get(task), outcome.tasks().get(task).examples() / examples);
    }
    events.write(report.step(), values);
  }

  @Override
  public void evaluated(EvaluationReport report) {
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("validation/loss", report.loss());
    report.tasks().forEach((task, loss) -> values.put("validation/loss/" + task, loss.mean()));
    report
        .evaluations()
        .forEach((task, evaluation) -> {
          Metric metric = evaluation.task().metrics().getFirst();
          evaluation
              .value(metric, Reading.STRICT)
              .ifPresent(value -> values.put("validation/" + metric.label() + "/" + task, value));
        });
    events.write(report.step(), values);
  }

  @Override
  public void close() {
    if (events != null) {
      events.close();
    }
  }
}
