package dev.cocktail.trainer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.Mixture;
import dev.cocktail.trainer.data.Packer;
import dev.cocktail.trainer.data.StepBatch;
import dev.cocktail.trainer.data.TaskData;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The steps of a run over a mixture: draws are taken in order and fill a step up to its number of tokens; the first
 * that does not fit begins the next. Epochs follow each other without a gap, so every step but the last is full. A
 * value: the same data, mixture and packer give the same steps, each available at any time.
 */
public final class PackedPlan implements TrainingPlan {
  private final List<TaskData> tasks;
  private final Mixture mixture;
  private final Packer packer;

  /** For each step, the number of its first draw; one more for the end. */
  private final long[] firstDraw;

  private PackedPlan(List<TaskData> tasks, Mixture mixture, Packer packer, long draws, int maxSteps) {
    this.tasks = List.copyOf(tasks);
    this.mixture = requireNonNull(mixture, "mixture");
    this.packer = requireNonNull(packer, "packer");
    if (mixture.taskCount() != tasks.size()) {
      throw new IllegalArgumentException(
          "a mixture of %d tasks for %d tasks".formatted(mixture.taskCount(), tasks.size()));
    }
    for (var task : tasks) {
      task.examples().forEach(packer::requireFits);
    }
    this.firstDraw = cut(draws, maxSteps);
  }

  /**
   * So many passes over the data.
   *
   * @param epochs more than 0; may be a fraction
   */
  public static PackedPlan ofEpochs(List<TaskData> tasks, Mixture mixture, Packer packer, double epochs) {
    var draws = Math.round(epochs * mixture.drawsPerEpoch());
    if (!(epochs > 0) || draws < 1 || draws > Integer.MAX_VALUE) {
      throw new InvalidInputException(
          "epochs is %s; expected more than 0, and at least one example of %,d"
              .formatted(epochs, mixture.drawsPerEpoch()));
    }
    return new PackedPlan(tasks, mixture, packer, draws, Integer.MAX_VALUE);
  }

  /** So many optimiser steps, in as many epochs as they take. */
  public static PackedPlan ofSteps(List<TaskData> tasks, Mixture mixture, Packer packer, int steps) {
    if (steps < 1) {
      throw new InvalidInputException("max_steps is " + steps + "; expected at least 1");
    }
    return new PackedPlan(tasks, mixture, packer, Long.MAX_VALUE, steps);
  }

  private long[] cut(long draws, int maxSteps) {
    var starts = new long[16];
    var steps = 0;
    var tokens = 0L;
    for (var number = 0L; number < draws; number++) {
      var draw = mixture.draw(number);
      var length = tasks.get(draw.task()).examples().get(draw.example()).length();
      if (number == 0 || tokens + length > packer.tokensPerStep()) {
        if (steps == maxSteps) {
          starts[steps] = number;
          return Arrays.copyOf(starts, steps + 1);
        }
        if (steps + 2 > starts.length) {
          starts = Arrays.copyOf(starts, 2 * starts.length);
        }
        starts[steps++] = number;
        tokens = 0;
      }
      tokens += length;
    }
    starts[steps] = draws;
    return Arrays.copyOf(starts, steps + 1);
  }

  @Override
  public int steps() {
    return firstDraw.length - 1;
  }

  @Override
  public StepBatch batch(int step) {
    if (step < 0 || step >= steps()) {
      throw new IllegalArgumentException("step " + step + " of " + steps());
    }
    var sequences = new ArrayList<MicroBatch.Sequence>();
    for (var number = firstDraw[step]; number < firstDraw[step + 1]; number++) {
      var draw = mixture.draw(number);
      sequences.add(new MicroBatch.Sequence(draw.task(), tasks.get(draw.task()).examples().get(draw.example())));
    }
    return packer.step(sequences);
  }

  @Override
  public double epochsAfter(int steps) {
    return (double) firstDraw[steps] / mixture.drawsPerEpoch();
  }

  /** Number of draws that all steps together take. */
  public long draws() {
    return firstDraw[steps()];
  }
}
