package dev.cocktail.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class NearestNameTest {
  @Test
  void findsTheNameMeant() {
    List<String> names = List.of("qkv_proj", "o_proj", "gate_up_proj", "down_proj");
    assertThat(NearestName.of("gate_proj", names)).hasValue("gate_up_proj");
    assertThat(NearestName.hint("", List.of())).isEmpty();
    assertThat(NearestName.distance("kitten", "sitting")).isEqualTo(3);
  }
}
