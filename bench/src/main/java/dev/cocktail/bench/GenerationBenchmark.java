package dev.cocktail.bench;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.transformer.GenerationSettings;
import dev.cocktail.transformer.Generator;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Config;
import dev.cocktail.transformer.Phi3Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Times the writing of tokens on random weights: each step reads all weights once, whatever the batch. What counts
 * begins when all prompts have their first token.
 */
final class GenerationBenchmark {
  /** What to measure. */
  record Options(
      ModelPreset preset, DType dtype, int batch, int promptTokens, int newTokens, int repetitions, long seed) {}

  private static final int COPIED = 1 << 25;

  private GenerationBenchmark() {}

  /** Runs and returns the figures. */
  static Map<String, Object> run(Device device, Options options) {
    Phi3Config config = options.preset().config();
    try (Phi3Model model = Phi3Model.random(config, device, options.dtype(), options.seed());
        TensorArena arena = device.openArena("copy")) {
      List<int[]> prompts = prompts(options, config.vocabSize());
      generate(model, prompts, options);
      long peakMemory = PeakMemory.bytes(device); // Before there is anything to copy.
      Tensor from = arena.allocate(DType.F32, COPIED);
      Tensor to = arena.allocate(DType.F32, COPIED);
      device.ops().fill(from, 1);
      double[] rates = new double[options.repetitions()];
      double[] copies = new double[options.repetitions()];
      for (int repetition = 0; repetition < rates.length; repetition++) {
        copies[repetition] = copyRate(device, to, from); // In turns, since both change with the machine's other work.
        rates[repetition] = 1 / generate(model, prompts, options);
      }
      Arrays.sort(rates);
      Arrays.sort(copies);
      double rate = rates[rates.length / 2];
      double copy = copies[copies.length / 2];
      long bytes = weightsRead(model);
      Map<String, Object> figures = new LinkedHashMap<>();
      figures.put("preset", options.preset().label());
      figures.put("device", device.name());
      figures.put("dtype", options.dtype().toString());
      figures.put("batch", options.batch());
      figures.put("tokens_per_s", rounded(rate * options.batch(), 10));
      figures.put("tokens_per_s_min", rounded(rates[0] * options.batch(), 10));
      figures.put("tokens_per_s_max", rounded(rates[rates.length - 1] * options.batch(), 10));
      figures.put("weights_gb_per_s", rounded(rate * bytes / 1e9, 100));
      figures.put("copy_gb_per_s", rounded(copy / 1e9, 100));
      figures.put("share_of_copy", rounded(rate * bytes / copy, 1000));
      figures.put("peak_memory_mib", peakMemory >> 20);
      figures.put("jdk", Runtime.version().toString());
      return figures;
    }
  }

  private static List<int[]> prompts(Options options, int vocabulary) {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(options.seed());
    List<int[]> prompts = new ArrayList<>();
    for (int b = 0; b < options.batch(); b++) {
      prompts.add(random.ints(options.promptTokens(), 3, vocabulary).toArray());
    }
    return prompts;
  }

  /** Seconds of a step. */
  private static double generate(Phi3Model model, List<int[]> prompts, Options options) {
    long[] times = new long[options.newTokens() * prompts.size()];
    int[] count = new int[1];
    new Generator(model, LinearTransform.BASE)
        .generate(
            prompts,
            GenerationSettings.greedy(options.newTokens(), Set.of()).withMaxBatch(prompts.size()),
            (_, _) -> times[count[0]++] = System.nanoTime());
    int steps = options.newTokens() - 1;
    return (times[count[0] - 1] - times[prompts.size() - 1]) / 1e9 / steps;
  }

  /** Bytes that are read and written a second by a large copy. */
  private static double copyRate(Device device, Tensor to, Tensor from) {
    device.ops().cast(to, from);
    device.synchronize();
    long start = System.nanoTime();
    device.ops().cast(to, from);
    device.synchronize();
    return 2.0 * 4 * COPIED / ((System.nanoTime() - start) / 1e9);
  }

  /** Bytes of all weights that a step reads: all but the table of embeddings, of which it reads a row a token. */
  private static long weightsRead(Phi3Model model) {
    return model.weights().entrySet().stream()
        .filter(weight -> model.config().tiedEmbeddings() || !weight.getKey().equals("model.embed_tokens.weight"))
        .mapToLong(weight -> weight.getValue().value().byteSize())
        .sum();
  }

  private static double rounded(double value, int parts) {
    return (double) Math.round(value * parts) / parts;
  }
}
