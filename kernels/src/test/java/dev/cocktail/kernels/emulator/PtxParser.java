package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.emulator.Operand.Bank;
import dev.cocktail.kernels.emulator.PtxLexer.Token;
import dev.cocktail.kernels.emulator.PtxModule.Instruction;
import dev.cocktail.kernels.emulator.PtxModule.Space;
import dev.cocktail.kernels.emulator.PtxModule.Variable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the PTX that nvcc writes: modules of variables and kernels. What it does not know is an error with its line.
 */
final class PtxParser {
  /** Names that are known between two braces, and outside of them. */
  static final class Scope {
    private final Scope outer;
    private final int number;
    private final Map<String, Operand> names = new HashMap<>();

    private Scope(Scope outer, int number) {
      this.outer = outer;
      this.number = number;
    }

    private Operand find(String name) {
      for (Scope scope = this; scope != null; scope = scope.outer) {
        Operand found = scope.names.get(name);
        if (found != null) {
          return found;
        }
      }
      return null;
    }

    private String key(String label) {
      return number + ":" + label;
    }

    /** What belongs to a label here or in the nearest scope around that has it; null when none has. */
    <T> T label(Map<String, T> labels, String name) {
      for (Scope scope = this; scope != null; scope = scope.outer) {
        T found = labels.get(scope.key(name));
        if (found != null) {
          return found;
        }
      }
      return null;
    }
  }

  private final String module;
  private final List<Token> tokens;
  private int at;
  private final Scope outermost = new Scope(null, 0);
  private final List<Variable> globals = new ArrayList<>();
  private final Map<String, PtxModule.Kernel> kernels = new LinkedHashMap<>();
  private long globalBytes;
  private long moduleSharedBytes;

  // The kernel being read.
  private Scope scope = outermost;
  private int scopes;
  private List<Instruction> instructions;
  private Map<String, Integer> labels;
  private Map<String, List<Operand>> tables;
  private int[] registers;
  private long sharedBytes;
  private long localBytes;
  private int dynamicAlignment = 16;

  private PtxParser(String module, String text) {
    this.module = module;
    this.tokens = PtxLexer.tokens(text);
  }

  static PtxModule parse(String module, String text) {
    PtxParser parser = new PtxParser(module, text);
    parser.module();
    return new PtxModule(module, List.copyOf(parser.globals), parser.kernels);
  }

  // Tokens

  private EmulatorFault error(String message) {
    int line = at < tokens.size() ? tokens.get(at).line() : -1;
    return new EmulatorFault(module + ", line " + line + ": " + message);
  }

  private Token peek() {
    if (at >= tokens.size()) {
      throw new EmulatorFault(module + ": the text ends in the middle");
    }
    return tokens.get(at);
  }

  private Token next() {
    Token token = peek();
    at++;
    return token;
  }

  private boolean accept(String text) {
    if (at < tokens.size() && tokens.get(at).is(text)) {
      at++;
      return true;
    }
    return false;
  }

  private void expect(String text) {
    if (!accept(text)) {
      throw error("expected '" + text + "', found '" + peek().text() + "'");
    }
  }

  private int integer() {
    return Math.toIntExact(number(next().text()).value());
  }

  // Module

  private void module() {
    while (at < tokens.size()) {
      Token token = peek();
      switch (token.text()) {
        case ".version", ".target", ".address_size" -> {
          at++;
          next();
          while (accept(",")) {
            next();
          }
        }
        case ".visible", ".weak", ".extern" -> at++;
        case ".entry" -> {
          at++;
          kernel();
        }
        case ".global", ".const", ".shared" -> variable();
        default -> throw error("'" + token.text() + "' is not known at this place");
      }
    }
  }

  private void kernel() {
    String name = next().text();
    scope = new Scope(outermost, ++scopes);
    instructions = new ArrayList<>();
    labels = new HashMap<>();
    tables = new HashMap<>();
    registers = new int[Bank.values().length];
    sharedBytes = moduleSharedBytes;
    localBytes = 0;
    List<Variable> parameters = new ArrayList<>();
    long parameterBytes = 0;
    if (accept("(")) {
      while (!accept(")")) {
        Variable parameter = parameter(parameterBytes);
        parameters.add(parameter);
        parameterBytes = parameter.offset() + parameter.bytes();
        scope.names.put(parameter.name(), new Operand.Symbol(parameter, 0));
        accept(",");
      }
    }
    int mostThreads = 1024;
    while (!peek().is("{")) {
      switch (next().text()) {
        case ".maxntid", ".reqntid" -> {
          mostThreads = integer();
          while (accept(",")) {
            mostThreads *= integer();
          }
        }
        case ".minnctapersm", ".maxnreg" -> integer();
        default -> {
          at--;
          throw error("'" + peek().text() + "' is not known before a kernel's body");
        }
      }
    }
    expect("{");
    body();
    kernels.put(
        name,
        new PtxModule.Kernel(
            name,
            List.copyOf(parameters),
            List.copyOf(instructions),
            labels,
            tables,
            registers,
            mostThreads,
            parameterBytes,
            sharedBytes,
            dynamicAlignment,
            localBytes));
    scope = outermost;
  }

