package dev.cocktail.kernels.emulator;

import java.util.List;
import java.util.Map;

/** The text of a module, understood but not yet decoded. */
record PtxModule(String name, List<Variable> globals, Map<String, Kernel> kernels) {
  /** A variable's state space. */
  enum Space {
    GLOBAL,
    CONST,
    SHARED,
    /** Shared memory whose size the launch decides. */
    DYNAMIC_SHARED,
    LOCAL,
    PARAM
  }

  /**
   * A variable.
   *
   * @param offset from the start of its space: within the module for global and constant variables, else within the
   *     kernel
   * @param initial bytes it begins with, or null
   */
  record Variable(String name, Space space, int alignment, long bytes, long offset, byte[] initial) {}

  /**
   * An instruction.
   *
   * @param guard the predicate it depends on, or null
   */
  record Instruction(int line, Operand.Register guard, boolean guardNegated, String opcode, List<Operand> operands) {
    @Override
    public String toString() {
      return "line " + line + ", " + opcode;
    }
  }

  /**
   * A kernel.
   *
   * @param labels position of each label among the instructions, by scope and name
   * @param mostThreads the most threads of a block it was compiled for
   * @param tables targets of indirect branches by scope and name
   */
  record Kernel(
      String name,
      List<Variable> parameters,
      List<Instruction> instructions,
      Map<String, Integer> labels,
      Map<String, List<Operand>> tables,
      int[] registers,
      int mostThreads,
      long parameterBytes,
      long sharedBytes,
      int dynamicAlignment,
      long localBytes) {}
}
