package dev.cocktail.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class ShapeTest {
  @Test
  void elements() {
    assertThat(Shape.of().elements()).isEqualTo(1);
    assertThat(Shape.of(3, 0, 5).elements()).isZero();
    assertThat(Shape.of(3, 2, 5).elements()).isEqualTo(30);
    assertThat(Shape.of(3, 2, 5).dim(-1)).isEqualTo(5);
    assertThat(Shape.of(3, 2)).isEqualTo(Shape.of(3, 2)).isNotEqualTo(Shape.of(2, 3)).isNotEqualTo(Shape.of(6));
  }

  @Test
  void whatCannotBeIsRefused() {
    assertThatThrownBy(() -> Shape.of(-1)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Shape.of(1L << 32, 1L << 31)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Shape.of(Long.MAX_VALUE, 2)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aShapeKeepsItsExtentsToItself() {
    long[] dims = {2, 3};
    Shape shape = Shape.of(dims);
    dims[0] = 7;
    shape.dims()[1] = 7;
    assertThat(shape).isEqualTo(Shape.of(2, 3));
  }

  @Test
  void tensorsMatchTheirMemory() {
    MemorySegment memory = MemorySegment.ofArray(new byte[24]);
    Tensor tensor = Tensor.onHost(DType.F32, Shape.of(3, 2), memory);
    assertThatThrownBy(() -> Tensor.onHost(DType.F32, Shape.of(7), memory))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> tensor.reshape(7)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> tensor.rows(2, 2)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> tensor.rows(-1, 1)).isInstanceOf(IndexOutOfBoundsException.class);
    tensor.set(4, 1.5);
    assertThat(tensor.rows(2, 1).get(0)).isEqualTo(1.5);
    assertThat(tensor.reshape(6).rows(4, 1).get(0)).isEqualTo(1.5);
    assertThatThrownBy(() -> Tensor.onDevice(DType.F32, Shape.of(1), 256).get(0))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("host");
  }
}
