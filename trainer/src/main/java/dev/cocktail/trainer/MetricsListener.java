package dev.cocktail.trainer;

import java.util.LinkedHashMap;
import java.util.Map;

/** Writes what happens in a run to its {@code metrics.jsonl}. */
final class MetricsListener implements TrainingListener {
  private final MetricsWriter metrics;

  MetricsListener(MetricsWriter metrics) {
    this.metrics = metrics;
  }

  @Override
  public void stepped(StepReport report) {
    TrainingStep.Outcome outcome = report.outcome();
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("event", "step");
    row.put("step", report.step());
    row.put("epoch", report.epoch());
    row.put("loss", outcome.loss());
    row.put("learning_rate", report.learningRate());
    row.put("grad_norm", outcome.gradientNorm());
    row.put("tokens", outcome.tokens());
    row.put("supervised_tokens", outcome.supervisedTokens());
    row.put("tokens_per_s", 1e9 * outcome.tokens() / outcome.nanos());
    row.put("forward_ms", outcome.forwardNanos() / 1e6);
    row.put("backward_ms", outcome.backwardNanos() / 1e6);
    row.put("optimiser_ms", outcome.optimiserNanos() / 1e6);
    row.put("step_memory_mib", outcome.peakBytes() >> 20);
    row.put("tasks", tasks(report.tasks()));
    metrics.write(row);
  }

  @Override
  public void evaluated(EvaluationReport report) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("event", "validation");
    row.put("step", report.step());
    row.put("loss", report.loss());
    row.put("tasks", tasks(report.tasks()));
    metrics.write(row);
  }

  private static Map<String, Object> tasks(Map<String, TaskLoss> losses) {
    Map<String, Object> tasks = new LinkedHashMap<>();
    losses.forEach((name, loss) -> {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("loss", loss.mean());
      row.put("supervised_tokens", loss.tokens());
      row.put("examples", loss.examples());
      tasks.put(name, row);
    });
    return tasks;
  }
}
