package dev.cocktail.trainer.study;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Tape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.trainer.LoraTrainable;
import dev.cocktail.trainer.TrainingStep;
import dev.cocktail.trainer.config.StudyFile;
import dev.cocktail.trainer.config.TrainingSection;
import dev.cocktail.trainer.data.Example;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.Packer;
import dev.cocktail.trainer.data.StepBatch;
import dev.cocktail.trainer.data.TaskData;
import dev.cocktail.trainer.optimiser.AdamWOptimizer;
import dev.cocktail.transformer.ForwardObserver;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.TokenBatch;
import dev.cocktail.transformer.TokenSequence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.ToDoubleBiFunction;

/**
 * Guesses, before anything is trained, how much one task helps another, measured on the base model with an adapter that
 * has learnt nothing yet. Whether the guesses are any good is for the study to say.
 *
 * @param lookahead by helping task and target, 1 - L'/L: by what share the target's validation loss L falls to L' by
 *     one step of the optimiser on a batch of the helping task (C. Fifty and others, Efficiently Identifying Task
 *     Groupings for Multi-Task Learning, 2021)
 * @param gradientCosine by helping task and target, the cosine of their gradients of the adapter's parameters
 * @param embeddingCosine by helping task and target, the cosine of their mean prompts: the mean over tokens, then over
 *     prompts, of the last hidden states
 */
