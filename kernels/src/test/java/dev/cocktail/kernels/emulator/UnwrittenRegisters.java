package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.emulator.Operand.Bank;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Tells reads of registers that a thread has not written. Where every way through a kernel to a read passes an
 * unconditional write, nothing is left to be checked while it runs; of the other registers, each warp remembers which
 * lanes have written them.
 */
final class UnwrittenRegisters {
  /** What one instruction does with registers that must be watched, by their numbers among those. */
  private record Watch(int guard, int[] sources, int[] results) {}

  private final Program code;
  private final int[] bankStart = new int[Bank.values().length];
  private final int registers;
  private final List<Operand.Register>[] sources;
  private final List<Operand.Register>[] results;
  private final Map<Operand.Register, Integer> watched = new HashMap<>();
  private final Watch[] watches;

  @SuppressWarnings({"unchecked", "rawtypes"})
  private UnwrittenRegisters(Program code) {
    this.code = code;
    int total = 0;
    for (Bank bank : Bank.values()) {
      bankStart[bank.ordinal()] = total;
      total += code.kernel.registers()[bank.ordinal()];
    }
    registers = total;
    int count = code.source.length;
    sources = new List[count];
    results = new List[count];
    watches = new Watch[count + 1];
    for (int i = 0; i < count; i++) {
      sources[i] = new ArrayList<>();
      results[i] = new ArrayList<>();
      PtxModule.Instruction instruction = code.source[i];
      for (int j = 0; j < instruction.operands().size(); j++) {
        boolean isResult = j == 0 && hasResult(instruction.opcode());
        collect(instruction.operands().get(j), isResult ? results[i] : sources[i]);
      }
    }
  }

  /** Analyses a decoded kernel; null where no read is left to be checked. */
  static UnwrittenRegisters of(Program code) {
    var found = new UnwrittenRegisters(code);
    found.findUnproven();
    if (found.watched.isEmpty()) {
      return null;
    }
    found.watchAll();
    return found;
  }

  private static boolean hasResult(String opcode) {
    if (opcode.startsWith("bar.red") || opcode.startsWith("barrier.red")) {
      return true;
    }
    return switch (opcode.split("\\.", 2)[0]) {
      case "st", "red", "bra", "brx", "ret", "exit", "bar", "barrier", "cp", "prefetch" -> false;
      case "membar", "fence", "trap", "nanosleep", "discard" -> false;
      default -> true;
    };
  }

  private static void collect(Operand operand, List<Operand.Register> found) {
    switch (operand) {
      case Operand.Register register -> found.add(register);
      case Operand.Negated negated -> found.add(negated.predicate());
      case Operand.Address address -> collect(address.base(), found);
      case Operand.Group group -> group.parts().forEach(each -> collect(each, found));
      case Operand.Pair pair -> {
        collect(pair.first(), found);
        collect(pair.second(), found);
      }
      default -> {}
    }
  }

  private int number(Operand.Register register) {
    return bankStart[register.bank().ordinal()] + register.slot();
  }

  /** Finds registers that some way through the kernel reads without a write before. */
  private void findUnproven() {
    int count = code.source.length;
    BitSet starts = new BitSet();
    starts.set(0);
    for (int i = 0; i < count; i++) {
      if (endsPart(i)) {
        starts.set(i + 1);
        successors(i).forEach(starts::set);
      }
    }
    // What is written for certain where a straight part begins; null where no way has led yet.
    BitSet[] written = new BitSet[count + 1];
    written[0] = new BitSet(registers);
    var open = new ArrayDeque<Integer>(List.of(0));
    while (!open.isEmpty()) {
      int at = open.poll();
      BitSet here = (BitSet) written[at].clone();
      while (at < count) {
        noteWrites(at, here);
        if (endsPart(at) || starts.get(at + 1)) {
          break;
        }
        at++;
      }
      if (at == count) {
        continue;
      }
      for (int next : endsPart(at) ? successors(at) : List.of(at + 1)) {
        if (written[next] == null) {
          written[next] = (BitSet) here.clone();
          open.add(next);
        } else {
          int before = written[next].cardinality();
          written[next].and(here);
          if (written[next].cardinality() != before) {
            open.add(next);
          }
        }
      }
    }
    for (int start = starts.nextSetBit(0); start >= 0 && start < count; start = starts.nextSetBit(start + 1)) {
      if (written[start] != null) {
        noteUnproven(start, starts, (BitSet) written[start].clone());
      }
    }
  }

  private void noteUnproven(int start, BitSet starts, BitSet written) {
    for (int at = start; at < code.source.length && (at == start || !starts.get(at)); at++) {
      Operand.Register guard = code.source[at].guard();
      if (guard != null && !written.get(number(guard))) {
        watched.putIfAbsent(guard, watched.size());
      }
      for (Operand.Register source : sources[at]) {
        if (!written.get(number(source))) {
          watched.putIfAbsent(source, watched.size());
        }
      }
      noteWrites(at, written);
    }
  }

  private void noteWrites(int at, BitSet written) {
    if (code.source[at].guard() == null) {
      results[at].forEach(each -> written.set(number(each)));
    }
  }

  private boolean endsPart(int at) {
    byte kind = code.kinds[at];
    return kind == Program.BRANCH || kind == Program.INDIRECT || kind == Program.EXIT;
  }

  private List<Integer> successors(int at) {
    var found = new ArrayList<Integer>();
    if (code.kinds[at] == Program.BRANCH) {
      found.add(code.targets[at]);
    } else if (code.kinds[at] == Program.INDIRECT) {
      for (int target : code.tables[at]) {
        found.add(target);
      }
    }
    if (code.source[at].guard() != null) {
      found.add(at + 1);
    }
    return found;
  }

  private void watchAll() {
    for (int i = 0; i < code.source.length; i++) {
      Integer guard = watched.get(code.source[i].guard());
      int[] read = numbers(sources[i]);
      int[] wrote = numbers(results[i]);
      if (guard != null || read.length > 0 || wrote.length > 0) {
        watches[i] = new Watch(guard == null ? -1 : guard, read, wrote);
      }
    }
  }

  private int[] numbers(List<Operand.Register> registers) {
    return registers.stream().filter(watched::containsKey).mapToInt(watched::get).toArray();
  }

  /** How many registers are watched. */
  int count() {
    return watched.size();
  }

  /** Lanes come to an instruction, and those that its guard lets through do it. */
  void check(Warp warp, int at, int lanes, int active) {
    Watch watch = watches[at];
    if (watch == null) {
      return;
    }
    if (watch.guard >= 0) {
      require(warp, watch.guard, lanes);
    }
    for (int source : watch.sources) {
      require(warp, source, active);
    }
    for (int result : watch.results) {
      warp.writtenRegisters[result] |= active;
    }
  }

  private void require(Warp warp, int number, int lanes) {
    int missing = lanes & ~warp.writtenRegisters[number];
    if (missing != 0) {
      String name =
          watched.entrySet().stream()
              .filter(each -> each.getValue() == number)
              .findFirst()
              .orElseThrow()
              .getKey()
              .name();
      throw warp.fault(Integer.numberOfTrailingZeros(missing), "reads register " + name + " that it has not written");
    }
  }
}
