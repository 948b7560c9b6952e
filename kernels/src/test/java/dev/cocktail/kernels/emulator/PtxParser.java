package dev.cocktail.kernels.emulator;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the text of a PTX module as nvcc writes it. Names declared in inner braces, which inline assembly uses, are
 * made unique.
 */
final class PtxParser {
  private static final Pattern REGISTERS = Pattern.compile("\\.reg\\s+\\.(\\w+)\\s+(.*)");
  private static final Pattern RANGE = Pattern.compile("(\\S+)<(\\d+)>");
  private static final Pattern VARIABLE =
      Pattern.compile(
          "(?:\\.extern\\s+)?\\.shared\\s+(?:\\.align\\s+(\\d+)\\s+)?\\.(\\w+)\\s+([\\w$]+)\\s*(?:\\[(\\d*)])?");
  private static final Pattern PARAMETER = Pattern.compile("\\.param\\s+\\.(\\w+)(?:\\s+\\.ptr[^,]*?)?\\s+([\\w$]+)");
  private static final Pattern GUARD = Pattern.compile("@(!?)(\\S+)\\s+(.*)", Pattern.DOTALL);
  private static final Pattern LABEL = Pattern.compile("([\\w$]+):");
  private static final Pattern WORD = Pattern.compile("[%$\\w]+");

  private final String text;
  private final Map<String, PtxKernel.Variable> moduleShared = new LinkedHashMap<>();
  private final Map<String, PtxKernel> kernels = new LinkedHashMap<>();
  private int position;
  private int line = 1;

  private PtxParser(String text) {
    this.text = text;
  }

  /** All kernels of a module by name. */
  static Map<String, PtxKernel> parse(String text) {
    var parser = new PtxParser(text);
    parser.module();
    return parser.kernels;
  }

  private EmulatorFault fault(String what) {
    return new EmulatorFault("PTX line " + line + ": " + what);
  }

  private boolean skipBlanks() {
    while (position < text.length()) {
      char c = text.charAt(position);
      if (c == '\n') {
        line++;
        position++;
      } else if (Character.isWhitespace(c)) {
        position++;
      } else if (text.startsWith("//", position)) {
        int end = text.indexOf('\n', position);
        position = end < 0 ? text.length() : end;
      } else {
        return true;
      }
    }
    return false;
  }

  /** Text up to one of the given characters outside brackets and parentheses, which is left to be read. */
  private String until(String stops) {
    var found = new StringBuilder();
    int depth = 0;
    while (skipOne(found)) {
      char c = text.charAt(position);
      if (depth == 0 && stops.indexOf(c) >= 0) {
        return found.toString().strip();
      }
      if (c == '(' || c == '[' || (c == '{' && stops.equals(";"))) {
        depth++;
      } else if (c == ')' || c == ']' || (c == '}' && stops.equals(";"))) {
        depth--;
      }
      found.append(c);
      position++;
    }
    throw fault("the text ends in the midst of a statement");
  }

  /** Steps over blanks and comments, which become one blank. */
  private boolean skipOne(StringBuilder found) {
    int before = position;
    boolean more = skipBlanks();
    if (position > before) {
      found.append(' ');
    }
    return more;
  }

  private void module() {
    while (skipBlanks()) {
      if (lineStartsWith(".version") || lineStartsWith(".target") || lineStartsWith(".address_size")) {
        position = text.indexOf('\n', position);
        continue;
      }
      String head = until(";{");
      if (text.charAt(position) == ';') {
        position++;
        Matcher variable = VARIABLE.matcher(head);
        if (!variable.matches()) {
          throw fault("unknown declaration: " + head);
        }
        addVariable(moduleShared, variable);
      } else if (head.contains(".entry")) {
        position++;
        kernel(head);
      } else {
        throw fault("only kernels and shared memory are known, not: " + head);
      }
    }
  }

  private boolean lineStartsWith(String word) {
    return text.startsWith(word, position);
  }

  private static void addVariable(Map<String, PtxKernel.Variable> variables, Matcher found) {
    int element = bytes(found.group(2));
    int alignment = found.group(1) == null ? element : Integer.parseInt(found.group(1));
    String count = found.group(4);
    int elements = count == null ? 1 : count.isEmpty() ? 0 : Integer.parseInt(count);
    variables.put(found.group(3), new PtxKernel.Variable(found.group(3), alignment, elements * element));
  }

  static int bytes(String type) {
    return switch (type) {
      case "b8", "u8", "s8" -> 1;
      case "b16", "u16", "s16", "f16" -> 2;
      case "b32", "u32", "s32", "f32" -> 4;
      case "b64", "u64", "s64", "f64" -> 8;
      default -> throw new EmulatorFault("type " + type + " is not known");
    };
  }

