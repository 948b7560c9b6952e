package dev.cocktail.tensor;

import static java.util.Objects.requireNonNull;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * One forward pass, and the backward pass that follows it. Each method runs one operation of {@link Ops} at once and,
 * when recording, remembers how to carry a gradient back through it. Going back, operations run in reverse order, and
 * what each one needed is freed as soon as it is done.
 *
 * <p><b>Memory.</b> Results live in the tape's arena as long as the {@link #scoped scope} they were made in is open or
 * a recorded operation needs them. Operations that work in place consume their argument: using it afterwards is
 * refused.
 *
 * <p>A tape is used by the thread that drives its device, for one pass, and closed.
 */
public final class Tape implements AutoCloseable {
  private final Device device;
  private final Ops ops;
  private final TensorArena arena;
  private final Deque<Set<Storage>> scopes = new ArrayDeque<>();
  private final List<Variable> gradientKeepers = new ArrayList<>();
  private List<Node> nodes = new ArrayList<>();
  private boolean recording;

  /** How to go back through one operation; {@code saved} is what it needs and lets go of afterwards. */
  private record Node(Runnable backward, List<Storage> saved, List<Variable> outputs) {}

  /** Where a gradient goes: into fresh memory, or added to what is there. */
  private record Target(Tensor tensor, boolean accumulate) {
    double beta() {
      return accumulate ? 1 : 0;
    }
  }

  /** The two results of {@link #addRmsNorm}. */
  public record Normalised(Variable sum, Variable normalised) {}

  private Tape(Device device, TensorArena arena, boolean recording) {
    this.device = requireNonNull(device, "device");
    this.ops = device.ops();
    this.arena = requireNonNull(arena, "arena");
    this.recording = recording;
    scopes.push(newScope());
  }

  /** A tape for training: it can go back. */
  public static Tape recording(Device device, TensorArena arena) {
    return new Tape(device, arena, true);
  }

  /** A tape that only goes forward and frees results as soon as their scope ends. */
  public static Tape inference(Device device, TensorArena arena) {
    return new Tape(device, arena, false);
  }

  public Device device() {
    return device;
  }

  public TensorArena arena() {
    return arena;
  }

  /** Whether operations issued now are remembered for a backward pass. */
  public boolean isRecording() {
    return recording;
  }

  // Operations

  /** Rows of a table: weight [V,H], ids I32 [T] -> [T,H]. */
  public Variable embedding(Variable weight, Tensor ids) {
    Variable out = result(device.activationType(), Shape.of(ids.elements(), weight.value().dim(1)), weight);
    ops.embedding(out.value(), weight.value(), ids);
    record(() -> ops.embeddingBackward(parameterGradient(weight), out.gradient(), ids), out);
    return out;
  }

  /** Root-mean-square norm of each row of x [T,H], times weight [H]. */
  public Variable rmsNorm(Variable x, Variable weight, double epsilon) {
    Variable out = result(x.value().dtype(), x.value().shape(), x, weight);
    Storage rstd = fresh(device.parameterType(), Shape.of(x.value().dim(0)));
    ops.rmsNorm(out.value(), rstd.tensor(), null, x.value(), null, weight.value(), epsilon);
    record(() -> rmsNormBackward(x, x.storage(), weight, rstd, out), List.of(x.storage(), rstd), out);
    return out;
  }

  /** {@code sum = x + residual} and its norm in one pass; both results have gradients of their own. */
  public Normalised addRmsNorm(Variable x, Variable residual, Variable weight, double epsilon) {
    Variable sum = result(x.value().dtype(), x.value().shape(), x, residual);
    Variable out = result(x.value().dtype(), x.value().shape(), sum, weight);
    Storage rstd = fresh(device.parameterType(), Shape.of(x.value().dim(0)));
    ops.rmsNorm(out.value(), rstd.tensor(), sum.value(), x.value(), residual.value(), weight.value(), epsilon);
    // Recorded as two operations, so that going back the norm adds to the gradient that reached the sum directly.
    record(() -> passGradient(sum, x, residual), sum);
    record(() -> rmsNormBackward(sum, sum.storage(), weight, rstd, out), List.of(sum.storage(), rstd), out);
    return new Normalised(sum, out);
  }

