package dev.cocktail.transformer.text;

import dev.cocktail.transformer.text.TemplateLexer.Kind;
import dev.cocktail.transformer.text.TemplateLexer.Piece;
import dev.cocktail.transformer.text.TemplateLexer.Token;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Writes a template anew so that Jinjava renders it as Jinja does, and so that what it would render differently is
 * refused. Only constructs that are known to agree pass:
 *
 * <ul>
 *   <li>White space is settled by {@link TemplateLexer}; no markers are left.
 *   <li>{@code not a in b} binds as {@code not (a in b)}.
 *   <li>A variable set in a loop's body is forgotten at the next iteration.
 *   <li>Tags that are not known are refused at once; expressions that hold something unknown are replaced by a call
 *       that refuses when it is reached, since many templates carry such branches for tools that a plain conversation
 *       never enters.
 * </ul>
 */
final class TemplateRewriter {
  static final String TEXT = "cocktail_text";
  static final String VALUE = "cocktail_value";
  static final String REFUSE = "cocktail_refuse";
  static final String MARK = "cocktail_mark";

  private static final Set<String> GIVEN =
      Set.of(
          "messages",
          "add_generation_prompt",
          "bos_token",
          "eos_token",
          "pad_token",
          "unk_token",
          "tools",
          "documents",
          "loop",
          "true",
          "false",
          "none",
          "True",
          "False",
          "None");

  /** Transformers always passes these two, as None. */
  private static final Set<String> ALWAYS_DEFINED = Set.of("messages", "add_generation_prompt", "tools", "documents");

  /** What a template of fields knows beside the fields. */
  private static final Set<String> GIVEN_WITH_FIELDS = Set.of("loop", "true", "false", "none", "True", "False", "None");

  /** Words of Jinjava's expressions that are names in Jinja. */
  private static final Set<String> RESERVED =
      Set.of("empty", "eq", "ne", "lt", "gt", "le", "ge", "div", "mod", "instanceof", "null");

  private static final Set<String> FUNCTIONS = Set.of("range", "namespace", "raise_exception", "strftime_now");
  private static final Set<String> FILTERS =
      Set.of(
          "trim",
          "length",
          "count",
          "tojson",
          "string",
          "upper",
          "lower",
          "list",
          "first",
          "last",
          "join",
          "selectattr",
          "rejectattr",
          "safe");
  private static final Set<String> TESTS =
      Set.of(
          "defined",
          "undefined",
          "none",
          "string",
          "mapping",
          "iterable",
          "sequence",
          "true",
          "false",
          "equalto",
          "eq",
          "odd",
          "even");
  private static final Set<String> METHODS =
      Set.of(
          "strip",
          "lstrip",
          "rstrip",
          "split",
          "startswith",
          "endswith",
          "upper",
          "lower",
          "replace",
          "items",
          "keys",
          "values",
          "get");
  private static final Set<String> LOOP = Set.of("index", "index0", "first", "last", "length", "revindex", "revindex0");
  private static final Set<String> WORDS = Set.of("and", "or", "not", "in", "is", "if", "else");
  private static final int MAX_DEPTH = 32;

  private record Block(String name, int loop) {}

  private final String name;
  private final List<Piece> pieces;
  private final StringBuilder out = new StringBuilder();

  /** For each loop, in order of appearance, the variables that its body sets. */
  private final List<Set<String>> setInLoop = new ArrayList<>();

  private final Set<String> assigned = new HashSet<>();
  private final Set<String> assignedNone = new HashSet<>();
  private final Set<String> guarded = new HashSet<>();

  /** Names of fields that the template needs, in order of appearance; null in a chat template, which has none. */
  private final Set<String> fields;

  private boolean marksGeneration;

  private TemplateRewriter(String name, List<Piece> pieces, Set<String> fields) {
    this.name = name;
    this.pieces = pieces;
    this.fields = fields;
  }

  /** A template for Jinjava, and whether it marks what the assistant generates with {@code {% generation %}}. */
  record Rewritten(String source, boolean marksGeneration) {}

  static Rewritten rewrite(String name, String source) {
    var rewriter = new TemplateRewriter(name, TemplateLexer.cut(name, source), null);
    rewriter.survey();
    rewriter.write();
    return new Rewritten(rewriter.out.toString(), rewriter.marksGeneration);
  }

  /** A template of fields for Jinjava, and the fields without which it cannot be rendered. */
  record OfFields(String source, Set<String> fields) {}