public record TaskAffinity(
    Map<String, Map<String, Double>> lookahead,
    Map<String, Map<String, Double>> gradientCosine,
    Map<String, Map<String, Double>> embeddingCosine) {
  /**
   * Measures it.
   *
   * @param train of every task that can help
   * @param validation of every target
   * @param examples how many of each task's, at most; the study's seed decides which
   * @param between called between batches; what it throws ends the measurement
   */
  static TaskAffinity measure(
      StudyFile study,
      Phi3Model model,
      List<TaskData> train,
      List<TaskData> validation,
      int examples,
      Runnable between) {
    return new Measurement(study, model, examples, between).measure(train, validation);
  }

  /** Whether every task was held against every one of these targets but itself. */
  boolean covers(List<String> targets, List<String> tasks) {
    return targets.stream()
        .allMatch(target ->
            tasks.stream()
                .allMatch(task -> task.equals(target) || lookahead.getOrDefault(task, Map.of()).containsKey(target)));
  }

  /** The task that a target's loss should gain most by; empty where none was guessed. */
  Optional<String> mostHelpful(String target) {
    return lookahead.entrySet().stream()
        .filter(helper -> !helper.getKey().equals(target))
        .filter(helper -> Double.isFinite(helper.getValue().getOrDefault(target, Double.NaN)))
        .max(Comparator.comparingDouble(helper -> helper.getValue().get(target)))
        .map(Map.Entry::getKey);
  }

  /** The cosine of the angle between two vectors; 0 where one of them is nothing. */
  static double cosine(double[] a, double[] b) {
    double product = 0;
    double ofA = 0;
    double ofB = 0;
    for (int i = 0; i < a.length; i++) {
      product += a[i] * b[i];
      ofA += a[i] * a[i];
      ofB += b[i] * b[i];
    }
    return ofA == 0 || ofB == 0 ? 0 : product / Math.sqrt(ofA * ofB);
  }

  /** What measuring needs at every turn. */
  private static final class Measurement {
    private final StudyFile study;
    private final Phi3Model model;
    private final Device device;
    private final TrainingSection training;
    private final int examples;
    private final Runnable between;
    private final TrainingStep step;

    Measurement(StudyFile study, Phi3Model model, int examples, Runnable between) {
      this.study = requireNonNull(study, "study");
      this.model = requireNonNull(model, "model");
      this.device = model.device();
      this.training = study.training();
      this.examples = examples;
      this.between = between;
      this.step = new TrainingStep(model, 1, false);
    }

    TaskAffinity measure(List<TaskData> train, List<TaskData> validation) {
      Map<String, double[]> gradients = new LinkedHashMap<>();
      Map<String, double[]> embeddings = new LinkedHashMap<>();
      Map<String, double[]> ofTargets = new LinkedHashMap<>();
      Map<String, double[]> embeddingsOfTargets = new LinkedHashMap<>();
      Map<String, Double> before = new LinkedHashMap<>();
      for (TaskData target : validation) {
        before.put(target.name(), loss(target, LinearTransform.BASE));
        ofTargets.put(target.name(), afterOneStep(target, _ -> {}));
        embeddingsOfTargets.put(target.name(), embedding(target));
      }
      Map<String, Map<String, Double>> lookahead = new LinkedHashMap<>();
      for (TaskData helping : train) {
        Map<String, Double> row = new LinkedHashMap<>();
        gradients.put(
            helping.name(),
            afterOneStep(
                helping,
                adapter ->
                    validation.forEach(target ->
                        row.put(target.name(), 1 - loss(target, adapter.inference()) / before.get(target.name())))));
        lookahead.put(helping.name(), row);
        embeddings.put(helping.name(), embedding(helping));
      }
      return new TaskAffinity(
          lookahead,
          table(gradients, ofTargets, TaskAffinity::cosine),
          table(embeddings, embeddingsOfTargets, TaskAffinity::cosine));
    }

    private static Map<String, Map<String, Double>> table(
        Map<String, double[]> helping, Map<String, double[]> targets, ToDoubleBiFunction<double[], double[]> of) {
      Map<String, Map<String, Double>> table = new LinkedHashMap<>();
      helping.forEach((source, a) -> {
        Map<String, Double> row = new LinkedHashMap<>();
        targets.forEach((target, b) -> row.put(target, of.applyAsDouble(a, b)));
        table.put(source, row);
      });
      return table;
    }

    private List<MicroBatch> batches(TaskData task) {
      List<Example> some = task.limited(examples, training.seed()).examples();
      var packer = new Packer(Integer.MAX_VALUE, training.microBatchTokens());
      return packer.microBatches(some.stream().map(example -> new MicroBatch.Sequence(0, example)).toList());
    }

    private double loss(TaskData task, LinearTransform transform) {
      return step.evaluate(batches(task), transform, between).getFirst().mean();
    }

    /** The gradient of a task's loss, and a look at the adapter after one step along it. */
    private double[] afterOneStep(TaskData task, Consumer<LoraTrainable> look) {
      between.run();
      try (LoraTrainable adapter =
              LoraTrainable.create(model, study.adapter().withoutDropout().toAdapterConfig(), training.seed());
          var optimiser = new AdamWOptimizer(device, adapter.parameters(), training.optimiser(), false)) {
        var batch = new StepBatch(batches(task));
        step.run(batch, _ -> adapter.training(new RandomKey(0, 0)), optimiser, training.learningRate());
        double[] gradient = host(adapter.parameters().values().stream().map(Variable::gradient).toList());
        look.accept(adapter);
        return gradient;
      }
    }

    private double[] host(List<Tensor> tensors) {
      double[] all = new double[(int) tensors.stream().mapToLong(Tensor::elements).sum()];
      int at = 0;
      for (Tensor tensor : tensors) {
        Tensor copy = Tensor.zerosOnHost(tensor.dtype(), tensor.shape());
        device.copyToHost(copy, tensor);
        for (long i = 0; i < tensor.elements(); i++) {
          all[at++] = copy.get(i);
        }
      }
      return all;
    }

    private double[] embedding(TaskData task) {
      double[] mean = new double[model.config().hiddenSize()];
      int count = 0;
      for (MicroBatch batch : batches(task)) {
        between.run();
        try (TensorArena arena = device.openArena("embedding");
            Tape tape = Tape.inference(device, arena)) {
          List<TokenSequence> prompts = new ArrayList<>();
          batch.sequences().forEach(sequence -> prompts.add(TokenSequence.of(prompt(sequence.example()))));
          TokenBatch tokens = TokenBatch.pack(model.config(), device, arena, prompts);
          Tensor hidden = model.forward(tape, tokens, LinearTransform.BASE, ForwardObserver.NONE, false).value();
          double[] states = host(List.of(hidden));
          int row = 0;
          for (TokenSequence prompt : prompts) {
            for (int token = 0; token < prompt.length(); token++, row++) {
              for (int i = 0; i < mean.length; i++) {
                mean[i] += states[row * mean.length + i] / prompt.length();
              }
            }
          }
          count += prompts.size();
        }
      }
      for (int i = 0; i < mean.length; i++) {
        mean[i] /= count;
      }
      return mean;
    }

    /** What comes before the first token that is learnt; the whole of a text that is learnt as a whole. */
    private static int[] prompt(Example example) {
      int learnt = 1;
      while (learnt < example.length() && !example.supervised()[learnt]) {
        learnt++;
      }
      return Arrays.copyOf(example.ids(), learnt == 1 ? example.length() : learnt);
    }
  }
}