  private void rmsNormBackward(Variable x, Storage normalised, Variable weight, Storage rstd, Variable out) {
    Target dX = x.requiresGradient() ? target(x) : new Target(null, false);
    ops.rmsNormBackward(
        dX.tensor(),
        dX.accumulate(),
        weight.requiresGradient() ? parameterGradient(weight) : null,
        out.gradient(),
        normalised.tensor(),
        weight.value(),
        rstd.tensor());
  }

  /** {@code x + y}, elementwise. */
  public Variable add(Variable x, Variable y) {
    Variable out = result(x.value().dtype(), x.value().shape(), x, y);
    ops.addScaled(out.value(), x.value(), y.value(), 1);
    record(() -> passGradient(out, x, y), out);
    return out;
  }

  /** {@code x w^T}: x [T,K], w [N,K] -> [T,N]. */
  public Variable linear(Variable x, Variable w) {
    Variable out = result(device.activationType(), Shape.of(x.value().dim(0), w.value().dim(0)), x, w);
    ops.gemm(out.value(), 1, x.value(), false, w.value(), true, 0);
    record(() -> linearBackward(x, w, 1, out), savedForWeight(x, w), out);
    return out;
  }

  /** {@code y + scale x w^T}, in place on y, which is consumed: y [T,N], x [T,K], w [N,K]. */
  public Variable addLinear(Variable y, Variable x, Variable w, double scale) {
    Variable out = inPlace(y, x, w);
    ops.gemm(out.value(), scale, x.value(), false, w.value(), true, 1);
    record(
        () -> {
          linearBackward(x, w, scale, out);
          passGradient(out, y);
        },
        savedForWeight(x, w),
        out);
    return out;
  }

  private static List<Storage> savedForWeight(Variable x, Variable w) {
    return w.requiresGradient() ? List.of(x.storage()) : List.of();
  }

  private void linearBackward(Variable x, Variable w, double scale, Variable out) {
    if (w.requiresGradient()) {
      ops.gemm(parameterGradient(w), scale, out.gradient(), true, x.handle(), false, 1);
    }
    if (x.requiresGradient()) {
      Target dX = target(x);
      ops.gemm(dX.tensor(), scale, out.gradient(), false, w.value(), false, dX.beta());
    }
  }

  /** {@code x[t,n] factors[n]}; x is consumed. */
  public Variable scaleColumns(Variable x, Variable factors) {
    boolean needsX = recording && factors.requiresGradient();
    Variable out = needsX ? result(x.value().dtype(), x.value().shape(), x, factors) : inPlace(x, factors);
    Storage in = x.storage();
    ops.scaleColumns(out.value(), in.tensor(), factors.value());
    if (needsX) {
      x.consume();
    }
    List<Storage> saved = needsX ? List.of(in, factors.storage()) : List.of(factors.storage());
    record(
        () -> {
          Tensor dFactors = null;
          if (factors.requiresGradient()) {
            Target target = target(factors);
            dFactors = target.tensor();
            if (!target.accumulate()) {
              ops.fill(dFactors, 0);
            }
          }
          Target dX = x.requiresGradient() ? target(x) : new Target(null, false);
          // Only the factors' gradient reads what was scaled; where there is none it was freed, and its place may be
          // dX's.
          Tensor scaled = needsX ? in.tensor() : out.gradient();
          ops.scaleColumnsBackward(dX.tensor(), dX.accumulate(), dFactors, out.gradient(), scaled, factors.handle());
        },
        saved,
        out);
    return out;
  }

  /** {@code numerator / denominator}, elementwise in parameter type; the denominator counts as a constant. */
  public Variable divide(Variable numerator, Tensor denominator) {
    Variable out = result(numerator.value().dtype(), numerator.value().shape(), numerator);
    ops.divide(out.value(), false, numerator.value(), denominator);
    record(
        () -> {
          Target target = target(numerator);
          ops.divide(target.tensor(), target.accumulate(), out.gradient(), denominator);
        },
        out);
    return out;
  }

