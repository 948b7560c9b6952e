package dev.cocktail.trainer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.data.Example;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.Mixture;
import dev.cocktail.trainer.data.Packer;
import dev.cocktail.trainer.data.StepBatch;
import dev.cocktail.trainer.data.StopRule;
import dev.cocktail.trainer.data.TaskData;
import dev.cocktail.trainer.data.TaskShare;
import dev.cocktail.trainer.data.TaskSize;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The steps of a run over a mixture: draws are taken in order and fill a step up to its number of tokens; the first
 * that does not fit begins the next. Epochs follow each other without a gap, so every step but the last is full. A
 * value: the same data, mixture and packer give the same steps, each available at any time.
 */
public final class PackedPlan implements TrainingPlan {
  private final List<TaskData> tasks;
  private final Mixture mixture;
  private final Packer packer;

  /** The task whose examples an epoch is counted in; negative for those of all tasks. */
  private final int epochTask;

  /** For each step, the number of its first draw; one more for the end. */
  private long[] firstDraw = new long[16];

  /** For each step, how many draws that count for epochs came before it; one more for the end. */
  private long[] counted = new long[16];

  private final long[] drawsOfTask;
  private int steps;
  private long tokens;
  private long supervisedTokens;
  private long microBatches;

  private PackedPlan(List<TaskData> tasks, Mixture mixture, Packer packer, StopRule stop) {
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
    this.epochTask = epochTask(stop);
    this.drawsOfTask = new long[tasks.size()];
    cut(stop, requireReachable(stop, limit(stop)));
  }

  /** The steps until a stop. */
  public static PackedPlan of(List<TaskData> tasks, Mixture mixture, Packer packer, StopRule stop) {
    return new PackedPlan(tasks, mixture, packer, stop);
  }

  /**
   * So many passes over the data.
   *
   * @param epochs more than 0; may be a fraction
   */
  public static PackedPlan ofEpochs(List<TaskData> tasks, Mixture mixture, Packer packer, double epochs) {
    return of(tasks, mixture, packer, StopRule.epochs(epochs));
  }

  /**
   * The steps of a run.
   *
   * @param tasks the run's, in its order
   */
  public static PackedPlan ofRun(RunFile run, List<TaskData> tasks) {
    var sizes = tasks.stream().map(TaskSize::of).toList();
    var mixture = run.mixture().rule(run.taskNames()).mix(sizes, run.mixtureSeed());
    var packer = new Packer(run.training().tokensPerStep(), run.training().microBatchTokens());
    return of(tasks, mixture, packer, run.training().stop());
  }

  /** So many optimiser steps, in as many epochs as they take. */
  public static PackedPlan ofSteps(List<TaskData> tasks, Mixture mixture, Packer packer, int steps) {
    return of(tasks, mixture, packer, StopRule.steps(steps));
  }

  private int epochTask(StopRule stop) {
    var drawn = IntStream.range(0, tasks.size()).boxed().filter(task -> plannedOf(task) > 0);
    Comparator<Integer> bySize = Comparator.comparingInt(task -> tasks.get(task).examples().size());
    return switch (stop.measure()) {
      case EPOCHS_OF_LARGEST -> drawn.max(bySize).orElseThrow();
      case EPOCHS_OF_SMALLEST -> drawn.min(bySize).orElseThrow();
      default -> -1;
    };
  }

  private double plannedOf(int task) {
    return mixture.plannedShare(task, 0, mixture.drawsPerEpoch());
  }

  /** Draws that make one epoch, of those that count for epochs. */
  private int epochLength() {
    return epochTask < 0 ? mixture.drawsPerEpoch() : tasks.get(epochTask).examples().size();
  }

  /** How much of what {@link #amount} measures ends the run. */
  private long limit(StopRule stop) {
    return switch (stop.measure()) {
      case STEPS -> Long.MAX_VALUE;
      case EXAMPLES, SUPERVISED_TOKENS -> (long) stop.amount();
      case EPOCHS, EPOCHS_OF_LARGEST, EPOCHS_OF_SMALLEST -> {
        var draws = Math.round(stop.amount() * epochLength());
        if (draws < 1) {
          throw new InvalidInputException(
              "epochs is %s; expected more than 0, and at least one example of %,d"
                  .formatted(stop.amount(), epochLength()));
        }
        yield draws;
      }
    };
  }

