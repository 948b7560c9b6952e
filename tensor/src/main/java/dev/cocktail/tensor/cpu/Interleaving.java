package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.MEMORY;
import static dev.cocktail.tensor.cpu.Lanes.ORDER;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Turns R rows of one vector each into their columns, one after the other: R is the number of lanes, for a transpose,
 * or that of the rows of a tile.
 *
 * <p>Zipping vector i with vector i + R/2, for all i, rotates the bits of every element's position by one; after log2 R
 * rounds the row's bits stand where the column's were. Two rounds (the first of three: one) are done between a load and
 * a store, and rounds meet in memory, in the first-level cache: a whole network in registers would be too much code for
 * the compiler.
 */
final class Interleaving {
  private static final VectorSpecies<Float> S = Lanes.FLOATS;
  private static final int LANES = S.length();
  private static final int BYTES = S.vectorByteSize();
  private static final VectorShuffle<Float> LOW = VectorShuffle.fromOp(S, i -> i / 2);
  private static final VectorShuffle<Float> HIGH = VectorShuffle.fromOp(S, i -> (LANES + i) / 2);
  private static final VectorMask<Float> ODD = VectorMask.fromLong(S, 0xAAAA_AAAA_AAAA_AAAAL);

  private static final VectorShuffle<Float> EVENS = VectorShuffle.fromOp(S, i -> 2 * i % LANES);
  private static final VectorShuffle<Float> ODDS = VectorShuffle.fromOp(S, i -> (2 * i + 1) % LANES);
  private static final VectorMask<Float> UPPER_HALF = VectorMask.fromLong(S, -1L << LANES / 2);

  /** Floats that a call wants for itself. */
  static final int SCRATCH = 16 * LANES;

  private Interleaving() {}

  /**
   * Transposes as many rows as a vector has lanes, 4, 8 or 16: element k of row i goes to {@code to + k toStride + 4
   * i}. The loop over squares is a method of its own because the compiler, in a larger one, now and then gives up
   * halfway.
   *
   * @param fromStride bytes
   * @param length elements of a row, a multiple of the number of lanes
   * @param toStride bytes
   * @param scratch address of {@link #SCRATCH} floats
   */
  static void transposeRows(long from, long fromStride, int length, long to, long toStride, long scratch) {
    for (int k = 0; k < length; k += LANES) {
      transpose(from + 4L * k, fromStride, to + k * toStride, toStride, scratch);
    }
  }

  /**
   * {@link #transposeRows} of one vector of each row, not through it: a loop that mostly ends at once is compiled as
   * one.
   */
  static void transpose(long from, long fromStride, long to, long toStride, long scratch) {
    switch (LANES) {
      case 4 -> twoRounds(4, from, fromStride, to, toStride);
      case 8 -> {
        oneRoundOf8(from, fromStride, scratch);
        twoRounds(8, scratch, BYTES, to, toStride);
      }
      case 16 -> {
        twoRounds(16, from, fromStride, scratch, BYTES);
        twoRounds(16, scratch, BYTES, to, toStride);
      }
      default -> throw new IllegalStateException("vectors of " + LANES + " lanes");
    }
  }

  /**
   * Interleaves one vector of each row of a tile of {@link MicroKernel}: element 0 of every row, element 1 of every
   * row, and so on. Its last rounds are a loop of its own: shared with {@link #transposeRows}, whose rows are more,
   * they are several times slower.
   *
   * @param fromStride bytes
   * @param to takes as many vectors as the tile has rows, from {@code start} on
   * @param scratch address of {@link #SCRATCH} floats
   */
  static void tileRows(long from, long fromStride, float[] to, int start, long scratch) {
    if (MicroKernel.ROWS == 8) {
      oneRoundOf8(from, fromStride, scratch);
      lastRounds(2, scratch, BYTES, to, start);
    } else {
      lastRounds(1, from, fromStride, to, start);
    }
  }

  /** Of every two vectors, in place: first their even elements, then their odd ones. */
  static void separatePairs(long at, int count) {
    for (int i = 0; i < count; i++) {
      separatePair(at + 2L * i * BYTES);
    }
  }

  private static void separatePair(long at) {
    FloatVector lower = load(at);
    FloatVector upper = load(at + BYTES);
    store(lower.rearrange(EVENS).blend(upper.rearrange(EVENS), UPPER_HALF), at);
    store(lower.rearrange(ODDS).blend(upper.rearrange(ODDS), UPPER_HALF), at + BYTES);
  }

  private static void lastRounds(int quarter, long from, long fromStride, float[] to, int start) {
    for (int i = 0; i < quarter; i++) {
      FloatVector a = load(from + i * fromStride);
      FloatVector b = load(from + (i + quarter) * fromStride);
      FloatVector c = load(from + (i + 2 * quarter) * fromStride);
      FloatVector d = load(from + (i + 3 * quarter) * fromStride);
      FloatVector lowAc = zipLow(a, c);
      FloatVector highAc = zipHigh(a, c);
      FloatVector lowBd = zipLow(b, d);
      FloatVector highBd = zipHigh(b, d);
      zipLow(lowAc, lowBd).intoArray(to, start + 4 * i * LANES);
      zipHigh(lowAc, lowBd).intoArray(to, start + (4 * i + 1) * LANES);
      zipLow(highAc, highBd).intoArray(to, start + (4 * i + 2) * LANES);
      zipHigh(highAc, highBd).intoArray(to, start + (4 * i + 3) * LANES);
    }
  }

  private static void oneRoundOf8(long from, long fromStride, long to) {
    for (int i = 0; i < 4; i++) {
      FloatVector a = load(from + i * fromStride);
      FloatVector b = load(from + (i + 4) * fromStride);
      store(zipLow(a, b), to + 2L * i * BYTES);
      store(zipHigh(a, b), to + (2L * i + 1) * BYTES);
    }
  }

  private static void twoRounds(int rows, long from, long fromStride, long to, long toStride) {
    int quarter = rows / 4;
    for (int i = 0; i < quarter; i++) {
      FloatVector a = load(from + i * fromStride);
      FloatVector b = load(from + (i + quarter) * fromStride);
      FloatVector c = load(from + (i + 2 * quarter) * fromStride);
      FloatVector d = load(from + (i + 3 * quarter) * fromStride);
      FloatVector lowAc = zipLow(a, c);
      FloatVector highAc = zipHigh(a, c);
      FloatVector lowBd = zipLow(b, d);
      FloatVector highBd = zipHigh(b, d);
      store(zipLow(lowAc, lowBd), to + 4 * i * toStride);
      store(zipHigh(lowAc, lowBd), to + (4 * i + 1) * toStride);
      store(zipLow(highAc, highBd), to + (4 * i + 2) * toStride);
      store(zipHigh(highAc, highBd), to + (4 * i + 3) * toStride);
    }
  }

  /** Elements of the lower halves, in turns. */
  private static FloatVector zipLow(FloatVector a, FloatVector b) {
    return a.rearrange(LOW).blend(b.rearrange(LOW), ODD);
  }

  private static FloatVector zipHigh(FloatVector a, FloatVector b) {
    return a.rearrange(HIGH).blend(b.rearrange(HIGH), ODD);
  }

  private static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(S, MEMORY, address, ORDER);
  }

  private static void store(FloatVector vector, long address) {
    vector.intoMemorySegment(MEMORY, address, ORDER);
  }
}