  /**
   * Rotary position embedding in place on packed queries, keys and values, which are consumed; see {@link Ops#rope}.
   */
  public Variable rope(Variable qkv, Tensor cos, Tensor sin, Tensor rowOfToken, AttentionShape shape) {
    Variable out = inPlace(qkv);
    ops.rope(out.value(), cos, sin, rowOfToken, shape, false);
    record(
        () -> {
          makeGradientExclusive(out);
          ops.rope(out.gradient(), cos, sin, rowOfToken, shape, true);
          passGradient(out, qkv);
        },
        out);
    return out;
  }

  /** Causal attention inside each packed sequence: qkv [T, (nq + 2 nkv) d] -> [T, nq d]; see {@link Ops#attention}. */
  public Variable attention(Variable qkv, Sequences sequences, AttentionShape shape) {
    long tokens = qkv.value().dim(0);
    Variable out = result(qkv.value().dtype(), Shape.of(tokens, shape.queryWidth()), qkv);
    Storage lse = fresh(device.parameterType(), Shape.of(tokens, shape.heads()));
    ops.attention(out.value(), lse.tensor(), qkv.value(), sequences, shape);
    record(
        () -> {
          Target dQkv = wholeTarget(qkv);
          ops.attentionBackward(
              dQkv.tensor(), out.gradient(), out.handle(), lse.tensor(), qkv.handle(), sequences, shape);
        },
        List.of(qkv.storage(), out.storage(), lse),
        out);
    return out;
  }

  /** {@code silu(gate) up} on fused projections: [T,2I] -> [T,I]. */
  public Variable swiglu(Variable gateUp) {
    Tensor in = gateUp.value();
    Variable out = result(in.dtype(), Shape.of(in.dim(0), in.dim(1) / 2), gateUp);
    ops.swiglu(out.value(), in);
    Storage saved = gateUp.storage();
    record(
        () -> {
          if (saved.isExclusive() && gateUp.gradientStorage() == null) {
            // Nobody reads the projections after this: their memory, the largest of a layer, becomes their gradient's.
            ops.swigluBackward(saved.tensor(), out.gradient(), saved.tensor());
            gateUp.setGradient(saved.hold());
          } else {
            ops.swigluBackward(wholeTarget(gateUp).tensor(), out.gradient(), saved.tensor());
          }
        },
        List.of(saved),
        out);
    return out;
  }

  /** Inverted dropout with the numbers of {@code key}; x itself when p is 0. */
  public Variable dropout(Variable x, double p, RandomKey key) {
    if (p == 0) {
      return x;
    }
    Variable out = result(x.value().dtype(), x.value().shape(), x);
    ops.dropout(out.value(), false, x.value(), p, key);
    record(
        () -> {
          Target dX = target(x);
          ops.dropout(dX.tensor(), dX.accumulate(), out.gradient(), p, key);
        },
        out);
    return out;
  }

  /**
   * Cross-entropy of the next token; see {@link Ops#crossEntropy}. When recording, the gradient of {@code sum(weights *
   * losses)} is made in the same pass, and {@link #backward} starts from it.
   *
   * @param hidden [T,H]
   * @param w [V,H]
   * @param targets I32 [T], negative where there is none
   * @param weights parameter type [T]
   * @return losses, parameter type [T]; they live as long as the tape
   */
  public Tensor crossEntropy(Variable hidden, Variable w, Tensor targets, Tensor weights) {
    Storage losses = fresh(device.parameterType(), Shape.of(hidden.value().dim(0)));
    boolean goesBack = recording && hidden.requiresGradient();
    Tensor dW = recording && w.requiresGradient() ? parameterGradient(w) : null;
    Storage before = hidden.gradientStorage();
    hidden.setGradient(null);
    Tensor dHidden = goesBack ? target(hidden).tensor() : null;
    ops.crossEntropy(losses.tensor(), dHidden, dW, hidden.value(), w.value(), targets, weights);
    if (before != null) {
      addGradient(hidden, before);
      before.release();
    }
    return losses.tensor();
  }

  // Scopes

