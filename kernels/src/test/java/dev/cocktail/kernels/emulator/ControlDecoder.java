package dev.cocktail.kernels.emulator;

import java.util.List;

/** Branches, ends, barriers, and what the lanes of a warp tell each other. */
final class ControlDecoder {
  private final Operands operands;

  ControlDecoder(Operands operands) {
    this.operands = operands;
  }

  private abstract static class Control extends Instruction {
    @Override
    boolean isControl() {
      return true;
    }
  }

  private interface Effect {
    void apply(Warp warp, int lanes);
  }

  private static Instruction control(Effect effect) {
    return new Control() {
      @Override
      void run(Warp warp, int lanes) {
        effect.apply(warp, lanes);
      }
    };
  }

  private static Instruction ordinary(Effect effect) {
    return new Instruction() {
      @Override
      void run(Warp warp, int lanes) {
        effect.apply(warp, lanes);
      }
    };
  }

  /** The instruction, or null where it is none of these. */
  Instruction decode(PtxStatement s) {
    List<String> o = s.operands();
    return switch (s.opcode()) {
      case "bra", "bra.uni" -> {
        int to = operands.label(o.get(0));
        yield control((warp, lanes) -> warp.branch(to, lanes));
      }
      case "ret", "exit", "ret.uni" -> control(Warp::exit);
      case "bar.sync", "barrier.sync", "barrier.sync.aligned" -> barrier(o);
      case "bar.red.or.pred", "bar.red.and.pred" -> reduction(s);
      case "bar.warp.sync" -> {
        int members = operands.slot(o.get(0));
        yield ordinary((warp, lanes) -> {
          together(warp, members, lanes);
          warp.passBarrier();
        });
      }
      case "membar.cta", "membar.gl", "membar.sys", "fence.acq_rel.gpu", "fence.acq_rel.cta", "fence.sc.gpu" ->
          ordinary((warp, lanes) -> {});
      case "activemask.b32" -> {
        int out = operands.slot(o.get(0));
        yield ordinary((warp, lanes) -> fill(warp, out, lanes, lanes));
      }
      case "shfl.sync.idx.b32", "shfl.sync.up.b32", "shfl.sync.down.b32", "shfl.sync.bfly.b32" -> shuffle(s);
      case "vote.sync.any.pred", "vote.sync.all.pred", "vote.sync.uni.pred" -> votePredicate(s);
      case "vote.sync.ballot.b32" -> ballot(o);
      case "redux.sync.add.s32",
          "redux.sync.add.u32",
          "redux.sync.max.s32",
          "redux.sync.min.s32",
          "redux.sync.max.u32",
          "redux.sync.min.u32",
          "redux.sync.or.b32",
          "redux.sync.and.b32" ->
          redux(s);
      default -> null;
    };
  }

  private static void fill(Warp warp, int slot, int lanes, long value) {
    for (int left = lanes; left != 0; left &= left - 1) {
      warp.registers[slot * Warp.LANES + Integer.numberOfTrailingZeros(left)] = value;
    }
  }

  private static int members(Warp warp, int slot, int lanes) {
    return (int) warp.registers[slot * Warp.LANES + Integer.numberOfTrailingZeros(lanes)];
  }

  private static void together(Warp warp, int slot, int lanes) {
    warp.requireTogether(members(warp, slot, lanes), lanes);
  }

  /** Only barriers of the whole block are known. */
  private static void requireWholeBlock(Warp warp, int slot, int lanes) {
    if (slot >= 0 && members(warp, slot, lanes) != warp.block.launch.threads()) {
      throw new EmulatorFault("a barrier of a part of the block is not known");
    }
  }

  private Instruction barrier(List<String> o) {
    int threads = o.size() > 1 ? operands.slot(o.get(1)) : -1;
    return ordinary((warp, lanes) -> {
      requireWholeBlock(warp, threads, lanes);
      warp.stopAtBarrier(lanes);
    });
  }

  private Instruction reduction(PtxStatement s) {
    List<String> o = s.operands();
    int out = operands.predicate(o.get(0));
    int threads = o.size() > 3 ? operands.slot(o.get(2)) : -1;
    String last = o.getLast();
    boolean negated = last.startsWith("!");
    int in = operands.predicate(negated ? last.substring(1) : last);
    boolean isAnd = s.parts()[2].equals("and");
    return ordinary((warp, lanes) -> {
      requireWholeBlock(warp, threads, lanes);
      int values = (negated ? ~warp.predicates[in] : warp.predicates[in]) & lanes;
      warp.block.anyOf |= values != 0;
      warp.block.allOf &= values == lanes;
      warp.reductionTarget = out;
      warp.reductionIsAnd = isAnd;
      warp.stopAtBarrier(lanes);
    });
  }