  /**
   * A template whose variables are fields: any name that it does not define itself is one, and so is {@code x y} in
   * {@code fields['x y']}. What is not known to render as Jinja does is refused at once.
   */
  static OfFields rewriteOfFields(String name, String source) {
    var rewriter = new TemplateRewriter(name, TemplateLexer.cut(name, source), new LinkedHashSet<>());
    rewriter.survey();
    rewriter.write();
    return new OfFields(rewriter.out.toString(), rewriter.fields);
  }

  /** Finds out what is assigned where, and whether the blocks close. */
  private void survey() {
    Deque<Block> open = new ArrayDeque<>();
    for (var piece : pieces) {
      switch (piece) {
        case Piece.Text text -> {}
        case Piece.Output output -> surveyGuards(output.tokens());
        case Piece.Tag tag -> {
          surveyGuards(tag.tokens());
          surveyTag(tag, open);
        }
      }
      if (open.size() > MAX_DEPTH) {
        throw refuse(piece, "blocks nested deeper than " + MAX_DEPTH);
      }
    }
    if (!open.isEmpty()) {
      throw ChatTemplate.unsupported(name, lastLine(), "a {% " + open.peek().name() + " %} that is not closed");
    }
  }

  private void surveyTag(Piece.Tag tag, Deque<Block> open) {
    switch (tag.name()) {
      case "if" -> open.push(new Block("if", -1));
      case "generation" -> {
        marksGeneration = true;
        open.push(new Block("generation", -1));
      }
      case "for" -> {
        assigned.addAll(targets(tag));
        open.push(new Block("for", setInLoop.size()));
        setInLoop.add(new LinkedHashSet<>());
      }
      case "set" -> surveySet(tag, open);
      case "elif", "else" -> {
        if (open.isEmpty() || !open.peek().name().equals("if")) {
          throw refuse(tag, "{% " + tag.name() + " %} outside of an {% if %}");
        }
      }
      case "endif", "endfor", "endgeneration" -> {
        if (open.isEmpty() || !tag.name().equals("end" + open.pop().name())) {
          throw refuse(tag, "{% " + tag.name() + " %} that closes nothing");
        }
      }
      case "break", "continue" -> {
        if (open.stream().noneMatch(block -> block.name().equals("for"))) {
          throw refuse(tag, "{% " + tag.name() + " %} outside of a loop");
        }
      }
      default -> throw refuse(tag, "the tag {% " + tag.name() + " %}");
    }
  }

  private void surveySet(Piece.Tag tag, Deque<Block> open) {
    var tokens = tag.tokens();
    if (tokens.size() >= 3 && tokens.get(0).kind() == Kind.NAME && tokens.get(1).is("=")) {
      var variable = tokens.getFirst().text();
      if (WORDS.contains(variable)
          || Set.of("loop", "true", "false", "none", "True", "False", "None").contains(variable)) {
        throw refuse(tag, "{% set " + variable + " %}");
      }
      assigned.add(variable);
      if (tokens.size() == 3 && (tokens.get(2).is("none") || tokens.get(2).is("None"))) {
        assignedNone.add(variable);
      }
      open.stream()
          .filter(block -> block.name().equals("for"))
          .findFirst()
          .ifPresent(block -> setInLoop.get(block.loop()).add(variable));
      return;
    }
    var isAttribute =
        tokens.size() >= 5
            && tokens.get(0).kind() == Kind.NAME
            && tokens.get(1).is(".")
            && tokens.get(2).kind() == Kind.NAME
            && tokens.get(3).is("=");
    if (!isAttribute) {
      throw refuse(tag, "a {% set %} of anything but one variable or one attribute of a namespace");
    }
  }

  private void surveyGuards(List<Token> tokens) {
    for (var i = 0; i + 2 < tokens.size(); i++) {
      var test = tokens.get(i + 2).is("not") && i + 3 < tokens.size() ? tokens.get(i + 3) : tokens.get(i + 2);
      if (tokens.get(i).kind() == Kind.NAME
          && tokens.get(i + 1).is("is")
          && (test.is("defined") || test.is("undefined"))) {
        guarded.add(tokens.get(i).text());
      }
    }
  }

  private void write() {
    var loops = 0;
    for (var piece : pieces) {
      switch (piece) {
        case Piece.Text text -> writeText(text.text());
        case Piece.Output output ->
            out.append("{{ ")
                .append(TEXT)
                .append('(')
                .append(expression(output.tokens(), output.line()))
                .append(") }}");
        case Piece.Tag tag -> {
          switch (tag.name()) {
            case "if", "elif" -> tag(tag.name() + " " + expression(tag.tokens(), tag.line()));
            case "for" -> writeFor(tag, loops++);
            case "set" -> writeSet(tag);
            case "generation" -> out.append("{{ ").append(MARK).append("(true) }}");
            case "endgeneration" -> out.append("{{ ").append(MARK).append("(false) }}");
            default -> tag(tag.name());
          }
        }
      }
    }
  }