  /**
   * Runs {@code body} and frees what it made except its result and what recorded operations need. x is consumed: unless
   * a recorded operation needs it, its memory is freed too.
   */
  public Variable scoped(Variable x, UnaryOperator<Variable> body) {
    Variable out = inScope(x, body);
    letGoOfArgument(x, out);
    return out;
  }

  /**
   * Like {@link #scoped}, but of {@code body} only the argument is kept: the backward pass runs it a second time,
   * trading time for memory. The body must compute the same both times; random numbers keyed by site do.
   */
  public Variable checkpoint(Variable x, UnaryOperator<Variable> body) {
    if (!recording) {
      return scoped(x, body);
    }
    // Held while the body runs, so that nothing in it works in place on what the second run starts from.
    Storage saved = x.storage().hold();
    recording = false;
    Variable out;
    try {
      out = inScope(x, body);
    } finally {
      recording = true;
      saved.release();
    }
    record(
        () -> {
          List<Node> outer = nodes;
          nodes = new ArrayList<>();
          Variable again = Variable.intermediate(saved.hold(), x.requiresGradient());
          Variable result = inScope(again, body);
          saved.release();
          Storage gradient = out.gradientStorage();
          result.setGradient(gradient.hold());
          // Let go of the outer reference first: operations that work in place on a gradient need it for themselves.
          out.setGradient(null);
          gradient.release();
          runBackward();
          if (scopes.peek().remove(result.storage())) {
            result.storage().release();
          }
          nodes = outer;
          if (again.gradientStorage() != null) {
            addGradient(x, again.gradientStorage());
            again.gradientStorage().release();
          }
        },
        List.of(saved),
        out);
    letGoOfArgument(x, out);
    return out;
  }

  private Variable inScope(Variable x, UnaryOperator<Variable> body) {
    Set<Storage> scope = newScope();
    scopes.push(scope);
    Variable out;
    try {
      out = requireNonNull(body.apply(x), "a scope must have a result");
    } catch (RuntimeException | Error e) {
      scope.forEach(Storage::release);
      throw e;
    } finally {
      scopes.pop();
    }
    if (scope.remove(out.storage())) {
      scopes.peek().add(out.storage());
    }
    scope.forEach(Storage::release);
    return out;
  }

  private void letGoOfArgument(Variable x, Variable out) {
    if (x.storage() != out.storage() && scopes.peek().remove(x.storage())) {
      x.consume();
      x.storage().release();
    }
  }

  // Gradients

  /** Asks for {@code x.gradient()} to be there after {@link #backward}; to be called before x is used. */
  public void keepGradient(Variable x) {
    x.keepGradient();
    gradientKeepers.add(x);
  }

  /** Adds a gradient from which the backward pass starts; of x's dtype and shape, and copied. */
  public void seed(Variable x, Tensor gradient) {
    Target target = target(x);
    if (target.accumulate()) {
      ops.addScaled(target.tensor(), target.tensor(), gradient, 1);
    } else {
      ops.cast(target.tensor(), gradient);
    }
  }

  /** Carries all gradients back to the parameters and to what {@link #keepGradient} named; possible once. */
  public void backward() {
    if (!recording) {
      throw new IllegalStateException("this tape was opened for inference and recorded nothing");
    }
    runBackward();
  }

  private void runBackward() {
    while (!nodes.isEmpty()) {
      Node node = nodes.removeLast();
      boolean reached = false;
      for (Variable output : node.outputs()) {
        reached |= output.gradientStorage() != null;
      }
      if (reached) {
        node.backward().run();
      }
      node.outputs().forEach(this::dropGradient);
      node.saved().forEach(Storage::release);
    }
  }

  private void dropGradient(Variable variable) {
    Storage gradient = variable.gradientStorage();
    if (gradient != null && !variable.keepsGradient()) {
      variable.setGradient(null);
      gradient.release();
    }
  }