  private Variable parameter(long end) {
    expect(".param");
    int alignment = 0;
    if (accept(".align")) {
      alignment = integer();
    }
    int bytes = bytesOf(next().text());
    if (alignment == 0) {
      alignment = bytes;
    }
    if (accept(".ptr")) {
      // What follows describes the memory that is pointed at.
      while (peek().text().startsWith(".")) {
        if (next().is(".align")) {
          integer();
        }
      }
    }
    String name = next().text();
    long size = bytes;
    if (accept("[")) {
      size *= integer();
      expect("]");
    }
    return new Variable(name, Space.PARAM, alignment, size, roundUp(end, alignment), null);
  }

  private int bytesOf(String type) {
    return switch (type) {
      case ".b8", ".u8", ".s8" -> 1;
      case ".b16", ".u16", ".s16", ".f16", ".bf16" -> 2;
      case ".b32", ".u32", ".s32", ".f32", ".f16x2", ".bf16x2" -> 4;
      case ".b64", ".u64", ".s64", ".f64" -> 8;
      default -> {
        at--;
        throw error("'" + type + "' is not a known type");
      }
    };
  }

  private static long roundUp(long value, int alignment) {
    return (value + alignment - 1) / alignment * alignment;
  }

  private void variable() {
    Space space =
        switch (next().text()) {
          case ".global" -> Space.GLOBAL;
          case ".const" -> Space.CONST;
          case ".shared" -> Space.SHARED;
          default -> Space.LOCAL;
        };
    int alignment = 0;
    if (accept(".align")) {
      alignment = integer();
    }
    int element = bytesOf(next().text());
    alignment = Math.max(alignment, element);
    String name = next().text();
    long bytes = element;
    while (accept("[")) {
      if (accept("]")) {
        if (space != Space.SHARED) {
          throw error("an array without a size outside of shared memory");
        }
        space = Space.DYNAMIC_SHARED;
        bytes = 0;
      } else {
        bytes *= integer();
        expect("]");
      }
    }
    byte[] initial = accept("=") ? initial(element, Math.toIntExact(bytes)) : null;
    expect(";");
    long offset = 0;
    switch (space) {
      case GLOBAL, CONST -> {
        offset = roundUp(globalBytes, Math.max(alignment, 16));
        globalBytes = offset + bytes;
      }
      case SHARED -> {
        offset = roundUp(sharedBytes, alignment);
        sharedBytes = offset + bytes;
      }
      case LOCAL -> {
        offset = roundUp(localBytes, alignment);
        localBytes = offset + bytes;
      }
      default -> dynamicAlignment = Math.max(dynamicAlignment, alignment);
    }
    if (scope == outermost) {
      // Every kernel that follows may use it.
      moduleSharedBytes = sharedBytes;
    }
    Variable variable = new Variable(name, space, alignment, bytes, offset, initial);
    if (space == Space.GLOBAL || space == Space.CONST) {
      globals.add(variable);
    }
    scope.names.put(name, new Operand.Symbol(variable, 0));
  }

  private byte[] initial(int element, int bytes) {
    ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    boolean braces = accept("{");
    do {
      if (braces && peek().is("}")) {
        break;
      }
      long value = signedNumber().value();
      switch (element) {
        case 1 -> buffer.put((byte) value);
        case 2 -> buffer.putShort((short) value);
        case 4 -> buffer.putInt((int) value);
        default -> buffer.putLong(value);
      }
    } while (braces && accept(","));
    if (braces) {
      expect("}");
    }
    return buffer.array();
  }

  // Bodies of kernels

  private void body() {
    int depth = 1;
    while (depth > 0) {
      Token token = peek();
      if (accept("{")) {
        scope = new Scope(scope, ++scopes);
        depth++;
      } else if (accept("}")) {
        scope = scope.outer;
        depth--;
      } else if (token.is(".reg")) {
        registerDeclaration();
      } else if (token.is(".shared") || token.is(".local") || token.is(".const") || token.is(".global")) {
        variable();
      } else if (token.is(".pragma") || token.is(".loc")) {
        while (!accept(";")) {
          next();
        }
      } else if (token.isWord() && tokens.get(at + 1).is(":")) {
        at += 2;
        label(token.text());
      } else {
        instructions.add(instruction());
      }
    }
  }