  private void writeText(String text) {
    var plain = text.indexOf('{') < 0 && text.indexOf('}') < 0 && text.indexOf('\\') < 0;
    out.append(plain ? text : "{{ " + quote(text) + " }}");
  }

  private void writeFor(Piece.Tag tag, int loop) {
    var targets = targets(tag);
    var from = tag.tokens().indexOf(new Token(Kind.NAME, "in")) + 1;
    var iterable = tag.tokens().subList(from, tag.tokens().size());
    var depth = 0;
    var condition = false;
    for (var token : iterable) {
      depth += opens(token) ? 1 : closes(token) ? -1 : 0;
      condition |= depth == 0 && (token.is("if") || token.is("recursive"));
    }
    for (var variable : setInLoop.get(loop)) {
      tag("set " + outer(loop, variable) + " = " + variable);
    }
    var collection = condition ? call("for ... if", tag.line()) : expression(iterable, tag.line());
    tag("for " + String.join(", ", targets) + " in " + collection);
    for (var variable : setInLoop.get(loop)) {
      if (!targets.contains(variable)) {
        tag("set " + variable + " = " + outer(loop, variable));
      }
    }
  }

  private void writeSet(Piece.Tag tag) {
    var at = tag.tokens().indexOf(new Token(Kind.OPERATOR, "="));
    var target = new StringBuilder();
    tag.tokens().subList(0, at).forEach(token -> target.append(token.text()));
    var value = expression(tag.tokens().subList(at + 1, tag.tokens().size()), tag.line());
    tag("set " + target + " = " + (value.startsWith("namespace") ? value : VALUE + "(" + value + ")"));
  }

  private static String outer(int loop, String variable) {
    return "cocktail_outer_" + loop + "_" + variable;
  }

  private void tag(String text) {
    out.append("{% ").append(text).append(" %}");
  }

  private List<String> targets(Piece.Tag tag) {
    var names = new ArrayList<String>();
    for (var i = 0; i < tag.tokens().size(); i++) {
      var token = tag.tokens().get(i);
      if (i % 2 == 0 && token.kind() == Kind.NAME && !WORDS.contains(token.text())) {
        names.add(token.text());
      } else if (i % 2 == 1 && token.is("in")) {
        return names;
      } else if (i % 2 == 0 || !token.is(",")) {
        break;
      }
    }
    throw refuse(tag, "a {% for %} over anything but names");
  }

  private String expression(List<Token> tokens, int line) {
    var objection = objection(tokens);
    if (objection.isPresent() && fields != null) {
      throw ChatTemplate.unsupported(name, line, objection.get());
    }
    return objection.map(what -> call(what, line)).orElseGet(() -> print(tokens));
  }

  private String call(String what, int line) {
    return REFUSE + "(" + quote("line " + line + ": " + what) + ")";
  }

  /** What in an expression is not known to mean the same here as in Jinja. */
  private Optional<String> objection(List<Token> tokens) {
    if (tokens.isEmpty()) {
      return Optional.of("an empty expression");
    }
    var depth = 0;
    var compared = new boolean[MAX_DEPTH + 2]; // at each depth, whether a comparison is open
    for (var i = 0; i < tokens.size(); i++) {
      var token = tokens.get(i);
      depth += opens(token) ? 1 : closes(token) ? -1 : 0;
      if (depth > MAX_DEPTH || depth < 0) {
        return Optional.of("brackets that do not close, or are nested deeper than " + MAX_DEPTH);
      }
      if (opens(token) || token.is(",") || isClause(token)) {
        compared[depth] = false;
      } else if (isComparison(token)) {
        if (compared[depth]) {
          return Optional.of("a chain of comparisons");
        }
        compared[depth] = true;
      }
      var what =
          switch (token.kind()) {
            case NAME -> objectionToName(tokens, i);
            case OPERATOR -> objectionToOperator(tokens, i);
            case NUMBER ->
                token.text().contains(".") ? Optional.of("the number " + token.text()) : Optional.<String>empty();
            case STRING -> objectionToString(tokens, i);
          };
      if (what.isPresent()) {
        return what;
      }
    }
    return Optional.empty();
  }

