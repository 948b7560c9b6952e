package dev.cocktail.trainer.study;

import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Variable;
import dev.cocktail.trainer.LoraTrainable;
import dev.cocktail.trainer.PackedPlan;
import dev.cocktail.trainer.TrainingStep;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.StudySection.Control;
import dev.cocktail.trainer.data.TaskData;
import dev.cocktail.trainer.optimiser.AdamWOptimizer;
import dev.cocktail.trainer.study.StudyScorer.Split;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Model;
import java.util.List;

/**
 * What a study would take, from a few steps and answers that were measured on this machine.
 *
 * @param trainingSeconds of all runs' steps
 * @param answeringSeconds of all validation answers and of the test answers of what is compared, at most: a model that
 *     has learnt nothing was asked, which answers for longer than one that has
 * @param modelBytes of the weights that all runs share
 * @param stepBytes of one step beside them
 */
public record StudyEstimate(double trainingSeconds, double answeringSeconds, long modelBytes, long stepBytes) {
  /** The first step warms up, the others are timed. */
  private static final int STEPS = 3;

  /** Arms of a target that answer its test questions: it alone, what was chosen, a rival, the reference, controls. */
  private static final int MOST_COMPARED = 3 + Control.values().length; // Of the values, one is none.

  /**
   * Measures it; nothing is kept of what is trained.
   *
   * @param data of the tasks of the plan's reference mixture, in its order
   */
  static StudyEstimate measure(StudyPlan plan, Phi3Model model, List<TaskData> data, StudyScorer scorer) {
    RunFile run = plan.runs().getLast().run();
    for (PlannedRun planned : plan.runs()) {
      run = planned.arm().equals(plan.controlsOf()) ? planned.run() : run;
    }
    List<String> names = run.taskNames();
    PackedPlan steps = PackedPlan.ofRun(run, data.stream().filter(task -> names.contains(task.name())).toList());
    long tokens = 0;
    long nanos = 0;
    long peak = 0;
    try (LoraTrainable adapter = LoraTrainable.create(model, run.adapter().toAdapterConfig(), run.training().seed());
        var optimiser = new AdamWOptimizer(model.device(), adapter.parameters(), run.training().optimiser(), true)) {
      var step = new TrainingStep(model, names.size(), false);
      for (int s = 0; s < Math.min(STEPS, steps.steps()); s++) {
        TrainingStep.Outcome outcome =
            step.run(steps.batch(s), _ -> adapter.training(new RandomKey(0, 0)), optimiser, 1e-6);
        if (s > 0 || steps.steps() == 1) {
          tokens += outcome.tokens();
          nanos += outcome.nanos();
        }
        peak = Math.max(peak, outcome.peakBytes());
      }
    }
    double all = plan.runs().stream().mapToLong(planned -> planned.size().tokens()).sum();
    double training = all * nanos / tokens / 1e9;
    long bytes = model.weights().values().stream().map(Variable::value).mapToLong(value -> value.byteSize()).sum();
    return new StudyEstimate(training, answering(plan, scorer), bytes, peak);
  }

  private static double answering(StudyPlan plan, StudyScorer scorer) {
    int compared = MOST_COMPARED * plan.seeds().size();
    double seconds = 0;
    for (String task : scorer.tasks()) {
      long begun = System.nanoTime();
      int asked = scorer.sample(task, LinearTransform.BASE).items().size();
      double perItem = (System.nanoTime() - begun) / 1e9 / asked;
      boolean isProbe = plan.study().study().probes().contains(task);
      int tested = isProbe ? plan.sets().targets().size() * compared : compared;
      seconds += perItem * scorer.items(Split.VALIDATION, task) * (plan.runs().size() + 1);
      seconds += perItem * scorer.items(Split.TEST, task) * (Math.min(tested, plan.runs().size()) + 1);
    }
    return seconds;
  }
}