  private void label(String name) {
    if (accept(".branchtargets")) {
      List<Operand> targets = new ArrayList<>();
      do {
        targets.add(new Operand.Name(next().text(), scope));
      } while (accept(","));
      expect(";");
      tables.put(scope.key(name), targets);
    } else if (labels.put(scope.key(name), instructions.size()) != null) {
      throw error("label " + name + " stands twice in one scope");
    }
  }

  private void registerDeclaration() {
    expect(".reg");
    String type = next().text();
    int bits = type.equals(".pred") ? 1 : 8 * bytesOf(type);
    Bank bank = bits == 1 ? Bank.PREDICATE : bits == 64 ? Bank.LONG : Bank.WORD;
    do {
      String name = next().text();
      if (accept("<")) {
        int count = integer();
        expect(">");
        for (int i = 0; i < count; i++) {
          declare(name + i, bank, bits);
        }
      } else {
        declare(name, bank, bits);
      }
    } while (accept(","));
    expect(";");
  }

  private void declare(String name, Bank bank, int bits) {
    scope.names.put(name, new Operand.Register(name, bank, registers[bank.ordinal()]++, bits));
  }

  private Instruction instruction() {
    int line = peek().line();
    Operand.Register guard = null;
    boolean negated = false;
    if (accept("@")) {
      negated = accept("!");
      String name = next().text();
      if (!(scope.find(name) instanceof Operand.Register found) || found.bank() != Bank.PREDICATE) {
        throw error(name + " is not a predicate");
      }
      guard = found;
    }
    Token opcode = next();
    if (!opcode.isWord() || opcode.text().startsWith(".") || opcode.text().startsWith("%")) {
      at--;
      throw error("'" + opcode.text() + "' is not known at this place");
    }
    List<Operand> operands = new ArrayList<>();
    if (!peek().is(";")) {
      do {
        operands.add(operand());
      } while (accept(","));
    }
    expect(";");
    return new Instruction(line, guard, negated, opcode.text(), List.copyOf(operands));
  }

  private Operand operand() {
    Operand first = simpleOperand();
    return accept("|") ? new Operand.Pair(first, simpleOperand()) : first;
  }

  private Operand simpleOperand() {
    Token token = peek();
    if (accept("[")) {
      Operand base = simpleOperand();
      long offset = 0;
      if (base instanceof Operand.Symbol symbol) {
        offset = symbol.offset();
        base = new Operand.Symbol(symbol.variable(), 0);
      } else if (accept("+")) {
        offset = signedNumber().value();
      } else if (peek().is("-")) {
        offset = signedNumber().value();
      }
      expect("]");
      return new Operand.Address(base, offset);
    }
    if (accept("{")) {
      List<Operand> parts = new ArrayList<>();
      do {
        parts.add(simpleOperand());
      } while (accept(","));
      expect("}");
      return new Operand.Group(List.copyOf(parts));
    }
    if (accept("!")) {
      String name = next().text();
      if (scope.find(name) instanceof Operand.Register found && found.bank() == Bank.PREDICATE) {
        return new Operand.Negated(found);
      }
      throw error(name + " is not a predicate");
    }
    if (token.is("-") || token.isNumber()) {
      return signedNumber();
    }
    if (!token.isWord()) {
      throw error("'" + token.text() + "' is not an operand");
    }
    at++;
    if (token.is("_")) {
      return new Operand.Sink();
    }
    Operand found = scope.find(token.text());
    if (found instanceof Operand.Symbol symbol) {
      long offset = accept("+") || peek().is("-") ? signedNumber().value() : 0;
      return new Operand.Symbol(symbol.variable(), offset);
    }
    return found != null ? found : new Operand.Name(token.text(), scope);
  }

  private Operand.Immediate signedNumber() {
    boolean negative = accept("-");
    Operand.Immediate number = number(next().text());
    return negative ? new Operand.Immediate(-number.value(), number.floatBits()) : number;
  }

  private Operand.Immediate number(String text) {
    try {
      if (text.startsWith("0f") || text.startsWith("0F")) {
        return new Operand.Immediate(Long.parseLong(text.substring(2), 16), 32);
      }
      if (text.startsWith("0d") || text.startsWith("0D")) {
        return new Operand.Immediate(Long.parseUnsignedLong(text.substring(2), 16), 64);
      }
      String digits = text.endsWith("U") ? text.substring(0, text.length() - 1) : text;
      if (digits.startsWith("0x") || digits.startsWith("0X")) {
        return new Operand.Immediate(Long.parseUnsignedLong(digits.substring(2), 16), 0);
      }
      if (digits.length() > 1 && digits.startsWith("0")) {
        return new Operand.Immediate(Long.parseUnsignedLong(digits, 8), 0);
      }
      return new Operand.Immediate(Long.parseUnsignedLong(digits), 0);
    } catch (NumberFormatException e) {
      at--;
      throw error("'" + text + "' is not a number");
    }
  }
}
