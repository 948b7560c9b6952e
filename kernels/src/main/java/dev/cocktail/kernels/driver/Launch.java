package dev.cocktail.kernels.driver;

/**
 * The shape of a launch: a grid of blocks, each of a row of threads.
 *
 * @param gridX blocks in the first dimension, 1 to 2^31 - 1
 * @param gridY blocks in the second dimension, 1 to 65,535
 * @param gridZ blocks in the third dimension, 1 to 65,535
 * @param threads of a block, 1 to 1,024
 * @param sharedBytes of dynamic shared memory a block
 */
public record Launch(int gridX, int gridY, int gridZ, int threads, int sharedBytes) {
  private static final int MOST_YZ = 65_535;

  public Launch {
    if (gridX < 1 || gridY < 1 || gridZ < 1 || gridY > MOST_YZ || gridZ > MOST_YZ) {
      throw new IllegalArgumentException("impossible grid " + gridX + " x " + gridY + " x " + gridZ);
    }
    if (threads < 1 || threads > 1024 || sharedBytes < 0) {
      throw new IllegalArgumentException("impossible block: " + threads + " threads, " + sharedBytes + " shared bytes");
    }
  }

  /** A row of blocks without dynamic shared memory. */
  public static Launch of(long blocks, int threads) {
    return new Launch(Math.toIntExact(blocks), 1, 1, threads, 0);
  }

  /** As many blocks of {@code threads} as cover {@code items}, one thread an item. */
  public static Launch covering(long items, int threads) {
    return of((items + threads - 1) / threads, threads);
  }

  @Override
  public String toString() {
    String shared = sharedBytes == 0 ? "" : ", " + sharedBytes + " bytes of shared memory";
    return "grid " + gridX + " x " + gridY + " x " + gridZ + ", " + threads + " threads" + shared;
  }
}