  private void kernel(String head) {
    int open = head.indexOf('(');
    String name = head.substring(head.indexOf(".entry") + 6, open).strip();
    int close = head.lastIndexOf(')');
    List<PtxKernel.Parameter> parameters = new ArrayList<>();
    Matcher parameter = PARAMETER.matcher(head.substring(open, close));
    int offset = 0;
    while (parameter.find()) {
      int bytes = bytes(parameter.group(1));
      offset = (offset + bytes - 1) & -bytes;
      parameters.add(new PtxKernel.Parameter(parameter.group(2), bytes, offset));
      offset += bytes;
    }
    Matcher most = Pattern.compile("\\.(?:max|req)ntid\\s+(\\d+)").matcher(head.substring(close));
    int mostThreads = most.find() ? Integer.parseInt(most.group(1)) : 1024;
    var kernel =
        new PtxKernel(
            name,
            parameters,
            mostThreads,
            new HashMap<>(),
            new HashMap<>(),
            new LinkedHashMap<>(moduleShared),
            new ArrayList<>());
    body(kernel);
    kernels.put(name, kernel);
  }

  private void body(PtxKernel kernel) {
    Deque<Map<String, String>> scopes = new ArrayDeque<>();
    scopes.push(new HashMap<>());
    int scopeNumber = 0;
    while (skipBlanks()) {
      char c = text.charAt(position);
      if (c == '}') {
        position++;
        scopes.pop();
        if (scopes.isEmpty()) {
          return;
        }
        continue;
      }
      if (c == '{') {
        position++;
        scopeNumber++;
        scopes.push(new HashMap<>());
        continue;
      }
      Matcher label = LABEL.matcher(text).region(position, text.length());
      if (label.lookingAt()) {
        position = label.end();
        kernel.labels().put(declare(scopes, label.group(1), scopeNumber), kernel.statements().size());
        continue;
      }
      int startLine = line;
      String statement = until(";");
      position++;
      statement(kernel, scopes, scopeNumber, statement, startLine);
    }
    throw fault("kernel " + kernel.name() + " does not end");
  }

  /** A name's unique form; outermost names keep theirs. */
  private static String declare(Deque<Map<String, String>> scopes, String name, int scopeNumber) {
    String unique = scopes.size() == 1 ? name : name + "@" + scopeNumber;
    scopes.peek().put(name, unique);
    return unique;
  }

  private void statement(
      PtxKernel kernel, Deque<Map<String, String>> scopes, int scopeNumber, String statement, int startLine) {
    Matcher registers = REGISTERS.matcher(statement);
    if (registers.matches()) {
      for (String name : registers.group(2).split(",")) {
        Matcher range = RANGE.matcher(name.strip());
        if (range.matches()) {
          for (int i = 0; i < Integer.parseInt(range.group(2)); i++) {
            kernel.registers().put(declare(scopes, range.group(1) + i, scopeNumber), registers.group(1));
          }
        } else {
          kernel.registers().put(declare(scopes, name.strip(), scopeNumber), registers.group(1));
        }
      }
      return;
    }
    Matcher variable = VARIABLE.matcher(statement);
    if (variable.matches()) {
      addVariable(kernel.shared(), variable);
      return;
    }
    if (statement.startsWith(".pragma")) {
      return;
    }
    if (statement.startsWith(".")) {
      throw fault("unknown declaration: " + statement);
    }
    String guard = null;
    boolean negated = false;
    String rest = statement;
    Matcher guarded = GUARD.matcher(statement);
    if (guarded.matches()) {
      negated = !guarded.group(1).isEmpty();
      guard = resolve(scopes, guarded.group(2));
      rest = guarded.group(3);
    }
    int blank = 0;
    while (blank < rest.length() && !Character.isWhitespace(rest.charAt(blank))) {
      blank++;
    }
    List<String> operands = new ArrayList<>();
    for (String operand : split(rest.substring(blank).strip())) {
      operands.add(resolve(scopes, operand));
    }
    kernel.statements().add(new PtxStatement(startLine, guard, negated, rest.substring(0, blank), operands));
  }

  /** Parts between commas outside braces and brackets; the bar between two destinations of setp and shfl counts too. */
  private static List<String> split(String operands) {
    List<String> parts = new ArrayList<>();
    int depth = 0;
    int start = 0;
    for (int i = 0; i < operands.length(); i++) {
      char c = operands.charAt(i);
      if (c == '{' || c == '[') {
        depth++;
      } else if (c == '}' || c == ']') {
        depth--;
      } else if ((c == ',' || c == '|') && depth == 0) {
        parts.add(operands.substring(start, i).strip());
        start = i + 1;
      }
    }
    if (!operands.isEmpty()) {
      parts.add(operands.substring(start).strip());
    }
    return parts;
  }

  private static String resolve(Deque<Map<String, String>> scopes, String operand) {
    return WORD.matcher(operand)
        .replaceAll(word -> {
          for (Map<String, String> scope : scopes) {
            String unique = scope.get(word.group());
            if (unique != null) {
              return Matcher.quoteReplacement(unique);
            }
          }
          return Matcher.quoteReplacement(word.group());
        });
  }
}
