package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.emulator.Decoder.AddressOperand;
import dev.cocktail.kernels.emulator.Opcode.Type;
import java.lang.invoke.VarHandle;

/** Loads, stores, atomic operations, asynchronous copies and fences. */
final class MemoryInstructions {
  private static final int GLOBAL = 0;
  private static final int SHARED = 1;
  private static final int LOCAL = 2;
  private static final int PARAM = 3;
  private static final int GENERIC = 4;

  /** Where generic addresses show shared and local memory. */
  private static final long SHARED_WINDOW = 0x6F0_0000_0000L;

  private static final long LOCAL_WINDOW = 0x6F1_0000_0000L;
  private static final long WINDOW_BYTES = 1L << 24;

  private MemoryInstructions() {}

  static long window(String space) {
    return switch (space) {
      case "shared", "shared::cta" -> SHARED_WINDOW;
      case "local" -> LOCAL_WINDOW;
      case "param" -> throw new EmulatorFault("generic addresses of parameters are not known");
      default -> 0;
    };
  }

  static Operation decode(Decoder d, Opcode op) {
    return switch (op.base) {
      case "ld" -> load(d, op);
      case "st" -> store(d, op);
      case "atom", "red" -> AtomicInstructions.decode(d, op);
      case "cp" -> copy(d, op);
      case "isspacep" -> isSpace(d, op);
      case "membar", "fence" -> fence(d, op);
      case "prefetch" -> {
        op.required("global");
        op.required("L1", "L2");
        d.address(0);
        yield (w, lanes) -> {};
      }
      default -> throw op.unknown();
    };
  }

  static int space(Opcode op) {
    String name = op.oneOf("global", "shared", "shared::cta", "local", "const", "param");
    return switch (name) {
      case null -> GENERIC;
      case "shared", "shared::cta" -> SHARED;
      case "local" -> LOCAL;
      case "param" -> PARAM;
      // Constants lie beside global variables.
      default -> GLOBAL;
    };
  }

  static boolean maybeShared(int space) {
    return space == SHARED || space == GENERIC;
  }

  /** Takes what tells how memory is ordered and cached: the emulator's memory is one and coherent. */
  private static void ignoreOrderAndCaches(Opcode op) {
    op.ignore("weak", "volatile", "relaxed", "acquire", "release", "cta", "gpu", "sys", "nc");
    op.ignore("ca", "cg", "cs", "lu", "cv", "wb", "wt");
    op.ignore("L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate");
    op.ignore("L2::64B", "L2::128B", "L2::256B");
  }

  private static long get(Warp w, int space, int lane, long address, int bytes) {
    if (space == GLOBAL) {
      return w.block.global.load(w, lane, address, bytes);
    }
    if (space == SHARED) {
      return w.block.shared.load(w, lane, address, bytes);
    }
    if (space == LOCAL) {
      return w.local.load(w, lane, address, bytes);
    }
    if (space == PARAM) {
      byte[] parameters = w.block.parameters;
      if (address < 0 || address + bytes > parameters.length) {
        throw w.fault(lane, "reads " + bytes + " bytes of parameters at " + address + ", out of bounds");
      }
      return Bytes.get(parameters, (int) address, bytes);
    }
    int actual = spaceOf(address);
    return get(
        w, actual, lane, address - (actual == SHARED ? SHARED_WINDOW : actual == LOCAL ? LOCAL_WINDOW : 0), bytes);
  }

  private static void put(Warp w, int space, int lane, long address, int bytes, long value) {
    if (space == GLOBAL) {
      w.block.global.store(w, lane, address, bytes, value);
    } else if (space == SHARED) {
      w.block.shared.store(w, lane, address, bytes, value);
    } else if (space == LOCAL) {
      w.local.store(w, lane, address, bytes, value);
    } else {
      int actual = spaceOf(address);
      put(w, actual, lane, address - windowOf(actual), bytes, value);
    }
  }

  static int spaceOf(long address) {
    if (address >= SHARED_WINDOW && address < SHARED_WINDOW + WINDOW_BYTES) {
      return SHARED;
    }
    return address >= LOCAL_WINDOW && address < LOCAL_WINDOW + WINDOW_BYTES ? LOCAL : GLOBAL;
  }

  static long windowOf(int space) {
    return space == SHARED ? SHARED_WINDOW : space == LOCAL ? LOCAL_WINDOW : 0;
  }

  static boolean isShared(int space) {
    return space == SHARED;
  }

  static boolean isGeneric(int space) {
    return space == GENERIC;
  }

  private static int vector(Opcode op) {
    String vector = op.oneOf("v2", "v4", "v8");
    return vector == null ? 1 : vector.charAt(1) - '0';
  }

  private static int bits(Operand operand, Type type) {
    return operand instanceof Operand.Register register ? register.bits() : type.bits() == 64 ? 64 : 32;
  }

