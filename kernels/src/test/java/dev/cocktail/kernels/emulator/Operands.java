package dev.cocktail.kernels.emulator;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where a kernel's names live: registers and predicates in slots, numbers and special registers in slots that are
 * filled before the first instruction, parameters among the packed arguments, shared variables at addresses.
 */
final class Operands {
  private final PtxKernel kernel;
  private final Map<String, Integer> slots = new HashMap<>();
  private final Map<String, Integer> predicates = new HashMap<>();
  private final Map<String, Integer> specials = new LinkedHashMap<>();
  private final Map<Long, Integer> numbers = new LinkedHashMap<>();
  private final Map<String, Long> sharedAddresses = new HashMap<>();
  private int nextSlot;
  private int sharedBytes;

  Operands(PtxKernel kernel) {
    this.kernel = kernel;
    kernel
        .registers()
        .forEach((name, type) -> {
          if (type.equals("pred")) {
            predicates.put(name, predicates.size());
          } else {
            slots.put(name, nextSlot++);
          }
        });
    int end = 0;
    for (PtxKernel.Variable variable : kernel.shared().values()) {
      if (variable.bytes() > 0) {
        end = (end + variable.alignment() - 1) & -variable.alignment();
        sharedAddresses.put(variable.name(), (long) end);
        end += variable.bytes();
      }
    }
    // Dynamic shared memory follows all that has a length, aligned as the strictest of its names asks.
    for (PtxKernel.Variable variable : kernel.shared().values()) {
      if (variable.bytes() == 0) {
        end = (end + Math.max(16, variable.alignment()) - 1) & -Math.max(16, variable.alignment());
      }
    }
    for (PtxKernel.Variable variable : kernel.shared().values()) {
      if (variable.bytes() == 0) {
        sharedAddresses.put(variable.name(), (long) end);
      }
    }
    sharedBytes = end;
  }

  int slotCount() {
    return nextSlot;
  }

  int predicateCount() {
    return predicates.size();
  }

  int staticSharedBytes() {
    return sharedBytes;
  }

  Map<String, Integer> specials() {
    return specials;
  }

  Map<Long, Integer> numbers() {
    return numbers;
  }

  int label(String name) {
    Integer place = kernel.labels().get(name);
    if (place == null) {
      throw new EmulatorFault("no label " + name);
    }
    return place;
  }

  /** The slot of a register, number, special register or shared address. */
  int slot(String operand) {
    Integer slot = slots.get(operand);
    if (slot != null) {
      return slot;
    }
    if (operand.startsWith("%")) {
      return specials.computeIfAbsent(operand, _ -> nextSlot++);
    }
    Long address = sharedAddresses.get(operand);
    return numbers.computeIfAbsent(address != null ? address : number(operand), _ -> nextSlot++);
  }

  private static long number(String text) {
    try {
      if (text.startsWith("0f") || text.startsWith("0F")) {
        return Integer.parseUnsignedInt(text.substring(2), 16);
      }
      if (text.startsWith("0d") || text.startsWith("0D")) {
        return Long.parseUnsignedLong(text.substring(2), 16);
      }
      String digits = text.endsWith("U") ? text.substring(0, text.length() - 1) : text;
      if (digits.startsWith("0x")) {
        return Long.parseUnsignedLong(digits.substring(2), 16);
      }
      return digits.startsWith("-") ? Long.parseLong(digits) : Long.parseUnsignedLong(digits);
    } catch (NumberFormatException e) {
      throw new EmulatorFault("operand " + text + " is not known", e);
    }
  }

  int predicate(String operand) {
    Integer index = predicates.get(operand);
    if (index == null) {
      throw new EmulatorFault(operand + " is no predicate");
    }
    return index;
  }

  boolean isPredicate(String operand) {
    return predicates.containsKey(operand);
  }

  /** The slots of a vector in braces, or of a single register. */
  int[] vector(String operand) {
    if (!operand.startsWith("{")) {
      return new int[] {slot(operand)};
    }
    List<Integer> found = new ArrayList<>();
    for (String part : operand.substring(1, operand.length() - 1).split(",")) {
      found.add(part.strip().equals("_") ? -1 : slot(part.strip()));
    }
    return found.stream().mapToInt(Integer::intValue).toArray();
  }

  /** An address in brackets: a base slot and what is added to it. */
  record Address(int base, long offset) {}

  Address address(String operand) {
    String inner = operand.substring(1, operand.length() - 1).strip();
    int plus = inner.indexOf('+', 1);
    if (plus < 0) {
      return new Address(slot(inner), 0);
    }
    return new Address(slot(inner.substring(0, plus)), number(inner.substring(plus + 1)));
  }

  /** Offset of a parameter's bytes among the arguments. */
  int parameter(String operand) {
    String inner = operand.substring(1, operand.length() - 1).strip();
    int plus = inner.indexOf('+');
    String name = plus < 0 ? inner : inner.substring(0, plus);
    for (PtxKernel.Parameter parameter : kernel.parameters()) {
      if (parameter.name().equals(name)) {
        return parameter.offset() + (plus < 0 ? 0 : (int) number(inner.substring(plus + 1)));
      }
    }
    throw new EmulatorFault("no parameter " + name);
  }
}
