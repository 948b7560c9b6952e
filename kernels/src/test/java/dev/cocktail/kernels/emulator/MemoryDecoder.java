package dev.cocktail.kernels.emulator;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Loads, stores, asynchronous copies. */
final class MemoryDecoder {
  /** Where shared memory lies among generic addresses. */
  static final long SHARED_WINDOW = 0x0100_0000_0000L;

  private static final long SHARED_LIMIT = SHARED_WINDOW + (1L << 24);

  /** Modifiers that tell a cache what to keep; they change no result. */
  private static final List<String> HINTS =
      List.of(
          "nc",
          "ca",
          "cg",
          "cs",
          "cv",
          "lu",
          "wb",
          "wt",
          "volatile",
          "weak",
          "L1::no_allocate",
          "L1::evict_last",
          "L1::evict_first",
          "L1::evict_normal",
          "L2::128B",
          "L2::256B",
          "L2::64B");

  private enum Space {
    GLOBAL,
    SHARED,
    GENERIC
  }

  private final Operands operands;

  MemoryDecoder(Operands operands) {
    this.operands = operands;
  }

  /** The instruction, or null where it is none of these. */
  Instruction decode(PtxStatement s) {
    return switch (s.parts()[0]) {
      case "ld", "ldu" -> s.parts()[1].equals("param") ? parameter(s) : load(s);
      case "st" -> store(s);
      case "cp" -> copy(s);
      case "prefetch", "prefetchu" ->
          new Instruction() {
            @Override
            void run(Warp warp, int lanes) {
              // Changes no result.
            }
          };
      default -> null;
    };
  }

  /** An access: space, elements and their type, without the hints. */
  private record Access(Space space, int count, String type) {
    int bytes() {
      return PtxParser.bytes(type);
    }

    static Access of(PtxStatement s) {
      List<String> parts = new ArrayList<>(Arrays.asList(s.parts()));
      parts.removeFirst();
      parts.removeAll(HINTS);
      Space space = Space.GENERIC;
      if (parts.remove("global")) {
        space = Space.GLOBAL;
      } else if (parts.remove("shared")) {
        space = Space.SHARED;
      }
      int count = parts.remove("v2") ? 2 : parts.remove("v4") ? 4 : 1;
      if (parts.size() != 1) {
        throw new EmulatorFault("modifiers of " + s.opcode() + " are not known");
      }
      return new Access(space, count, parts.getFirst());
    }
  }

  private Instruction parameter(PtxStatement s) {
    String type = s.parts()[s.parts().length - 1];
    if (s.parts().length != 3) {
      throw new EmulatorFault("modifiers of " + s.opcode() + " are not known");
    }
    int bytes = PtxParser.bytes(type);
    int out = operands.slot(s.operands().get(0)) * Warp.LANES;
    int offset = operands.parameter(s.operands().get(1));
    return new Instruction() {
      @Override
      void run(Warp warp, int lanes) {
        byte[] arguments = warp.block.arguments;
        long value =
            switch (bytes) {
              case 1 -> arguments[offset];
              case 2 -> (short) GlobalMemory.SHORT.get(arguments, offset);
              case 4 -> (int) GlobalMemory.INT.get(arguments, offset);
              default -> (long) GlobalMemory.LONG.get(arguments, offset);
            };
        Arrays.fill(warp.registers, out, out + Warp.LANES, extended(value, type));
      }
    };
  }

  /** A loaded value as registers keep it: 8 and 16 bits by the type's sign, where they are loaded into wider ones. */
  private static long extended(long value, String type) {
    return switch (type) {
      case "u8", "b8" -> value & 0xFF;
      case "s8" -> (byte) value;
      case "u16", "b16", "f16" -> value & 0xFFFF;
      case "s16" -> (short) value;
      default -> value;
    };
  }

  private static long loadOne(Warp warp, int lane, Space space, long address, int bytes) {
    if (space == Space.SHARED) {
      return warp.block.shared.load(address & 0xFFFFFFFFL, bytes, warp, lane);
    }
    if (space == Space.GENERIC && address >= SHARED_WINDOW && address < SHARED_LIMIT) {
      return warp.block.shared.load(address - SHARED_WINDOW, bytes, warp, lane);
    }
    return warp.block.global.load(address, bytes);
  }

  private static void storeOne(Warp warp, int lane, Space space, long address, int bytes, long value) {
    if (space == Space.SHARED) {
      warp.block.shared.store(address & 0xFFFFFFFFL, bytes, value, warp, lane);
    } else if (space == Space.GENERIC && address >= SHARED_WINDOW && address < SHARED_LIMIT) {
      warp.block.shared.store(address - SHARED_WINDOW, bytes, value, warp, lane);
    } else {
      warp.block.global.store(address, bytes, value);
    }
  }

