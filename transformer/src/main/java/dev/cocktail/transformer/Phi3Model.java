package dev.cocktail.transformer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Tape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.tensor.safetensors.StoredTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A Phi-3-family decoder on a device. Its weights are frozen, and stay in the dtype and, where the device reads host
 * memory, in the mapping of the file they came from; {@link #makeTrainable} turns chosen ones into parameters.
 *
 * <p>A model is driven by the thread that drives its device. Closing it gives back its memory and its files.
 */
public final class Phi3Model implements AutoCloseable {
  private static final double INITIAL_STD = 0.02;

  private final Phi3Config config;
  private final Device device;
  private final TensorArena arena;
  private final WeightSource source;
  private final RopeTables ropeTables;
  private final Map<String, Variable> weights;
  private final Map<String, Variable> parameters = new LinkedHashMap<>();
  private List<DecoderLayer> layers;
  private List<LinearModule> linearModules;

  private Phi3Model(
      Phi3Config config, Device device, TensorArena arena, WeightSource source, Map<String, Variable> weights) {
    this.config = config;
    this.device = device;
    this.arena = arena;
    this.source = source;
    this.weights = weights;
    this.ropeTables = new RopeTables(config.rope(), device, arena);
    wire();
  }

  /**
   * Opens a Hugging Face model folder. Every tensor is checked for presence, shape and dtype before anything else.
   *
   * @throws InvalidInputException when configuration or weights are not those of a supported model
   */
  public static Phi3Model load(Path folder, Device device) {
    Phi3Config config = Phi3Config.read(folder);
    WeightSource source = WeightSource.open(folder, config);
    TensorArena arena = device.openArena("model");
    try {
      Map<String, Variable> weights = new LinkedHashMap<>();
      for (String name : WeightNames.shapes(config).keySet()) {
        weights.put(name, Variable.frozen(device.adopt(arena, source.tensor(name))));
      }
      device.synchronize();
      return new Phi3Model(config, device, arena, source, weights);
    } catch (RuntimeException | Error e) {
      arena.close();
      source.close();
      throw e;
    }
  }

  /**
   * A model with random weights, for benchmarks: matrices normal with standard deviation 0.02, norms 1.
   *
   * @param dtype the type of all weights: F32, BF16 or F16
   * @param seed decides every number
   */
  public static Phi3Model random(Phi3Config config, Device device, DType dtype, long seed) {
    requireNonNull(config, "config");
    TensorArena arena = device.openArena("model");
    try {
      Map<String, Variable> weights = new LinkedHashMap<>();
      for (var entry : WeightNames.shapes(config).entrySet()) {
        Tensor weight = arena.allocate(dtype, entry.getValue());
        if (entry.getValue().rank() == 1) {
          device.ops().fill(weight, 1);
        } else {
          device.ops().normal(weight, 0, INITIAL_STD, new RandomKey(seed, 0).derive(weights.size()));
        }
        weights.put(entry.getKey(), Variable.frozen(weight));
      }
      return new Phi3Model(config, device, arena, null, weights);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  private void wire() {
    List<DecoderLayer> wired = new ArrayList<>();
    List<LinearModule> modules = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      wired.add(
          new DecoderLayer(
              layer,
              weights.get(WeightNames.inputNorm(layer)),
              module(WeightNames.qkv(layer), 4 * layer),
              module(WeightNames.attentionOutput(layer), 4 * layer + 1),
              weights.get(WeightNames.attentionNorm(layer)),
              module(WeightNames.gateUp(layer), 4 * layer + 2),
              module(WeightNames.down(layer), 4 * layer + 3)));
      modules.addAll(wired.getLast().modules());
    }
    layers = List.copyOf(wired);
    linearModules = List.copyOf(modules);
  }

  private LinearModule module(String name, int index) {
    Variable weight = weights.get(name + ".weight");
    int in = Math.toIntExact(weight.value().dim(1));
    return new LinearModule(name, index, weight, in, Math.toIntExact(weight.value().dim(0)));
  }

  public Phi3Config config() {
    return config;
  }

  public Device device() {
    return device;
  }

  /** The folder the model was loaded from; empty for random weights. */
  public Optional<Path> folder() {
    return Optional.ofNullable(source).map(WeightSource::folder);
  }

  /** Tensors that the checkpoint holds beside the model's own; they are not used. */
  public List<String> ignoredTensors() {
    return source == null ? List.of() : source.ignored();
  }

  /** Every weight under its checkpoint name, in model order; {@code lm_head.weight} is absent where it is tied. */
  public Map<String, Variable> weights() {
    return Collections.unmodifiableMap(weights);
  }

  /** The places where adapters attach, in model order. To be asked for after {@link #makeTrainable}. */
  public List<LinearModule> linearModules() {
    return linearModules;
  }

  /** The weight of the output projection [V,H], which is the embedding where they are tied. */
  public Variable outputWeight() {
    return weights.get(config.tiedEmbeddings() ? WeightNames.EMBEDDING : WeightNames.OUTPUT);
  }

  /**
   * Turns weights into trainable parameters: copies in the device's parameter type, with gradients set to zero. To be
   * called before {@link #linearModules} is handed out.
   *
   * @param selectors {@code all}, names, ends of names ({@code qkv_proj}), or patterns with {@code *}
   * @param parameterArena owns values and gradients; must outlive the model's use
   * @return the new parameters under their checkpoint names, in model order
   * @throws InvalidInputException when a selector chooses nothing
   */
  public Map<String, Variable> makeTrainable(List<String> selectors, TensorArena parameterArena) {
    if (config.tiedEmbeddings()
        && selectors.stream().anyMatch(s -> s.equals("lm_head") || s.equals("lm_head.weight"))) {
      throw new InvalidInputException(
          "this model has no lm_head.weight of its own (tie_word_embeddings); name "
              + WeightNames.EMBEDDING
              + " instead");
    }
    Map<String, Variable> made = new LinkedHashMap<>();
    for (String name : WeightSelector.select(weights.keySet(), selectors)) {
      Variable frozen = weights.get(name);
      if (frozen.isParameter()) {
        continue;
      }
      Tensor value = parameterArena.allocate(device.parameterType(), frozen.value().shape());
      Tensor gradient = parameterArena.allocate(device.parameterType(), frozen.value().shape());
      device.ops().cast(value, frozen.value());
      device.ops().fill(gradient, 0);
      made.put(name, Variable.parameter(value, gradient));
    }
    weights.putAll(made);
    parameters.clear();
    weights.forEach((name, weight) -> {
      if (weight.isParameter()) {
        parameters.put(name, weight);
      }
    });
    wire();
    return made;
  }

  /** The weights that {@link #makeTrainable} made parameters, under their checkpoint names, in model order. */
  public Map<String, Variable> parameters() {
    return Collections.unmodifiableMap(parameters);
  }

  /** {@link #forward(Tape, TokenBatch, LinearTransform, ForwardObserver, boolean)} keeping all that backward needs. */
  public Variable forward(Tape tape, TokenBatch batch, LinearTransform transform, ForwardObserver observer) {
    return forward(tape, batch, transform, observer, false);
  }

  /**
   * Runs the decoder on a packed batch.
   *
   * @param transform what stands in the place of the linear projections
   * @param observer sees values on the way
   * @param recompute keep only each layer's input and run the layer again in the backward pass
   * @return the normalised hidden states [T,H], from which {@link #loss} and {@link #logits} go on
   */
  public Variable forward(
      Tape tape, TokenBatch batch, LinearTransform transform, ForwardObserver observer, boolean recompute) {
    Tensor cos = ropeTables.cos(batch.ropeRowCount());
    Tensor sin = ropeTables.sin(batch.ropeRowCount());
    var shape = config.attentionShape();
    return run(
        tape,
        batch.ids(),
        transform,
        observer,
        recompute,
        (t, layer, qkv) -> t.attention(t.rope(qkv, cos, sin, batch.ropeRows(), shape), batch.sequences(), shape));
  }

  /** The decoder around any kind of attention; ids I32 [T]. */
  Variable run(
      Tape tape,
      Tensor ids,
      LinearTransform transform,
      ForwardObserver observer,
      boolean recompute,
      DecoderLayer.Attention attention) {
    Variable x = tape.embedding(weights.get(WeightNames.EMBEDDING), ids);
    observer.observe("inputs_embeds", x);
    for (DecoderLayer layer : layers) {
      observer.observe("block_input." + layer.index(), x);
      x =
          recompute
              ? tape.checkpoint(x, in -> layer.forward(tape, in, transform, attention, config.rmsNormEpsilon()))
              : tape.scoped(x, in -> layer.forward(tape, in, transform, attention, config.rmsNormEpsilon()));
    }
    Variable hidden =
        tape.scoped(x, in -> tape.rmsNorm(in, weights.get(WeightNames.FINAL_NORM), config.rmsNormEpsilon()));
    observer.observe("final_norm", hidden);
    return hidden;
  }

  RopeTables ropeTables() {
    return ropeTables;
  }

  /**
   * Cross-entropy of each token against its target; on a recording tape it also starts the backward pass, with the
   * gradient of {@code sum(lossWeights * losses)}.
   *
   * @param hidden what {@link #forward} returned for the same batch
   * @return unweighted losses, parameter type [T], 0 where there is no target; they live as long as the tape
   */
  public Tensor loss(Tape tape, Variable hidden, TokenBatch batch) {
    return tape.crossEntropy(hidden, outputWeight(), batch.targets(), batch.lossWeights());
  }

  /**
   * Logits of some tokens; not recorded.
   *
   * @param hidden what {@link #forward} returned
   * @param rows which tokens, I32 [R] on the device; null for all
   * @return parameter type [R,V] (activations may be too coarse to tell close logits apart) in the tape's arena; the
   *     caller frees it or leaves it to the arena
   */
  public Tensor logits(Tape tape, Variable hidden, Tensor rows) {
    TensorArena memory = tape.arena();
    Tensor chosen = hidden.value();
    if (rows != null) {
      chosen = memory.allocate(chosen.dtype(), rows.elements(), config.hiddenSize());
      device.ops().gatherRows(chosen, hidden.value(), rows);
    }
    Tensor logits = memory.allocate(device.parameterType(), chosen.dim(0), config.vocabSize());
    device.ops().gemm(logits, 1, chosen, false, outputWeight().value(), true, 0);
    if (rows != null) {
      memory.free(chosen);
    }
    return logits;
  }

  /**
   * Writes the model, as it is now, as a new Hugging Face folder with the configuration and tokenizer it was loaded
   * with.
   *
   * @param target the new folder
   * @param dtype the type of all weights there: F32, BF16 or F16; narrower ones are rounded to nearest even
   * @throws InvalidInputException when the target holds a model already
   */
  public void save(Path target, DType dtype) {
    Path from = folder().orElseThrow(() -> new IllegalStateException("a model of random weights has no configuration"));
    ModelFolder.requireFree(target);
    try (HostStaging staging = new HostStaging(device)) {
      List<StoredTensor> stored = new ArrayList<>();
      weights.forEach((name, weight) ->
          stored.add(
              new StoredTensor(name, dtype, weight.value().shape(), () -> staging.bring(weight.value(), dtype))));
      ModelFolder.write(target, from, stored, dtype);
    }
  }

  @Override
  public void close() {
    arena.close();
    if (source != null) {
      source.close();
    }
  }
}