  private Instruction shuffle(PtxStatement s) {
    List<String> o = s.operands();
    boolean tells = operands.isPredicate(o.get(1));
    int first = tells ? 2 : 1;
    int out = operands.slot(o.get(0)) * Warp.LANES;
    int within = tells ? operands.predicate(o.get(1)) : -1;
    int in = operands.slot(o.get(first)) * Warp.LANES;
    int by = operands.slot(o.get(first + 1)) * Warp.LANES;
    int bounds = operands.slot(o.get(first + 2)) * Warp.LANES;
    int members = operands.slot(o.get(first + 3));
    String mode = s.parts()[2];
    return ordinary((warp, lanes) -> {
      together(warp, members, lanes);
      long[] r = warp.registers;
      long[] results = new long[Warp.LANES];
      int inside = 0;
      for (int left = lanes; left != 0; left &= left - 1) {
        int lane = Integer.numberOfTrailingZeros(left);
        int clamp = (int) r[bounds + lane] & 31;
        int segment = (int) r[bounds + lane] >> 8 & 31;
        int delta = (int) r[by + lane] & 31;
        int most = (lane & segment) | (clamp & ~segment);
        int least = lane & segment;
        int source =
            switch (mode) {
              case "up" -> lane - delta;
              case "down" -> lane + delta;
              case "bfly" -> lane ^ delta;
              default -> least | (delta & ~segment);
            };
        boolean valid = mode.equals("up") ? source >= most : source <= most;
        if (!valid) {
          source = lane;
        } else {
          inside |= 1 << lane;
        }
        if ((lanes >> source & 1) == 0) {
          throw new EmulatorFault("lane " + lane + " reads from lane " + source + ", which takes no part");
        }
        results[lane] = r[in + source];
      }
      for (int left = lanes; left != 0; left &= left - 1) {
        int lane = Integer.numberOfTrailingZeros(left);
        r[out + lane] = results[lane];
      }
      if (within >= 0) {
        warp.predicates[within] = warp.predicates[within] & ~lanes | inside;
      }
    });
  }

  private int source(String operand) {
    return operands.predicate(operand.startsWith("!") ? operand.substring(1) : operand);
  }

  private Instruction votePredicate(PtxStatement s) {
    List<String> o = s.operands();
    int out = operands.predicate(o.get(0));
    int in = source(o.get(1));
    boolean negated = o.get(1).startsWith("!");
    int members = operands.slot(o.get(2));
    String mode = s.parts()[2];
    return ordinary((warp, lanes) -> {
      together(warp, members, lanes);
      int values = (negated ? ~warp.predicates[in] : warp.predicates[in]) & lanes;
      boolean result =
          switch (mode) {
            case "any" -> values != 0;
            case "all" -> values == lanes;
            default -> values == 0 || values == lanes;
          };
      warp.predicates[out] = warp.predicates[out] & ~lanes | (result ? lanes : 0);
    });
  }

  private Instruction ballot(List<String> o) {
    int out = operands.slot(o.get(0));
    int in = source(o.get(1));
    boolean negated = o.get(1).startsWith("!");
    int members = operands.slot(o.get(2));
    return ordinary((warp, lanes) -> {
      together(warp, members, lanes);
      fill(warp, out, lanes, (negated ? ~warp.predicates[in] : warp.predicates[in]) & lanes);
    });
  }

  private Instruction redux(PtxStatement s) {
    List<String> o = s.operands();
    int out = operands.slot(o.get(0));
    int in = operands.slot(o.get(1)) * Warp.LANES;
    int members = operands.slot(o.get(2));
    String operation = s.parts()[2];
    boolean unsigned = s.parts()[3].startsWith("u");
    return ordinary((warp, lanes) -> {
      together(warp, members, lanes);
      int result = (int) warp.registers[in + Integer.numberOfTrailingZeros(lanes)];
      for (int left = lanes & lanes - 1; left != 0; left &= left - 1) {
        int value = (int) warp.registers[in + Integer.numberOfTrailingZeros(left)];
        int order = unsigned ? Integer.compareUnsigned(value, result) : Integer.compare(value, result);
        result =
            switch (operation) {
              case "add" -> result + value;
              case "max" -> order > 0 ? value : result;
              case "min" -> order < 0 ? value : result;
              case "or" -> result | value;
              default -> result & value;
            };
      }
      fill(warp, out, lanes, result);
    });
  }
}