  private static void requireAligned(long address, int bytes) {
    if ((address & (bytes - 1)) != 0) {
      throw new EmulatorFault("misaligned: address 0x%x for %d bytes at once".formatted(address, bytes));
    }
  }

  private Instruction load(PtxStatement s) {
    Access access = Access.of(s);
    int[] out = operands.vector(s.operands().get(0));
    if (out.length != access.count()) {
      throw new EmulatorFault(out.length + " registers for " + access.count() + " elements");
    }
    Operands.Address address = operands.address(s.operands().get(1));
    int base = address.base() * Warp.LANES;
    int bytes = access.bytes();
    return new Instruction() {
      @Override
      void run(Warp warp, int lanes) {
        for (int left = lanes; left != 0; left &= left - 1) {
          int lane = Integer.numberOfTrailingZeros(left);
          long at = warp.registers[base + lane] + address.offset();
          requireAligned(at, bytes * out.length);
          for (int i = 0; i < out.length; i++) {
            long value = loadOne(warp, lane, access.space(), at + (long) i * bytes, bytes);
            if (out[i] >= 0) {
              warp.registers[out[i] * Warp.LANES + lane] = extended(value, access.type());
            }
          }
        }
      }
    };
  }

  private Instruction store(PtxStatement s) {
    Access access = Access.of(s);
    Operands.Address address = operands.address(s.operands().get(0));
    int[] in = operands.vector(s.operands().get(1));
    if (in.length != access.count()) {
      throw new EmulatorFault(in.length + " registers for " + access.count() + " elements");
    }
    int base = address.base() * Warp.LANES;
    int bytes = access.bytes();
    return new Instruction() {
      @Override
      void run(Warp warp, int lanes) {
        for (int left = lanes; left != 0; left &= left - 1) {
          int lane = Integer.numberOfTrailingZeros(left);
          long at = warp.registers[base + lane] + address.offset();
          requireAligned(at, bytes * in.length);
          for (int i = 0; i < in.length; i++) {
            storeOne(
                warp, lane, access.space(), at + (long) i * bytes, bytes, warp.registers[in[i] * Warp.LANES + lane]);
          }
        }
      }
    };
  }

  // Asynchronous copies are made as late as a wait allows, so that a missing wait shows.

  private Instruction copy(PtxStatement s) {
    List<String> o = s.operands();
    return switch (s.opcode()) {
      case "cp.async.ca.shared.global",
          "cp.async.cg.shared.global",
          "cp.async.ca.shared.global.L2::128B",
          "cp.async.cg.shared.global.L2::128B" ->
          begin(o);
      case "cp.async.commit_group" ->
          new Instruction() {
            @Override
            void run(Warp warp, int lanes) {
              warp.copyGroups.add(warp.copies);
              warp.copies = new ArrayList<>();
            }
          };
      case "cp.async.wait_group" -> {
        int left = Integer.decode(o.get(0));
        yield new Instruction() {
          @Override
          void run(Warp warp, int lanes) {
            finish(warp, left);
          }
        };
      }
      case "cp.async.wait_all" ->
          new Instruction() {
            @Override
            void run(Warp warp, int lanes) {
              warp.copyGroups.add(warp.copies);
              warp.copies = new ArrayList<>();
              finish(warp, 0);
            }
          };
      default -> null;
    };
  }

  private static void finish(Warp warp, int mayRemain) {
    while (warp.copyGroups.size() > mayRemain) {
      for (Warp.PendingCopy copy : warp.copyGroups.removeFirst()) {
        byte[] bytes = new byte[copy.bytes()];
        for (int i = 0; i < copy.read(); i++) {
          bytes[i] = (byte) warp.block.global.load(copy.source() + i, 1);
        }
        warp.block.shared.endCopy(copy.target(), bytes, warp, copy.lane());
      }
    }
  }

  private Instruction begin(List<String> o) {
    Operands.Address target = operands.address(o.get(0));
    Operands.Address source = operands.address(o.get(1));
    int bytes = Integer.decode(o.get(2));
    int read = o.size() > 3 ? operands.slot(o.get(3)) : -1;
    return new Instruction() {
      @Override
      void run(Warp warp, int lanes) {
        for (int left = lanes; left != 0; left &= left - 1) {
          int lane = Integer.numberOfTrailingZeros(left);
          long to = (warp.registers[target.base() * Warp.LANES + lane] + target.offset()) & 0xFFFFFFFFL;
          long from = warp.registers[source.base() * Warp.LANES + lane] + source.offset();
          int count = read < 0 ? bytes : (int) warp.registers[read * Warp.LANES + lane];
          requireAligned(from, bytes);
          warp.block.shared.beginCopy(to, bytes, warp, lane);
          warp.copies.add(new Warp.PendingCopy(lane, to, from, bytes, Math.min(count, bytes)));
        }
      }
    };
  }
}
