package dev.cocktail.kernels.emulator;

import java.util.List;
import java.util.Map;

/**
 * A kernel as it stands in the text.
 *
 * @param parameters in order
 * @param registers type of each register by its name, such as b32
 * @param labels index of the statement that follows each label
 * @param shared static shared memory by name
 */
record PtxKernel(
    String name,
    List<Parameter> parameters,
    int mostThreads,
    Map<String, String> registers,
    Map<String, Integer> labels,
    Map<String, Variable> shared,
    List<PtxStatement> statements) {
  /** A parameter at its offset among the packed arguments. */
  record Parameter(String name, int bytes, int offset) {}

  /** A variable in shared memory; an array without a length, which begins where all others end, has 0 bytes. */
  record Variable(String name, int alignment, int bytes) {}
}
