package dev.cocktail.kernels.emulator;

import java.util.List;
import java.util.Map;

/** A kernel, decoded. */
final class Program {
  private final PtxKernel kernel;
  private final Operands operands;
  private final Instruction[] code;

  Program(PtxKernel kernel) {
    this.kernel = kernel;
    this.operands = new Operands(kernel);
    List<PtxStatement> statements = kernel.statements();
    code = new Instruction[statements.size() + 1];
    for (int i = 0; i < statements.size(); i++) {
      PtxStatement statement = statements.get(i);
      try {
        int guard = statement.guard() == null ? -1 : operands.predicate(statement.guard());
        code[i] = decode(statement).at(statement, guard);
      } catch (EmulatorFault e) {
        throw new EmulatorFault(
            "%s, PTX line %d '%s': %s".formatted(kernel.name(), statement.line(), statement, e.getMessage()), e);
      }
    }
    var end = new PtxStatement(0, null, false, "ret", List.of());
    code[statements.size()] = new ControlDecoder(operands).decode(end).at(end, -1);
  }

  private Instruction decode(PtxStatement statement) {
    Instruction found = new ControlDecoder(operands).decode(statement);
    found = found != null ? found : new MemoryDecoder(operands).decode(statement);
    found = found != null ? found : new MatrixDecoder(operands).decode(statement);
    found = found != null ? found : new ConversionDecoder(operands).decode(statement);
    found = found != null ? found : new FloatDecoder(operands).decode(statement);
    found = found != null ? found : new IntegerDecoder(operands).decode(statement);
    if (found == null) {
      throw new EmulatorFault("instruction " + statement.opcode() + " is not known");
    }
    return found;
  }

  String name() {
    return kernel.name();
  }

  PtxKernel kernel() {
    return kernel;
  }

  Instruction[] code() {
    return code;
  }

  int slots() {
    return operands.slotCount();
  }

  int predicateSlots() {
    return operands.predicateCount();
  }

  int staticSharedBytes() {
    return operands.staticSharedBytes();
  }

  /** Fills the slots of numbers and special registers. */
  void fillConstants(Warp warp) {
    for (Map.Entry<Long, Integer> number : operands.numbers().entrySet()) {
      fill(warp, number.getValue(), number.getKey());
    }
    for (Map.Entry<String, Integer> special : operands.specials().entrySet()) {
      int slot = special.getValue();
      for (int lane = 0; lane < Warp.LANES; lane++) {
        warp.registers[slot * Warp.LANES + lane] = special(special.getKey(), warp, lane);
      }
    }
  }

  private static void fill(Warp warp, int slot, long value) {
    for (int lane = 0; lane < Warp.LANES; lane++) {
      warp.registers[slot * Warp.LANES + lane] = value;
    }
  }

  private static long special(String name, Warp warp, int lane) {
    BlockRun block = warp.block;
    return switch (name) {
      case "%tid.x" -> warp.firstThread() + lane;
      case "%tid.y", "%tid.z" -> 0;
      case "%ntid.x" -> block.launch.threads();
      case "%ntid.y", "%ntid.z" -> 1;
      case "%ctaid.x" -> block.x();
      case "%ctaid.y" -> block.y();
      case "%ctaid.z" -> block.z();
      case "%nctaid.x" -> block.launch.gridX();
      case "%nctaid.y" -> block.launch.gridY();
      case "%nctaid.z" -> block.launch.gridZ();
      case "%laneid" -> lane;
      case "%warpid" -> warp.firstThread() / Warp.LANES;
      case "%lanemask_eq" -> 1 << lane;
      case "%lanemask_lt" -> (1 << lane) - 1;
      case "%lanemask_le" -> (2 << lane) - 1;
      case "%lanemask_gt" -> -(2 << lane);
      case "%lanemask_ge" -> -(1 << lane);
      default -> throw new EmulatorFault("special register " + name + " is not known");
    };
  }

  /** Hands a barrier's reduction to the warp that waits for it, if it does. */
  void finishReduction(BlockRun block, Warp warp) {
    int target = warp.reductionTarget;
    if (target >= 0) {
      boolean result = warp.reductionIsAnd ? block.allOf : block.anyOf;
      warp.predicates[target] = result ? -1 : 0;
      warp.reductionTarget = -1;
    }
  }
}
