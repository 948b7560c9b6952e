package dev.cocktail.kernels.emulator;

/** Branches, ends and barriers. */
final class ControlInstructions {
  private ControlInstructions() {}

  /** The operation, or null where the interpreter does all of it. */
  static Operation decode(Decoder d, Opcode op) {
    switch (op.base) {
      case "bra" -> {
        op.ignore("uni");
        d.requireOperands(1);
        d.kind(Program.BRANCH);
        d.target(d.label(d.operand(0)));
      }
      case "brx" -> {
        op.required("idx");
        op.ignore("uni");
        d.requireOperands(2);
        d.kind(Program.INDIRECT);
        d.target(d.word(0));
        d.table(d.operand(1));
      }
      case "ret", "exit" -> {
        op.ignore("uni");
        d.kind(Program.EXIT);
      }
      case "trap" -> {
        return (w, lanes) -> {
          throw w.fault(Integer.numberOfTrailingZeros(lanes), "the kernel gives up");
        };
      }
      case "nanosleep" -> {
        op.required("u32");
        return (w, lanes) -> {};
      }
      default -> {
        return barrier(d, op);
      }
    }
    return null;
  }

  private static Operation barrier(Decoder d, Opcode op) {
    if (op.base.equals("bar") && op.has("warp")) {
      op.required("sync");
      d.requireOperands(1);
      d.kind(Program.WARP_BARRIER);
      d.target(d.word(0));
      return (w, lanes) -> w.clock[w.index]++;
    }
    op.ignore("cta", "aligned");
    String action = op.required("sync", "arrive", "red");
    if (!action.equals("red")) {
      boolean waits = action.equals("sync");
      if (d.operands() < (waits ? 1 : 2) || d.operands() > 2) {
        throw op.unknown();
      }
      int count = d.operands() == 2 ? d.word(1) : -1;
      d.barrier(new Program.Barrier(d.word(0), count, waits, null, -1, -1, 0));
      return null;
    }
    String reduction = op.required("and", "or", "popc");
    boolean counts = reduction.equals("popc");
    op.required(counts ? "u32" : "pred");
    if (d.operands() < 3 || d.operands() > 4) {
      throw op.unknown();
    }
    int result = counts ? d.word(0) : d.resultPredicate(d.operand(0));
    int count = d.operands() == 4 ? d.word(2) : -1;
    Decoder.Predicate source = d.predicate(d.operands() - 1);
    d.barrier(new Program.Barrier(d.word(1), count, true, reduction, result, source.slot(), source.flip()));
    return null;
  }
}
