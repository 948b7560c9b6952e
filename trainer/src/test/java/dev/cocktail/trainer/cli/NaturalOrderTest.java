package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;

class NaturalOrderTest {
  @Test
  void numbersCount() {
    List<String> names = List.of("b", "a.10.x", "a.9.y", "a", "a.10", "a.010", "a.99999999999999999999999");

    assertThat(names.stream().sorted(NaturalOrder.INSTANCE).toList())
        .containsExactly("a", "a.9.y", "a.010", "a.10", "a.10.x", "a.99999999999999999999999", "b");
  }

  @Property
  void isATotalOrder(@ForAll @Short String a, @ForAll @Short String b, @ForAll @Short String c) {
    NaturalOrder order = NaturalOrder.INSTANCE;
    assertThat(Integer.signum(order.compare(a, b))).isEqualTo(-Integer.signum(order.compare(b, a)));
    assertThat(order.compare(a, b) == 0).isEqualTo(a.equals(b));
    if (order.compare(a, b) <= 0 && order.compare(b, c) <= 0) {
      assertThat(order.compare(a, c)).isLessThanOrEqualTo(0);
    }
  }

  @java.lang.annotation.Retention(java.lang.annotation.RetentionPolicy.RUNTIME)
  @StringLength(max = 5)
  @CharRange(from = '0', to = '2')
  @CharRange(from = 'a', to = 'b')
  @interface Short {}
}
