package dev.cocktail.tensor.testing;

import dev.cocktail.tensor.DType;
import java.util.List;

/** What the parts of {@link OpsContractTest} have in common: where cases are tried, and the sizes that break things. */
interface ContractSetting {
  /** Nothing, one, around the lanes of a vector of 128 to 512 bits, primes, one past a tile. */
  int[] UGLY = {0, 1, 2, 3, 7, 15, 16, 17, 31, 33, 65, 97};

  /** The dtypes a weight may have in a file. */
  List<DType> WEIGHTS = List.of(DType.F32, DType.BF16, DType.F16);

  /** Factors on inputs: results scale with them, errors must too. */
  double[] POWERS_OF_TWO = {1, 0x1p-20, 0x1p20};

  /** Opens a case; the name seeds its random numbers. */
  Trial trial(String what);
}
