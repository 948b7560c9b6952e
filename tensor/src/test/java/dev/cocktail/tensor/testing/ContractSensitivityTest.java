package dev.cocktail.tensor.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.DType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A suite that accepts everything proves nothing: devices that err a little must fail every test of numbers. */
class ContractSensitivityTest {
  /** These have no numbers that round: integers, refusals, nothing at all. */
  private static final Set<String> WITHOUT_NUMBERS =
      Set.of(
          "castCopiesEqualTypesBitForBit",
          "argmaxTakesTheFirstOfEquals",
          "gradientNormShowsWhatIsNotFinite",
          "adamWOfNothing",
          "crossEntropyWithoutAnyTarget");

  @ParameterizedTest
  @CsvSource({"F32, 0x1p-12", "BF16, 0x1p-3"})
  void anErrorInOneElementIsFound(DType activation, double error) throws Exception {
    var suite = new ErringContract(activation, error);
    suite.openDevices();
    List<String> blind = new ArrayList<>();
    for (Method method : suite.getClass().getMethods()) {
      boolean ofNumbers =
          method.isAnnotationPresent(Test.class)
              && !method.getName().endsWith("Refuse")
              && !method.getName().endsWith("Refuses")
              && !WITHOUT_NUMBERS.contains(method.getName());
      if (ofNumbers && passes(suite, method)) {
        blind.add(method.getName());
      }
    }
    suite.closeDevices();
    assertThat(blind).isEmpty();
  }

  private static boolean passes(OpsContractTest suite, Method method) throws IllegalAccessException {
    try {
      method.invoke(suite);
      return true;
    } catch (InvocationTargetException e) {
      assertThat(e.getCause()).isInstanceOf(AssertionError.class);
      return false;
    }
  }
}