  private static Operation load(Decoder d, Opcode op) {
    ignoreOrderAndCaches(op);
    int space = space(op);
    int count = vector(op);
    Type type = op.type();
    d.requireOperands(2);
    int bytes = type.bytes();
    AddressOperand address = d.address(1);
    Operand[] targets = d.group(0).toArray(Operand[]::new);
    if (targets.length != count || count * bytes > 16) {
      throw op.unknown();
    }
    if (maybeShared(space)) {
      d.sharedAccess(bytes);
    }
    int[] bases = new int[count];
    int[] widths = new int[count];
    for (int i = 0; i < count; i++) {
      widths[i] = bits(targets[i], type);
      bases[i] = d.base(targets[i], widths[i]);
    }
    boolean extend = type.isSigned() && type.bits() < 64;
    int unused = 64 - 8 * bytes;
    if (count == 1 && bytes == 4 && widths[0] == 32) {
      int r = bases[0];
      return (w, lanes) -> {
        for (int l = 0; l < 32; l++) {
          if ((lanes >>> l & 1) != 0) {
            long at = address.of(w, l);
            w.requireAligned(l, at, 4);
            w.words[r + l] = (int) get(w, space, l, at, 4);
          }
        }
      };
    }
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) == 0) {
          continue;
        }
        long at = address.of(w, l);
        w.requireAligned(l, at, bytes * count);
        for (int i = 0; i < count; i++) {
          long value = get(w, space, l, at + i * bytes, bytes);
          if (extend) {
            value = value << unused >> unused;
          }
          if (widths[i] == 64) {
            w.longs[bases[i] + l] = value;
          } else {
            w.words[bases[i] + l] = widths[i] == 16 ? (int) value & 0xFFFF : (int) value;
          }
        }
      }
    };
  }

  private static Operation store(Decoder d, Opcode op) {
    ignoreOrderAndCaches(op);
    int space = space(op);
    int count = vector(op);
    Type type = op.type();
    d.requireOperands(2);
    int bytes = type.bytes();
    AddressOperand address = d.address(0);
    Operand[] sources = d.group(1).toArray(Operand[]::new);
    if (sources.length != count || count * bytes > 16 || space == PARAM) {
      throw op.unknown();
    }
    if (maybeShared(space)) {
      d.sharedAccess(bytes);
    }
    int[] bases = new int[count];
    boolean[] wide = new boolean[count];
    for (int i = 0; i < count; i++) {
      int bits = bits(sources[i], type);
      wide[i] = bits == 64;
      bases[i] = d.base(sources[i], bits);
    }
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) == 0) {
          continue;
        }
        long at = address.of(w, l);
        w.requireAligned(l, at, bytes * count);
        for (int i = 0; i < count; i++) {
          long value = wide[i] ? w.longs[bases[i] + l] : w.words[bases[i] + l] & 0xFFFF_FFFFL;
          put(w, space, l, at + i * bytes, bytes, value);
        }
      }
    };
  }

  private static Operation copy(Decoder d, Opcode op) {
    op.required("async");
    if (op.has("commit_group")) {
      return (w, lanes) -> w.copies.commit(lanes);
    }
    if (op.has("wait_all")) {
      return (w, lanes) -> w.copies.awaitAll(w, lanes);
    }
    if (op.has("wait_group")) {
      int groups = d.word(0);
      return (w, lanes) -> w.copies.await(w, lanes, w.words[groups + Integer.numberOfTrailingZeros(lanes)]);
    }
    boolean onlyLarge = op.required("ca", "cg").equals("cg");
    op.required("shared", "shared::cta");
    op.required("global");
    op.ignore("L2::64B", "L2::128B", "L2::256B");
    if (!(d.operand(2) instanceof Operand.Immediate size) || d.operands() > 4) {
      throw op.unknown();
    }
    int bytes = (int) size.value();
    if (bytes != 16 && (onlyLarge || bytes != 4 && bytes != 8)) {
      throw d.error("copies of " + bytes + " bytes are not known");
    }
    AddressOperand target = d.address(0);
    AddressOperand source = d.address(1);
    int count = d.operands() == 4 ? d.word(3) : d.wordConstant(bytes);
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          int wanted = w.words[count + l];
          if (wanted < 0 || wanted > bytes) {
            throw w.fault(l, "copies " + wanted + " of " + bytes + " bytes");
          }
          w.copies.begin(w, l, target.of(w, l), source.of(w, l), wanted, bytes);
        }
      }
    };
  }

  private static Operation isSpace(Decoder d, Opcode op) {
    String space = op.required("global", "shared", "shared::cta", "local");
    int wanted = space.equals("global") ? GLOBAL : space.equals("local") ? LOCAL : SHARED;
    d.requireOperands(2);
    int r = d.resultPredicate(d.operand(0));
    int a = d.wide(1);
    return (w, lanes) -> {
      int values = 0;
      for (int l = 0; l < 32; l++) {
        values |= spaceOf(w.longs[a + l]) == wanted ? 1 << l : 0;
      }
      Lanes.set(w, r, lanes, values);
    };
  }

  private static Operation fence(Decoder d, Opcode op) {
    if (op.base.equals("fence")) {
      op.required("acq_rel", "sc");
      op.required("cta", "gpu", "sys");
    } else {
      op.required("cta", "gl", "sys");
    }
    d.requireOperands(0);
    return (w, lanes) -> VarHandle.fullFence();
  }
}
