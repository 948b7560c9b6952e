package dev.cocktail.kernels.emulator;

import java.util.List;

/** What an instruction works on, as the text says it. */
sealed interface Operand {
  /** Where a register's values lie. */
  enum Bank {
    PREDICATE,
    /** Registers of 8, 16 and 32 bits. */
    WORD,
    /** Registers of 64 bits. */
    LONG
  }

  /**
   * A register.
   *
   * @param slot its number within its bank
   * @param bits 1, 16, 32 or 64
   */
  record Register(String name, Bank bank, int slot, int bits) implements Operand {}

  /** A predicate read as its opposite. */
  record Negated(Register predicate) implements Operand {}

  /** A number; floating-point numbers are their bits, {@code floatBits} wide. */
  record Immediate(long value, int floatBits) implements Operand {}

  /** The address of a variable. */
  record Symbol(PtxModule.Variable variable, long offset) implements Operand {}

  /** A name that is neither register nor variable: a special register or a label. */
  record Name(String name, PtxParser.Scope scope) implements Operand {}

  /** Memory at base plus offset; the base is a register, a variable or a number. */
  record Address(Operand base, long offset) implements Operand {}

  /** Several operands in braces. */
  record Group(List<Operand> parts) implements Operand {}

  /** Two results, written with a bar between them. */
  record Pair(Operand first, Operand second) implements Operand {}

  /** A result that nobody wants. */
  record Sink() implements Operand {}
}
