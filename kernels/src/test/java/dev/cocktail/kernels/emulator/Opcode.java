package dev.cocktail.kernels.emulator;

import java.util.ArrayList;
import java.util.List;

/**
 * An opcode and its modifiers. Whoever decodes it takes each modifier that it obeys; one that nobody took is an error,
 * so that none is ignored.
 */
final class Opcode {
  /**
   * A type of operands.
   *
   * @param kind 's' signed, 'u' unsigned, 'b' bits, 'f' floating-point, 'h' bfloat16, 'p' predicate
   * @param pair whether two numbers of the given bits lie in one register
   */
  record Type(char kind, int bits, boolean pair) {
    boolean isSigned() {
      return kind == 's';
    }

    boolean isInteger() {
      return kind == 's' || kind == 'u' || kind == 'b';
    }

    boolean isFloat(int width) {
      return kind == 'f' && bits == width && !pair;
    }

    /** Bits of a register that holds it. */
    int registerBits() {
      return pair ? 2 * bits : bits;
    }

    int bytes() {
      return registerBits() / 8;
    }
  }

  final String base;
  private final PtxModule.Instruction instruction;
  private final List<String> left = new ArrayList<>();

  Opcode(PtxModule.Instruction instruction) {
    this.instruction = instruction;
    String[] parts = instruction.opcode().split("\\.", -1);
    base = parts[0];
    left.addAll(List.of(parts).subList(1, parts.length));
  }

  /** Takes a modifier if it is there. */
  boolean has(String modifier) {
    return left.remove(modifier);
  }

  /** Takes the first of the given modifiers that is there, or null. */
  String oneOf(String... modifiers) {
    for (String each : modifiers) {
      if (left.remove(each)) {
        return each;
      }
    }
    return null;
  }

  /** Takes one of the given modifiers, which must be there. */
  String required(String... modifiers) {
    String found = oneOf(modifiers);
    if (found == null) {
      throw unknown();
    }
    return found;
  }

  /** Takes all modifiers that mean nothing here: memory is coherent, caches do not exist. */
  void ignore(String... modifiers) {
    for (String each : modifiers) {
      left.remove(each);
    }
  }

  /** Takes the first modifier that is a type. */
  Type type() {
    for (int i = 0; i < left.size(); i++) {
      Type type = typeOf(left.get(i));
      if (type != null) {
        left.remove(i);
        return type;
      }
    }
    throw unknown();
  }

  private static Type typeOf(String text) {
    return switch (text) {
      case "pred" -> new Type('p', 1, false);
      case "bf16" -> new Type('h', 16, false);
      case "bf16x2" -> new Type('h', 16, true);
      case "f16" -> new Type('f', 16, false);
      case "f16x2" -> new Type('f', 16, true);
      case "f32", "f64" -> new Type('f', Integer.parseInt(text.substring(1)), false);
      case "s8", "s16", "s32", "s64", "u8", "u16", "u32", "u64", "b8", "b16", "b32", "b64" ->
          new Type(text.charAt(0), Integer.parseInt(text.substring(1)), false);
      default -> null;
    };
  }

  void requireAllTaken() {
    if (!left.isEmpty()) {
      throw new EmulatorFault(instruction + ": modifier ." + left.getFirst() + " is not known here");
    }
  }

  EmulatorFault unknown() {
    return new EmulatorFault(instruction + ": this instruction is not known");
  }
}
