package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.emulator.Operand.Bank;
import dev.cocktail.kernels.emulator.PtxModule.Instruction;
import dev.cocktail.kernels.emulator.PtxModule.Space;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Turns a kernel's instructions into operations. All operands become positions in a warp's arrays: bases, 32 lanes
 * apart. The families of instructions are classes of their own; each gets the opcode and asks for its operands here.
 *
 * <p>System property {@value #WITHOUT}, a kernel's name, a colon and the number of a line in the PTX, leaves out the
 * barrier in that line, to see whether a test notices.
 */
final class Decoder {
  static final String WITHOUT = "cocktail.emulator.without";

  /** Predicates are read as {@code predicates[slot] ^ flip}. */
  record Predicate(int slot, int flip) {}

  /** An address in a register, plus an offset. */
  record AddressOperand(boolean isLong, int base, long offset) {
    long of(Warp warp, int lane) {
      return (isLong ? warp.longs[base + lane] : warp.words[base + lane] & 0xFFFF_FFFFL) + offset;
    }
  }

  private final PtxModule.Kernel kernel;
  private final Program program;
  private final long globalBase;
  private final SpecialRegisters specials = new SpecialRegisters();
  private final Map<Long, Integer> wordSlots = new HashMap<>();
  private final Map<Long, Integer> longSlots = new HashMap<>();
  private final List<Program.Constant> wordConstants = new ArrayList<>();
  private final List<Program.Constant> longConstants = new ArrayList<>();
  private int words;
  private int longs;
  private int predicates;
  private Instruction instruction;
  private int position;

  private Decoder(PtxModule module, PtxModule.Kernel kernel, long globalBase) {
    this.kernel = kernel;
    this.program = new Program(module, kernel);
    this.globalBase = globalBase;
    predicates = kernel.registers()[Bank.PREDICATE.ordinal()];
    words = kernel.registers()[Bank.WORD.ordinal()];
    longs = kernel.registers()[Bank.LONG.ordinal()];
  }

  /** Decodes a kernel of a module whose global variables lie at {@code globalBase}. */
  static Program decode(PtxModule module, PtxModule.Kernel kernel, long globalBase) {
    return new Decoder(module, kernel, globalBase).decode();
  }

  private Program decode() {
    String without = System.getProperty(WITHOUT, "");
    for (position = 0; position < program.source.length; position++) {
      instruction = program.source[position];
      Operand.Register guard = instruction.guard();
      program.guards[position] = guard == null ? -1 : guard.slot();
      program.flips[position] = instruction.guardNegated() ? -1 : 0;
      Opcode opcode = new Opcode(instruction);
      try {
        program.operations[position] = operation(opcode);
        opcode.requireAllTaken();
        if (without.equals(kernel.name() + ":" + instruction.line())) {
          leaveOut(opcode);
        }
      } catch (EmulatorFault e) {
        throw new EmulatorFault(program.module.name() + ".ptx, kernel " + kernel.name() + ", " + e.getMessage());
      }
    }
    program.words = words;
    program.longs = longs;
    program.predicates = predicates;
    program.wordConstants = List.copyOf(wordConstants);
    program.longConstants = List.copyOf(longConstants);
    program.specials = specials;
    program.unwritten = UnwrittenRegisters.of(program);
    return program;
  }

  private void leaveOut(Opcode op) {
    if (!op.base.equals("bar")
        || program.barriers[position] != null && program.barriers[position].reduction() != null) {
      throw error("only barriers without a result can be left out");
    }
    kind(Program.PLAIN);
    program.operations[position] = (w, lanes) -> {};
  }

  private Operation operation(Opcode op) {
    return switch (op.base) {
      case "add", "sub", "mul", "mad", "fma", "div", "rem", "min", "max", "abs", "neg" -> arithmetic(op);
      case "addc", "subc", "madc", "dp4a", "sad", "mul24", "mad24" -> IntegerInstructions.decode(this, op);
      case "and", "or", "xor", "not", "cnot", "shl", "shr", "shf", "lop3" -> BitInstructions.decode(this, op);
      case "prmt", "bfe", "bfi", "popc", "clz", "brev", "bfind" -> BitInstructions.decode(this, op);
      case "rcp", "sqrt", "rsqrt", "ex2", "lg2", "sin", "cos", "tanh", "copysign", "testp" ->
          FloatInstructions.decode(this, op);
      case "setp", "set", "selp", "slct" -> ComparisonInstructions.decode(this, op);
      case "mov", "cvt", "cvta" -> ConversionInstructions.decode(this, op);
      case "ld", "st", "atom", "red", "cp", "isspacep", "prefetch", "membar", "fence", "discard" ->
          MemoryInstructions.decode(this, op);
      case "shfl", "vote", "match", "redux", "activemask" -> WarpInstructions.decode(this, op);
      case "ldmatrix", "mma" -> MatrixInstructions.decode(this, op);
      case "bra", "brx", "ret", "exit", "bar", "barrier", "trap", "nanosleep" -> ControlInstructions.decode(this, op);
      default -> throw op.unknown();
    };
  }

  private Operation arithmetic(Opcode op) {
    // The type decides the family; it is put back for the family to take.
    String text = instruction.opcode();
    if (text.endsWith(".f32") || text.endsWith(".f64")) {
      return FloatInstructions.decode(this, op);
    }
    if (text.endsWith("f16") || text.endsWith("f16x2")) {
      return HalfInstructions.decode(this, op);
    }
    return IntegerInstructions.decode(this, op);
  }

  // Operands

  EmulatorFault error(String message) {
    return new EmulatorFault(instruction + ": " + message);
  }

  int operands() {
    return instruction.operands().size();
  }

  Operand operand(int index) {
    if (index >= operands()) {
      throw error("operand " + (index + 1) + " is missing");
    }
    return instruction.operands().get(index);
  }

  void requireOperands(int count) {
    if (operands() != count) {
      throw error("has " + operands() + " operands, expected " + count);
    }
  }

  /** Where an operand of at most 32 bits lies among the words. */
  int word(int index) {
    return word(operand(index));
  }

  int word(Operand operand) {
    return switch (operand) {
      case Operand.Register register when register.bank() == Bank.WORD -> 32 * register.slot();
      case Operand.Immediate immediate when immediate.floatBits() != 64 -> wordConstant((int) immediate.value());
      case Operand.Immediate immediate ->
          wordConstant(Float.floatToRawIntBits((float) Double.longBitsToDouble(immediate.value())));
      case Operand.Name name when SpecialRegisters.isKnown(name.name()) -> {
        int fresh = 32 * words;
        int base = specials.base(name.name(), fresh);
        if (base == fresh) {
          words++;
        }
        yield base;
      }
      case Operand.Symbol symbol -> wordConstant((int) addressOf(symbol));
      case Operand.Sink sink -> 32 * words++;
      default -> throw error(describe(operand) + " is not an operand of 32 bits");
    };
  }

  /** Where an operand of 16 bits lies; numbers are kept with zeros above their 16 bits. */
  int half(int index) {
    Operand operand = operand(index);
    return operand instanceof Operand.Immediate immediate && immediate.floatBits() == 0
        ? wordConstant((int) immediate.value() & 0xFFFF)
        : word(operand);
  }

  int wordConstant(int value) {
    return wordSlots.computeIfAbsent(
        (long) value,
        ignored -> {
          wordConstants.add(new Program.Constant(32 * words, value));
          return 32 * words++;
        });
  }

  /** Where an operand of 64 bits lies among the longs. */
  int wide(int index) {
    return wide(operand(index));
  }

  int wide(Operand operand) {
    return switch (operand) {
      case Operand.Register register when register.bank() == Bank.LONG -> 32 * register.slot();
      case Operand.Immediate immediate when immediate.floatBits() != 32 -> longConstant(immediate.value());
      case Operand.Symbol symbol -> longConstant(addressOf(symbol));
      case Operand.Sink sink -> 32 * longs++;
      default -> throw error(describe(operand) + " is not an operand of 64 bits");
    };
  }

  int longConstant(long value) {
    return longSlots.computeIfAbsent(
        value,
        ignored -> {
          longConstants.add(new Program.Constant(32 * longs, value));
          return 32 * longs++;
        });
  }

  /** Where an operand lies among the words or the longs, by its bits. */
  int base(Operand operand, int bits) {
    return bits == 64 ? wide(operand) : word(operand);
  }

  int base(int index, int bits) {
    return base(operand(index), bits);
  }

  /** Bits of the register that an operand is, or 0 when it is none. */
  int registerBits(int index) {
    return operand(index) instanceof Operand.Register register ? register.bits() : 0;
  }

  Predicate predicate(Operand operand) {
    return switch (operand) {
      case Operand.Register register when register.bank() == Bank.PREDICATE -> new Predicate(register.slot(), 0);
      case Operand.Negated negated -> new Predicate(negated.predicate().slot(), -1);
      // An immediate predicate is read from a slot that stays 0.
      case Operand.Immediate immediate -> new Predicate(predicates++, immediate.value() != 0 ? -1 : 0);
      default -> throw error(describe(operand) + " is not a predicate");
    };
  }

  Predicate predicate(int index) {
    return predicate(operand(index));
  }

  /** Slot of a predicate that is written. */
  int resultPredicate(Operand operand) {
    return operand instanceof Operand.Sink ? predicates++ : predicate(operand).slot();
  }

  private long addressOf(Operand.Symbol symbol) {
    PtxModule.Variable variable = symbol.variable();
    long start =
        switch (variable.space()) {
          case GLOBAL, CONST -> globalBase + variable.offset();
          case DYNAMIC_SHARED -> dynamicSharedOffset(kernel);
          default -> variable.offset();
        };
    return start + symbol.offset();
  }

  /** Dynamic shared memory lies behind all other. */
  static long dynamicSharedOffset(PtxModule.Kernel kernel) {
    int alignment = kernel.dynamicAlignment();
    return (kernel.sharedBytes() + alignment - 1) / alignment * alignment;
  }

  AddressOperand address(int index) {
    if (!(operand(index) instanceof Operand.Address address)) {
      throw error(describe(operand(index)) + " is not an address");
    }
    Operand base = address.base();
    boolean isWord = base instanceof Operand.Register register && register.bank() == Bank.WORD;
    return new AddressOperand(!isWord, isWord ? word(base) : wide(base), address.offset());
  }

  /** The variable that an address names, or null. */
  PtxModule.Variable variable(int index) {
    return operand(index) instanceof Operand.Address address && address.base() instanceof Operand.Symbol symbol
        ? symbol.variable()
        : null;
  }

  List<Operand> group(int index) {
    return operand(index) instanceof Operand.Group group ? group.parts() : List.of(operand(index));
  }

  /** Bases of all operands of a group. */
  int[] bases(int index, int bits) {
    return group(index).stream().mapToInt(each -> base(each, bits)).toArray();
  }

  private static String describe(Operand operand) {
    return switch (operand) {
      case Operand.Name name -> name.name();
      case Operand.Register register -> register.name();
      default -> operand.toString();
    };
  }

  // Control

  void kind(byte kind) {
    program.kinds[position] = kind;
  }

  /** The instruction is done together by the lanes that the mask names. */
  void rendezvous(int memberMask) {
    kind(Program.RENDEZVOUS);
    program.targets[position] = memberMask;
  }

  void target(int value) {
    program.targets[position] = value;
  }

  int label(Operand operand) {
    if (operand instanceof Operand.Name name) {
      Integer found = name.scope().label(kernel.labels(), name.name());
      if (found != null) {
        return found;
      }
    }
    throw error(describe(operand) + " is not a label");
  }

  void table(Operand operand) {
    if (operand instanceof Operand.Name name) {
      List<Operand> found = name.scope().label(kernel.tables(), name.name());
      if (found != null) {
        program.tables[position] = found.stream().mapToInt(this::label).toArray();
        return;
      }
    }
    throw error(describe(operand) + " is not a table of labels");
  }

  void barrier(Program.Barrier barrier) {
    kind(Program.BARRIER);
    program.barriers[position] = barrier;
  }

  /** An access to shared memory of so many bytes. */
  void sharedAccess(int bytes) {
    program.granule = Math.min(program.granule, bytes);
  }

  static boolean isShared(Space space) {
    return space == Space.SHARED || space == Space.DYNAMIC_SHARED;
  }
}
