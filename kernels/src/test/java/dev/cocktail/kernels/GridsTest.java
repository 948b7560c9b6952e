package dev.cocktail.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.kernels.driver.GpuInfo;
import dev.cocktail.kernels.driver.Launch;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Shapes of launches. */
class GridsTest {
  private static final GpuInfo GPU = new GpuInfo("imagined", 0, 9, 0, 132, 232_448, 80L << 30, 12040);

  @ParameterizedTest
  @CsvSource({
    "1, 0", "2, 1", "3, 2", "5, 3", "15, 4", "16, 4", "17, 5", "100, 4", "127, 7", "256, 8", "257, 5", "384, 7",
    "1024, 8", "1536, 8", "3001, 8"
  })
  void blocksAreAsWideAsWastesFewThreads(long columns, int shift) {
    assertThat(Grids.shift(columns)).isEqualTo(shift);
  }

  @Test
  void aBlockIsNeverNarrowerThanSixteenColumnsWhereThereAreAsMany() {
    for (long columns = 16; columns < 5000; columns++) {
      assertThat(Grids.shift(columns)).as("%d columns", columns).isBetween(4, 8);
    }
  }

  @Test
  void aGridOverRowsIsNoLargerThanTheGpu() {
    for (long rows : new long[] {1, 7, 1000, 1L << 33}) {
      for (long columns : new long[] {1, 6, 384, 32_064}) {
        Launch launch = Grids.rows(GPU, rows, columns).launch();
        int width = 1 << Grids.rows(GPU, rows, columns).shift();
        assertThat((long) launch.gridX() * width).as("columns covered").isBetween(columns, 2 * columns);
        assertThat((long) launch.gridX() * launch.gridY()).as("blocks").isBetween(1L, 132L * 8);
      }
    }
  }

  @Test
  void aStridingGridIsNoLargerThanTheGpuAndNeverEmpty() {
    assertThat(Grids.striding(GPU, 1)).isEqualTo(Launch.of(1, 256));
    assertThat(Grids.striding(GPU, 257)).isEqualTo(Launch.of(2, 256));
    assertThat(Grids.striding(GPU, 1L << 40)).isEqualTo(Launch.of(132 * 8, 256));
  }

  @Test
  void aTensorThatIsMissingIsAligned() {
    Tensor at16 = Tensor.onDevice(DType.BF16, Shape.of(8), 4096 + 16);
    Tensor at18 = Tensor.onDevice(DType.BF16, Shape.of(8), 4096 + 18);
    assertThat(Grids.aligned(at16, null)).isTrue();
    assertThat(Grids.aligned(at16, at18)).isFalse();
  }
}