  private static Optional<String> objectionToString(List<Token> tokens, int i) {
    if (i > 0 && tokens.get(i - 1).kind() == Kind.STRING) {
      return Optional.of("strings side by side");
    }
    var text = tokens.get(i).text();
    return text.equalsIgnoreCase("false") ? Optional.of("the string '" + text + "'") : Optional.empty();
  }

  private static boolean isComparison(Token token) {
    return token.kind() == Kind.OPERATOR && Set.of("==", "!=", "<", ">", "<=", ">=").contains(token.text());
  }

  private static boolean isClause(Token token) {
    return token.kind() == Kind.NAME && Set.of("and", "or", "not", "if", "else").contains(token.text());
  }

  private Optional<String> objectionToName(List<Token> tokens, int i) {
    var word = tokens.get(i).text();
    var before = i > 0 ? tokens.get(i - 1) : new Token(Kind.OPERATOR, "");
    var called = i + 1 < tokens.size() && tokens.get(i + 1).is("(");
    if (word.startsWith("cocktail_") || word.startsWith("__")) {
      return Optional.of("the name " + word);
    }
    if (before.is(".")) {
      if (i > 1 && tokens.get(i - 2).is("loop")) {
        return LOOP.contains(word) ? Optional.empty() : Optional.of("loop." + word);
      }
      return called && !METHODS.contains(word) ? Optional.of("the method ." + word + "()") : Optional.empty();
    }
    if (before.is("|")) {
      return FILTERS.contains(word) ? Optional.empty() : Optional.of("the filter |" + word);
    }
    if (WORDS.contains(word)) {
      return Optional.empty();
    }
    if (before.is("is") || (before.is("not") && i > 1 && tokens.get(i - 2).is("is"))) {
      var subject = tokens.get(i - (before.is("is") ? 2 : 3));
      if (word.equals("defined") && assignedNone.contains(subject.text()) && !ALWAYS_DEFINED.contains(subject.text())) {
        return Optional.of("a variable that may be None tested with \"is defined\"");
      }
      return TESTS.contains(word) ? Optional.empty() : Optional.of("the test \"is " + word + "\"");
    }
    if (called) {
      return FUNCTIONS.contains(word) ? Optional.empty() : Optional.of("the function " + word + "()");
    }
    if (i + 1 < tokens.size() && tokens.get(i + 1).is("=")) {
      return Optional.empty(); // the name of an argument
    }
    if (fields != null) {
      return objectionToField(tokens, i);
    }
    if (GIVEN.contains(word)
        || assigned.contains(word)
        || guarded.contains(word)
        || FUNCTIONS.contains(word)
        || isTruthOnly(tokens, i)) {
      return Optional.empty();
    }
    return Optional.of("the variable " + word + ", which nothing defines");
  }

  /** Takes a name that the template does not define for a field's. */
  private Optional<String> objectionToField(List<Token> tokens, int i) {
    var word = tokens.get(i).text();
    if (GIVEN_WITH_FIELDS.contains(word) || assigned.contains(word) || FUNCTIONS.contains(word)) {
      return Optional.empty();
    }
    if (RESERVED.contains(word)) {
      return Optional.of(
          "the name " + word + ", which has another meaning; write " + TextTemplate.FIELDS + "['" + word + "']");
    }
    if (ALWAYS_DEFINED.contains(word) && i + 1 < tokens.size() && tokens.get(i + 1).is("is")) {
      return Optional.of("a test of the field " + word);
    }
    if (word.equals(TextTemplate.FIELDS)) {
      if (i + 2 < tokens.size() && tokens.get(i + 1).is("[") && tokens.get(i + 2).kind() == Kind.STRING) {
        fields.add(tokens.get(i + 2).text());
      }
    } else if (!guarded.contains(word)) {
      fields.add(word);
    }
    return Optional.empty();
  }

  /** Whether a variable is only asked for being there: an undefined one counts as false. */
  private static boolean isTruthOnly(List<Token> tokens, int i) {
    var before = i == 0 || Set.of("and", "or", "not", "(", "if").contains(tokens.get(i - 1).text());
    var after = i + 1 == tokens.size() || Set.of("and", "or", ")", "else").contains(tokens.get(i + 1).text());
    return before && after;
  }

