package dev.cocktail.kernels.emulator;

import java.util.List;

/**
 * An instruction as it stands in the text.
 *
 * @param line of the text, from 1
 * @param guard the predicate that it runs under, null for none
 * @param guardNegated whether it runs where the predicate is false
 * @param opcode with all its modifiers, such as {@code ld.global.v4.f32}
 * @param operands as they are written; vectors keep their braces, addresses their brackets
 */
record PtxStatement(int line, String guard, boolean guardNegated, String opcode, List<String> operands) {
  /** The parts of the opcode between its dots. */
  String[] parts() {
    return opcode.split("\\.");
  }

  @Override
  public String toString() {
    String condition = guard == null ? "" : "@" + (guardNegated ? "!" : "") + guard + " ";
    return condition + opcode + " " + String.join(", ", operands);
  }
}