  /** Where to write or add the gradient of a value that requires one. */
  private Target target(Variable variable) {
    Storage gradient = variable.gradientStorage();
    if (variable.isParameter()) {
      return new Target(gradient.tensor(), true);
    }
    if (gradient == null) {
      variable.setGradient(freshGradient(variable));
      return new Target(variable.gradient(), false);
    }
    makeGradientExclusive(variable);
    return new Target(variable.gradient(), true);
  }

  /** Like {@link #target} for operations that can only write a gradient whole. */
  private Target wholeTarget(Variable variable) {
    if (variable.gradientStorage() != null) {
      throw new IllegalStateException(variable + " has several uses; its operation cannot add to a gradient");
    }
    return target(variable);
  }

  private static Tensor parameterGradient(Variable weight) {
    if (!weight.isParameter()) {
      throw new IllegalStateException(weight + " is used as a weight and must be frozen or a parameter");
    }
    return weight.gradient();
  }

  /** Hands the gradient of a result on to each argument, sharing memory where it is the first to arrive. */
  private void passGradient(Variable from, Variable... to) {
    for (Variable variable : to) {
      if (variable.requiresGradient()) {
        addGradient(variable, from.gradientStorage());
      }
    }
  }

  private void addGradient(Variable variable, Storage gradient) {
    if (!variable.requiresGradient()) {
      return;
    }
    if (variable.gradientStorage() == null) {
      variable.setGradient(gradient.hold());
      return;
    }
    Target target = target(variable);
    ops.addScaled(target.tensor(), target.tensor(), gradient.tensor(), 1);
  }

  private void makeGradientExclusive(Variable variable) {
    Storage shared = variable.gradientStorage();
    if (shared.isExclusive()) {
      return;
    }
    Storage copy = freshGradient(variable);
    ops.cast(copy.tensor(), shared.tensor());
    variable.setGradient(copy);
    shared.release();
  }

  private Storage freshGradient(Variable variable) {
    Tensor like = variable.handle();
    return Storage.allocate(arena, like.dtype(), like.shape());
  }

  // Results

  /** A block that lives to the end of the current scope. */
  private Storage fresh(DType dtype, Shape shape) {
    Storage storage = Storage.allocate(arena, dtype, shape);
    scopes.peek().add(storage);
    return storage;
  }

  private Variable result(DType dtype, Shape shape, Variable... arguments) {
    return Variable.intermediate(fresh(dtype, shape), anyRequiresGradient(arguments));
  }

  /** A result that starts as its first argument: in its memory, or in a copy where somebody else needs that memory. */
  private Variable inPlace(Variable consumed, Variable... others) {
    Tensor value = consumed.value();
    boolean requires = consumed.requiresGradient() || anyRequiresGradient(others);
    Storage storage = consumed.storage();
    if (!storage.isExclusive()) {
      storage = fresh(value.dtype(), value.shape());
      ops.cast(storage.tensor(), value);
    }
    consumed.consume();
    return Variable.intermediate(storage, requires);
  }

  private static boolean anyRequiresGradient(Variable... arguments) {
    for (Variable argument : arguments) {
      if (argument.requiresGradient()) {
        return true;
      }
    }
    return false;
  }

  private void record(Runnable backward, Variable... outputs) {
    record(backward, List.of(), outputs);
  }

  private void record(Runnable backward, List<Storage> saved, Variable... outputs) {
    if (!recording || !anyRequiresGradient(outputs)) {
      return;
    }
    saved.forEach(Storage::hold);
    nodes.add(new Node(backward, saved, List.of(outputs)));
  }

  private static Set<Storage> newScope() {
    return Collections.newSetFromMap(new IdentityHashMap<>());
  }

  /** Frees everything the tape still holds; values and kept gradients must not be used any more. */
  @Override
  public void close() {
    while (!nodes.isEmpty()) {
      Node node = nodes.removeLast();
      node.outputs().forEach(this::dropGradient);
      node.saved().forEach(Storage::release);
    }
    for (Variable keeper : gradientKeepers) {
      if (keeper.gradientStorage() != null) {
        keeper.gradientStorage().release();
        keeper.setGradient(null);
      }
    }
    gradientKeepers.clear();
    while (!scopes.isEmpty()) {
      scopes.pop().forEach(Storage::release);
    }
  }
}
