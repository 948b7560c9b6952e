package dev.cocktail.transformer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.lang.foreign.Arena;

/**
 * Cosines and sines of every position, on the device, growing as longer sequences come. Row p serves position p of a
 * sequence rotated plainly or with longrope's short factors; with longrope, row {@code originalMaxPositions + p} serves
 * position p of a sequence rotated with the long ones. The two never collide, since a sequence with short factors has
 * at most {@code originalMaxPositions} tokens.
 *
 * <p><b>Rounding.</b> In F32 the tables repeat the roundings of the implementation that Phi models were trained and
 * released with: inverse frequencies are rounded to float after every step, the angle is the float product of position
 * and inverse frequency. At position 5000 that angle lies up to 2e-4 from the exact one, so exact tables would not
 * reproduce the model at long positions; a test compares the inverse frequencies bit for bit. In F64, which only
 * references use, everything is exact to the last bits.
 */
public final class RopeTables {
  private static final int SMALLEST = 256;

  private final RopeConfig config;
  private final Device device;
  private final TensorArena arena;
  private Tensor cos;
  private Tensor sin;

  /** Tables that live in the given arena. */
  RopeTables(RopeConfig config, Device device, TensorArena arena) {
    this.config = requireNonNull(config, "config");
    this.device = requireNonNull(device, "device");
    this.arena = requireNonNull(arena, "arena");
  }

  /** The row of a position, in a sequence that uses long factors or not. */
  static int row(RopeConfig config, int position, boolean longFactors) {
    if (position < 0) {
      throw new IllegalArgumentException("a negative position: " + position);
    }
    if (!config.isLongRope()) {
      return position;
    }
    if (longFactors) {
      return Math.addExact(config.originalMaxPositions(), position);
    }
    if (position >= config.originalMaxPositions()) {
      throw new IllegalArgumentException(
          "position "
              + position
              + " cannot be rotated with the short factors, which end at "
              + config.originalMaxPositions());
    }
    return position;
  }

  /** Cosines with at least the given number of rows, {@code Device.parameterType()} [P, rotaryDim / 2]. */
  Tensor cos(int rows) {
    grow(rows);
    return cos;
  }

  /** Sines like {@link #cos}. */
  Tensor sin(int rows) {
    grow(rows);
    return sin;
  }

  private void grow(int rows) {
    int present = cos == null ? 0 : (int) cos.dim(0);
    if (cos != null && rows <= present) {
      return;
    }
    // Smaller tables stay in the arena: a recorded pass may still refer to them. Doubling bounds them all together.
    int target = Math.max(Math.max(rows, SMALLEST), (int) Math.min(2L * present, Integer.MAX_VALUE));
    Shape shape = Shape.of(target, config.rotaryDim() / 2);
    DType dtype = device.parameterType();
    cos = arena.allocate(dtype, shape);
    sin = arena.allocate(dtype, shape);
    try (Arena temporary = Arena.ofConfined()) {
      Tensor hostCos = Tensor.onHost(dtype, shape, temporary.allocate(cos.byteSize(), 64));
      Tensor hostSin = Tensor.onHost(dtype, shape, temporary.allocate(sin.byteSize(), 64));
      fill(hostCos, hostSin, target);
      device.copyFromHost(cos, hostCos);
      device.copyFromHost(sin, hostSin);
      device.synchronize();
    }
  }

  private void fill(Tensor hostCos, Tensor hostSin, int rows) {
    boolean exact = hostCos.dtype() == DType.F64;
    double[] shortFrequencies = inverseFrequencies(config, false, exact);
    double[] longFrequencies = inverseFrequencies(config, true, exact);
    int pairs = config.rotaryDim() / 2;
    double factor = config.attentionFactor();
    for (int row = 0; row < rows; row++) {
      boolean isLong = config.isLongRope() && row >= config.originalMaxPositions();
      int position = isLong ? row - config.originalMaxPositions() : row;
      double[] frequencies = isLong ? longFrequencies : shortFrequencies;
      for (int j = 0; j < pairs; j++) {
        long index = (long) row * pairs + j;
        if (exact) {
          double angle = position * frequencies[j];
          hostCos.set(index, Math.cos(angle) * factor);
          hostSin.set(index, Math.sin(angle) * factor);
        } else {
          float angle = (float) position * (float) frequencies[j];
          hostCos.set(index, (float) Math.cos(angle) * (float) factor);
          hostSin.set(index, (float) Math.sin(angle) * (float) factor);
        }
      }
    }
  }

  /**
   * {@code 1 / (factor_j theta^(2j / rotaryDim))}, with factor_j = 1 for plain embeddings.
   *
   * @param exact in double precision, otherwise rounded to float after every step
   */
  static double[] inverseFrequencies(RopeConfig config, boolean longFactors, boolean exact) {
    int pairs = config.rotaryDim() / 2;
    double[] frequencies = new double[pairs];
    for (int j = 0; j < pairs; j++) {
      double factor = config.isLongRope() ? (longFactors ? config.longFactors() : config.shortFactors()).get(j) : 1;
      if (exact) {
        frequencies[j] = 1 / (factor * Math.pow(config.theta(), 2.0 * j / config.rotaryDim()));
      } else {
        float exponent = (float) (2 * j) / (float) config.rotaryDim();
        float wavelength = (float) factor * (float) Math.pow(config.theta(), exponent);
        frequencies[j] = 1f / wavelength;
      }
    }
    return frequencies;
  }
}
