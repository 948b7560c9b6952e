package dev.cocktail.bench;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.cpu.CpuDevice;
import org.junit.jupiter.api.Test;

/** What is timed is checked first, and the checks can fail. */
class BenchmarkCasesTest {
  @Test
  void aProductThatIsWrongAnywhereOnTheGridIsFound() {
    var shape = new GemmCase("small", 40, 100, 24, false, DType.F32, true, 1);
    try (var device = new CpuDevice(2);
        var arena = device.openArena("test")) {
      GemmCase.Product product = shape.on(device, arena);
      assertThatCode(product::verify).doesNotThrowAnyException();
      // The last row and column, which lie at the edges of tiles.
      assertThatThrownBy(() ->
              product.verify(
                  product::multiply,
                  () -> {
                    float[] result = product.c().toFloats();
                    result[40 * 100 - 1] += 0.01f;
                    return result;
                  }))
          .hasMessageContaining("wrong at 39, 99");
    }
  }

  @Test
  void attentionIsCheckedForwardAndBackward() {
    for (int window : new int[] {AttentionShape.NO_WINDOW, 17}) {
      var shape = new AttentionShape(4, 2, 24, 0.2, window);
      try (var device = new CpuDevice(2);
          var arena = device.openArena("test")) {
        AttentionCase.Work work = new AttentionCase("small", 3, 45, shape).on(device, arena);
        assertThatCode(work::verify).doesNotThrowAnyException();
        var otherScale = new AttentionShape(4, 2, 24, 0.21, window);
        var wrong =
            new AttentionCase.Work(
                device, otherScale, work.sequences(), work.qkv(), work.dOut(), work.out(), work.lse(), work.dQkv());
        work.forward();
        work.backward();
        assertThatThrownBy(wrong::requireRight).hasMessageContaining("of token");
      }
    }
  }
}