  private static Optional<String> objectionToOperator(List<Token> tokens, int i) {
    var operator = tokens.get(i).text();
    return switch (operator) {
      case "*", "/", "//", "**" -> Optional.of("the operator " + operator);
      case "~" ->
          tokens.stream()
                  .anyMatch(token ->
                      Set.of("true", "false", "True", "False", "none", "None", "==", "!=")
                          .contains(token.kind() == Kind.STRING ? "" : token.text()))
              ? Optional.of("~ with a truth value")
              : Optional.empty();
      case "%" ->
          i > 0 && tokens.get(i - 1).kind() == Kind.STRING ? Optional.of("formatting with %") : Optional.empty();
      case ":" ->
          i + 1 < tokens.size() && tokens.get(i + 1).is(":") ? Optional.of("a slice with a step") : Optional.empty();
      default -> Optional.empty();
    };
  }

  /** Prints an expression for Jinjava, {@code not} with its operand in brackets. */
  private static String print(List<Token> tokens) {
    var text = new StringBuilder();
    Deque<Integer> nots = new ArrayDeque<>(); // bracket depths at which the operand of a "not" is open
    var depth = 0;
    for (var i = 0; i < tokens.size(); i++) {
      var token = tokens.get(i);
      var ends = closes(token) || token.is(",") || token.is(":") || (isClause(token) && !token.is("not"));
      while (ends && !nots.isEmpty() && nots.peek() == depth) {
        text.append(')');
        nots.pop();
      }
      depth += opens(token) ? 1 : closes(token) ? -1 : 0;
      if (isAlwaysDefined(tokens, i)) {
        var negated = tokens.get(i + 2).is("not");
        text.append(negated ? " false " : " true ");
        i += negated ? 3 : 2;
        continue;
      }
      var previous = i > 0 ? tokens.get(i - 1) : null;
      switch (token.kind()) {
        case STRING -> text.append(quote(token.text()));
        case NUMBER -> text.append(token.text());
        case OPERATOR -> {
          var tight = ".()[]{},".contains(token.text());
          text.append(tight ? token.text() : " " + token.text() + " ");
        }
        case NAME -> {
          var word =
              switch (token.text()) {
                case "True" -> "true";
                case "False" -> "false";
                case "None" -> "none";
                default -> token.text();
              };
          var spaced = previous == null || !previous.is(".");
          text.append(spaced ? " " : "").append(word);
          var isPrefix =
              token.is("not")
                  && (previous == null || !previous.is("is"))
                  && i + 1 < tokens.size()
                  && !tokens.get(i + 1).is("in");
          if (isPrefix) {
            text.append(" (");
            nots.push(depth);
          } else if (WORDS.contains(word)) {
            text.append(' ');
          }
        }
      }
    }
    return text.append(")".repeat(nots.size())).toString().strip();
  }

  /** {@code tools is defined}: Jinjava takes None for undefined. */
  private static boolean isAlwaysDefined(List<Token> tokens, int i) {
    if (i + 2 >= tokens.size()
        || tokens.get(i).kind() != Kind.NAME
        || !tokens.get(i + 1).is("is")
        || !ALWAYS_DEFINED.contains(tokens.get(i).text())
        || (i > 0 && tokens.get(i - 1).is("."))) {
      return false;
    }
    return tokens.get(i + 2).is("defined")
        || (tokens.get(i + 2).is("not") && i + 3 < tokens.size() && tokens.get(i + 3).is("defined"));
  }

  private static String quote(String value) {
    var quoted = new StringBuilder("'");
    for (var i = 0; i < value.length(); i++) {
      var c = value.charAt(i);
      switch (c) {
        case '\n' -> quoted.append("\\n");
        case '\t' -> quoted.append("\\t");
        case '\r' -> quoted.append("\\r");
        case '\\' -> quoted.append("\\\\");
        case '\'' -> quoted.append("\\'");
        default -> quoted.append(c);
      }
    }
    return quoted.append('\'').toString();
  }

  private static boolean opens(Token token) {
    return token.kind() == Kind.OPERATOR && "([{".contains(token.text());
  }

  private static boolean closes(Token token) {
    return token.kind() == Kind.OPERATOR && ")]}".contains(token.text());
  }

  private RuntimeException refuse(Piece piece, String what) {
    var line =
        switch (piece) {
          case Piece.Tag tag -> tag.line();
          case Piece.Output output -> output.line();
          case Piece.Text text -> 1;
        };
    return ChatTemplate.unsupported(name, line, what);
  }

  private int lastLine() {
    return pieces.reversed().stream()
        .map(piece -> piece instanceof Piece.Tag tag ? tag.line() : 0)
        .filter(line -> line > 0)
        .findFirst()
        .orElse(1);
  }
}
