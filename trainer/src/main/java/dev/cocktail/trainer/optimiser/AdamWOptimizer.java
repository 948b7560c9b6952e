package dev.cocktail.trainer.optimiser;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.AdamW;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * AdamW with clipping over a set of parameters, as PyTorch's {@code clip_grad_norm_} and {@code AdamW} do it. Holds the
 * two moments of every parameter; closing it frees them.
 */
public final class AdamWOptimizer implements AutoCloseable {
  /**
   * What stays the same from step to step.
   *
   * @param beta1 decay of the first moment
   * @param beta2 decay of the second moment
   * @param epsilon added to the root of the second moment
   * @param weightDecay decoupled decay of all parameters but the weights of norms
   * @param maxGradNorm all gradients together are scaled down to this Euclidean norm; infinity for no clipping
   */
  public record Settings(double beta1, double beta2, double epsilon, double weightDecay, double maxGradNorm) {}

  /** The parameters that decay, or those that do not. */
  private record Group(
      double weightDecay, List<Tensor> values, List<Tensor> gradients, List<Tensor> first, List<Tensor> second) {
    Group(double weightDecay) {
      this(weightDecay, new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    }
  }

  private final Device device;
  private final Ops ops;
  private final Settings settings;
  private final TensorArena arena;
  private final List<Group> groups;
  private final List<Tensor> gradients = new ArrayList<>();
  private final List<Tensor> values = new ArrayList<>();

  /** The values before the last step; empty where they are not kept. */
  private final List<Tensor> previous = new ArrayList<>();

  private final Map<String, Tensor> moments = new LinkedHashMap<>();
  private final Map<String, Tensor> previousByName = new LinkedHashMap<>();
  private final Tensor norm;
  private final Tensor scale;
  private final Tensor normOnHost;
  private long steps;
  private boolean undoable;

  /**
   * An optimiser at step 0, its moments zero, that cannot undo.
   *
   * @param parameters name to trainable leaf, in the order in which the norm is summed
   */
  public AdamWOptimizer(Device device, Map<String, Variable> parameters, Settings settings) {
    this(device, parameters, settings, false);
  }

  /**
   * An optimiser at step 0, its moments zero.
   *
   * @param parameters name to trainable leaf, in the order in which the norm is summed
   * @param undoable whether to keep the values before the last step, for {@link #undo}; takes the parameters' memory
   *     again
   */
  public AdamWOptimizer(Device device, Map<String, Variable> parameters, Settings settings, boolean undoable) {
    this.device = requireNonNull(device, "device");
    this.ops = device.ops();
    this.settings = requireNonNull(settings, "settings");
    this.arena = device.openArena("optimiser");
    Group decaying = new Group(settings.weightDecay());
    Group constant = new Group(0);
    parameters.forEach((name, parameter) -> {
      Group group = decays(name) ? decaying : constant;
      Tensor value = parameter.value();
      group.values.add(value);
      group.gradients.add(parameter.gradient());
      Tensor first = zeros(value);
      Tensor second = zeros(value);
      group.first.add(first);
      group.second.add(second);
      moments.put("exp_avg." + name, first);
      moments.put("exp_avg_sq." + name, second);
      gradients.add(parameter.gradient());
      values.add(value);
      if (undoable) {
        Tensor before = arena.allocate(value.dtype(), value.shape());
        previous.add(before);
        previousByName.put("previous." + name, before);
      }
    });
    this.groups = List.of(decaying, constant);
    this.norm = arena.allocate(device.parameterType(), 1);
    this.scale = arena.allocate(device.parameterType(), 1);
    this.normOnHost = Tensor.zerosOnHost(device.parameterType(), norm.shape());
  }

  /**
   * Norms' weights hover around one; pulling them to zero is no regularisation. Transformers' Trainer spares them too.
   */
  private static boolean decays(String name) {
    return !name.endsWith("norm.weight");
  }

  private Tensor zeros(Tensor like) {
    Tensor zeros = arena.allocate(like.dtype(), like.shape());
    ops.fill(zeros, 0);
    return zeros;
  }

  /**
   * All that it remembers beside the number of steps: under PyTorch's names the two moments of each parameter, {@code
   * exp_avg.NAME} and {@code exp_avg_sq.NAME}, and, where a step can be undone, the values before it, {@code
   * previous.NAME}. The tensors themselves, not copies.
   */
  public Map<String, Tensor> state() {
    Map<String, Tensor> state = new LinkedHashMap<>(moments);
    if (undoable) {
      state.putAll(previousByName);
    }
    return state;
  }

  /**
   * Goes on after so many steps: the tensors to be filled with what {@link #state()} had then.
   *
   * @param stepsTaken above 0
   */
  public Map<String, Tensor> state(long stepsTaken) {
    steps = stepsTaken;
    undoable = !previous.isEmpty();
    return state();
  }

  /** Number of steps taken. */
  public long steps() {
    return steps;
  }

  /** Sets all gradients to zero. */
  public void zeroGradients() {
    ops.fill(gradients, 0);
  }

  /** Issues the norm of all gradients, which {@link #step} reads: call it when the gradients are complete. */
  public void measure() {
    ops.gradientNorm(norm, scale, gradients, settings.maxGradNorm());
  }

  /**
   * Clips by the norm that {@link #measure} took, and takes one step; but where the norm is not finite, nothing is
   * changed.
   *
   * @return the norm of all gradients before clipping
   */
  public double step(double learningRate) {
    device.copyToHost(normOnHost, norm);
    double value = normOnHost.get(0);
    if (!Double.isFinite(value)) {
      return value;
    }
    if (!previous.isEmpty()) {
      ops.cast(previous, values);
    }
    undoable = !previous.isEmpty();
    steps++;
    for (Group group : groups) {
      if (!group.values.isEmpty()) {
        ops.adamW(
            group.values,
            group.gradients,
            group.first,
            group.second,
            scale,
            new AdamW(learningRate, settings.beta1(), settings.beta2(), settings.epsilon(), group.weightDecay, steps));
      }
    }
    return value;
  }

  /**
   * Gives the parameters the values they had before the last step; the moments stay as they are, so this is for
   * stopping.
   *
   * @return whether there was such a step, and its values were kept
   */
  public boolean undo() {
    boolean undone = undoable;
    for (int i = 0; undone && i < previous.size(); i++) {
      ops.cast(values.get(i), previous.get(i));
    }
    undoable = false;
    return undone;
  }

  @Override
  public void close() {
    arena.close();
  }
}
