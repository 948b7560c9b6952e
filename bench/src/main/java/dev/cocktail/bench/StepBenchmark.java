package dev.cocktail.bench;

import dev.cocktail.lora.AdapterConfig;
import dev.cocktail.lora.TargetModules;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.trainer.LoraTrainable;
import dev.cocktail.trainer.Trainable;
import dev.cocktail.trainer.TrainingStep;
import dev.cocktail.trainer.data.Example;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.StepBatch;
import dev.cocktail.trainer.optimiser.AdamWOptimizer;
import dev.cocktail.transformer.Phi3Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.IntStream;

/**
 * Times a LoRA training step on random weights and tokens: forward, mean cross-entropy over every shifted token,
 * backward, clipping, AdamW. The work and the figures are those of {@code peers/lora_step.py}.
 */
final class StepBenchmark {
  /** What to measure. */
  record Options(
      ModelPreset preset,
      DType dtype,
      int batch,
      int sequenceLength,
      boolean ragged,
      int rank,
      boolean checkpointLayers,
      int warmUp,
      int steps,
      int repetitions,
      long seed) {
    /** How long a sequence is; ragged ones have eighths of the full length, all equally often. */
    int lengthOf(int sequence) {
      return ragged ? Math.max(2, sequenceLength * (1 + sequence * 5 % 8) / 8) : sequenceLength;
    }

    /** Tokens of a step. */
    long tokens() {
      return IntStream.range(0, batch).mapToLong(this::lengthOf).sum();
    }
  }

  private static final double LEARNING_RATE = 1e-4;

  private StepBenchmark() {}

  /** Runs and returns the figures under the peer's keys. */
  static Map<String, Object> run(Device device, Options options) {
    try (Phi3Model model = Phi3Model.random(options.preset().config(), device, options.dtype(), options.seed());
        var trainable =
            LoraTrainable.create(
                model,
                AdapterConfig.lora(options.rank(), 2 * options.rank(), TargetModules.allLinear()),
                options.seed());
        var optimiser =
            new AdamWOptimizer(
                device, trainable.parameters(), new AdamWOptimizer.Settings(0.9, 0.999, 1e-8, 0.01, 1.0))) {
      return measure(device, options, model, trainable, optimiser);
    }
  }

  /** The memory of steps on a device that only plans. */
  static Map<String, Object> plan(Device device, Options options, int steps) {
    var once =
        new Options(
            options.preset(),
            options.dtype(),
            options.batch(),
            options.sequenceLength(),
            options.ragged(),
            options.rank(),
            options.checkpointLayers(),
            0,
            steps,
            1,
            options.seed());
    Map<String, Object> figures = run(device, once);
    figures.keySet().retainAll(List.of("preset", "dtype", "batch", "seq", "rank", "checkpoint", "peak_memory_mib"));
    return figures;
  }

  private static Map<String, Object> measure(
      Device device, Options options, Phi3Model model, Trainable trainable, AdamWOptimizer optimiser) {
    StepBatch batch = randomBatch(options, model.config().vocabSize());
    var step = new TrainingStep(model, 1, options.checkpointLayers());
    for (int i = 0; i < options.warmUp(); i++) {
      step.run(batch, _ -> trainable.inference(), optimiser, LEARNING_RATE);
    }
    List<double[]> repetitions = new ArrayList<>();
    TrainingStep.Outcome last = null;
    for (int repetition = 0; repetition < options.repetitions(); repetition++) {
      double[] millis = new double[4];
      device.synchronize();
      long start = System.nanoTime();
      for (int i = 0; i < options.steps(); i++) {
        last = step.run(batch, _ -> trainable.inference(), optimiser, LEARNING_RATE);
        millis[0] += last.forwardNanos() / 1e6 / options.steps();
        millis[1] += last.backwardNanos() / 1e6 / options.steps();
        millis[2] += last.optimiserNanos() / 1e6 / options.steps();
      }
      device.synchronize();
      millis[3] = (System.nanoTime() - start) / 1e6 / options.steps();
      repetitions.add(millis);
    }
    repetitions.sort(Comparator.comparingDouble(millis -> millis[3]));
    double[] median = repetitions.get(repetitions.size() / 2);
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("preset", options.preset().label());
    figures.put("device", device.name());
    figures.put("dtype", options.dtype().toString());
    figures.put("batch", options.batch());
    figures.put("seq", options.sequenceLength());
    figures.put("tokens", options.tokens());
    figures.put("rank", options.rank());
    figures.put("checkpoint", options.checkpointLayers());
    figures.put("tokens_per_s", tokensPerSecond(options, median));
    figures.put("tokens_per_s_min", tokensPerSecond(options, repetitions.getLast()));
    figures.put("tokens_per_s_max", tokensPerSecond(options, repetitions.getFirst()));
    figures.put("forward_ms", rounded(median[0], 100));
    figures.put("backward_ms", rounded(median[1], 100));
    figures.put("optimiser_ms", rounded(median[2], 100));
    figures.put("peak_memory_mib", PeakMemory.bytes(device) >> 20);
    figures.put("step_memory_mib", last.peakBytes() >> 20);
    figures.put("loss", rounded(last.loss(), 10_000));
    figures.put("jdk", Runtime.version().toString());
    return figures;
  }

  /** By the clock on the wall: what the host does between steps counts. */
  private static double tokensPerSecond(Options options, double[] millis) {
    return rounded(1e3 * options.tokens() / millis[3], 10);
  }

  private static double rounded(double value, int parts) {
    return (double) Math.round(value * parts) / parts;
  }

  private static StepBatch randomBatch(Options options, int vocabulary) {
    var random = RandomGeneratorFactory.of("L64X128MixRandom").create(options.seed());
    List<MicroBatch.Sequence> sequences = new ArrayList<>();
    for (int b = 0; b < options.batch(); b++) {
      int[] ids = random.ints(options.lengthOf(b), 3, vocabulary).toArray();
      boolean[] supervised = new boolean[ids.length];
      Arrays.fill(supervised, true);
      sequences.add(new MicroBatch.Sequence(0, new Example(ids, supervised, "random tokens")));
    }
    return new StepBatch(List.of(new MicroBatch(sequences)));
  }
}
