package dev.cocktail.trainer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.trainer.data.Draw;
import dev.cocktail.trainer.data.Example;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.Mixture;
import dev.cocktail.trainer.data.Packer;
import dev.cocktail.trainer.data.StepBatch;
import dev.cocktail.trainer.data.TaskData;
import java.util.ArrayList;
import java.util.List;

/**
 * Steps filled with a mixture's draws, one after the other, each as full as its limit of tokens allows. Epochs follow each
 * other without a break: a step may hold the end of one and the beginning of the next.
 */
public final class MixturePlan implements TrainingPlan {
  private final List<TaskData> tasks;
  private final Mixture mixture;
  private final Packer packer;
  /** Number of each step's first draw, and behind them that of the first draw not made. */
  private final List<Long> starts = new ArrayList<>();

  private MixturePlan(List<TaskData> tasks, Mixture mixture, Packer packer, long draws, int maxSteps) {
    this.tasks = List.copyOf(tasks);
    this.mixture = requireNonNull(mixture, "mixture");
    this.packer = requireNonNull(packer, "packer");
    if (mixture.taskCount() != tasks.size()) {
      throw new IllegalArgumentException(
          "a mixture of " + mixture.taskCount() + " tasks for " + tasks.size() + " tasks' data");
    }
    long next = 0;
    starts.add(next);
    while (next < draws && starts.size() <= maxSteps) {
      next = endOfStep(next, draws);
      starts.add(next);
    }
  }

  /** Passes over the data; a fraction stops in the middle. At least one example is drawn. */
  public static MixturePlan ofEpochs(List<TaskData> tasks, Mixture mixture, Packer packer, double epochs) {
    long draws = Math.max(1, Math.round(epochs * mixture.drawsPerEpoch()));
    return new MixturePlan(tasks, mixture, packer, draws, Integer.MAX_VALUE - 1);
  }

  /** As many steps as wanted, over and over the data. */
  public static MixturePlan ofSteps(List<TaskData> tasks, Mixture mixture, Packer packer, int steps) {
    return new MixturePlan(tasks, mixture, packer, Long.MAX_VALUE, steps);
  }

  private long endOfStep(long start, long draws) {
    long tokens = 0;
    long next = start;
    while (next < draws) {
      Example example = example(mixture.draw(next));
      packer.requireFits(example);
      tokens += example.length();
      if (tokens > packer.tokensPerStep() && next > start) {
        break;
      }
      next++;
    }
    return next;
  }

  private Example example(Draw draw) {
    return tasks.get(draw.task()).examples().get(draw.example());
  }

  @Override
  public int steps() {
    return starts.size() - 1;
  }

  @Override
  public StepBatch batch(int step) {
    List<MicroBatch.Sequence> sequences = new ArrayList<>();
    for (long number = starts.get(step); number < starts.get(step + 1); number++) {
      Draw draw = mixture.draw(number);
      sequences.add(new MicroBatch.Sequence(draw.task(), example(draw)));
    }
    return packer.step(sequences);
  }

  @Override
  public double epochsAfter(int steps) {
    return (double) starts.get(steps) / mixture.drawsPerEpoch();
  }
}