  /** What a draw counts towards the end. */
  private long amount(StopRule stop, int task, Example example) {
    return switch (stop.measure()) {
      case STEPS, EPOCHS, EXAMPLES -> 1;
      case EPOCHS_OF_LARGEST, EPOCHS_OF_SMALLEST -> task == epochTask ? 1 : 0;
      case SUPERVISED_TOKENS -> example.supervisedTokens();
    };
  }

  private long requireReachable(StopRule stop, long limit) {
    var perDraw =
        switch (stop.measure()) {
          case STEPS, EPOCHS, EXAMPLES -> 1;
          case EPOCHS_OF_LARGEST, EPOCHS_OF_SMALLEST -> plannedOf(epochTask);
          case SUPERVISED_TOKENS ->
              IntStream.range(0, tasks.size()).mapToDouble(task -> plannedOf(task) * tokensPerExample(task)).sum();
        };
    if (stop.measure() != StopRule.Measure.STEPS && limit / perDraw > Integer.MAX_VALUE) {
      throw new InvalidInputException(
          "%s: this run would take %.3g examples; expected at most %,d"
              .formatted(stop.measure().key(), limit / perDraw, Integer.MAX_VALUE));
    }
    return limit;
  }

  private void cut(StopRule stop, long limit) {
    var maxSteps = stop.measure() == StopRule.Measure.STEPS ? (int) stop.amount() : Integer.MAX_VALUE;
    var filled = 0L;
    var reached = 0L;
    var number = 0L;
    List<Integer> lengths = new ArrayList<>();
    for (; reached < limit; number++) {
      var draw = mixture.draw(number);
      var example = tasks.get(draw.task()).examples().get(draw.example());
      if (number == 0 || filled + example.length() > packer.tokensPerStep()) {
        if (steps == maxSteps) {
          break;
        }
        begin(steps++, number);
        count(lengths);
        filled = 0;
      }
      filled += example.length();
      lengths.add(example.length());
      reached += amount(stop, draw.task(), example);
      drawsOfTask[draw.task()]++;
      supervisedTokens += example.supervisedTokens();
    }
    begin(steps, number);
    count(lengths);
    firstDraw = Arrays.copyOf(firstDraw, steps + 1);
    counted = Arrays.copyOf(counted, steps + 1);
  }

  /** Adds the sequences of a step to what is known of the packing. */
  private void count(List<Integer> lengths) {
    var array = lengths.stream().mapToInt(Integer::intValue).toArray();
    tokens += Arrays.stream(array).asLongStream().sum();
    microBatches += packer.microBatchCount(array);
    lengths.clear();
  }

  /** Notes where a step begins. */
  private void begin(int step, long number) {
    if (step == firstDraw.length) {
      firstDraw = Arrays.copyOf(firstDraw, 2 * step);
      counted = Arrays.copyOf(counted, 2 * step);
    }
    firstDraw[step] = number;
    counted[step] = epochTask < 0 ? number : drawsOfTask[epochTask];
  }

  @Override
  public int steps() {
    return steps;
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
    return (double) counted[steps] / epochLength();
  }

  @Override
  public List<TaskShare> plannedShares(int from, int to) {
    var examples = new double[tasks.size()];
    Arrays.setAll(examples, task -> mixture.plannedShare(task, firstDraw[from], firstDraw[to]));
    var tokens = new double[tasks.size()];
    Arrays.setAll(tokens, task -> examples[task] * tokensPerExample(task));
    var sum = Arrays.stream(tokens).sum();
    return IntStream.range(0, tasks.size())
        .mapToObj(task -> new TaskShare(examples[task], sum == 0 ? 0 : tokens[task] / sum))
        .toList();
  }

  private double tokensPerExample(int task) {
    return (double) tasks.get(task).statistics().supervisedTokens() / tasks.get(task).examples().size();
  }

  /** Number of tokens of all steps together. */
  public long tokens() {
    return tokens;
  }

  /** Number of supervised tokens of all steps together. */
  public long supervisedTokens() {
    return supervisedTokens;
  }

  /** Number of micro-batches of all steps together. */
  public long microBatches() {
    return microBatches;
  }

  /** How full the micro-batches of all steps are: tokens over what as many micro-batches could hold. */
  public double packingEfficiency() {
    return (double) tokens / microBatches / packer.tokensPerMicroBatch();
  }

  /** Number of draws that all steps together take. */
  public long draws() {
    return firstDraw[steps()];
  }

  /** Number of draws of one task that all steps together take. */
  public long draws(int task) {
    return drawsOfTask[task];
  }
}
