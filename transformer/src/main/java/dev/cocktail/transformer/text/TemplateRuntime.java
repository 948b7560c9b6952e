package dev.cocktail.transformer.text;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.el.JinjavaInterpreterResolver;
import com.hubspot.jinjava.el.JinjavaProcessors;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import com.hubspot.jinjava.tree.Node;
import java.beans.FeatureDescriptor;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;

/**
 * Jinjava, set up to behave as Jinja in Transformers does for templates that {@link TemplateRewriter} wrote, and held
 * to limits: text of messages is never executed, no Java object can be reached, and no loop or text grows without
 * bound.
 */
final class TemplateRuntime {
  /**
   * Begins and ends what an assistant generates, in renderings that are asked for marks. Never part of Unicode text.
   */
  static final char MARK_BEGIN = '\uFDD0';

  static final char MARK_END = '\uFDD1';

  private static final int MAX_NODES = 1_000_000;
  private static final int MAX_CHARACTERS = 1 << 24;
  private static final int MAX_RANGE = 100_000;
  private static final ThreadLocal<State> STATE = new ThreadLocal<>();
  private static final Jinjava JINJAVA = create();

  private TemplateRuntime() {}

  /** What happens while one template is rendered. */
  private static final class State {
    final boolean marks;
    final boolean nullIsText;
    final boolean undefinedIsRefused;
    int nodes;
    int ranged;
    String refused;
    String raised;

    State(boolean marks, boolean nullIsText, boolean undefinedIsRefused) {
      this.marks = marks;
      this.nullIsText = nullIsText;
      this.undefinedIsRefused = undefinedIsRefused;
    }
  }

  /** Ends a rendering at once; Jinjava itself collects exceptions and goes on. */
  private static final class Abandoned extends Error {
    private static final long serialVersionUID = 1L;

    Abandoned() {
      super("rendering abandoned", null, false, false);
    }
  }

  /** A template in Jinjava's form, parsed once. Rendering does not change it. */
  record Parsed(Node root) {}

  /**
   * The outcome: the text, or why there is none.
   *
   * @param refused the construct that is not supported
   * @param raised what the template itself complained about
   */
  record Outcome(String text, String refused, String raised) {}

  static Parsed parse(String source) {
    var interpreter = interpreter(Map.of());
    var root = interpreter.parse(source);
    if (!interpreter.getErrorsCopy().isEmpty()) {
      throw new IllegalArgumentException(interpreter.getErrorsCopy().getFirst().getMessage());
    }
    return new Parsed(root);
  }

  /**
   * @param marks whether {@code {% generation %}} leaves marks
   * @param nullIsText whether the template itself holds the word "null", which undefined values print as
   */
  static Outcome render(Parsed template, Map<String, Object> bindings, boolean marks, boolean nullIsText) {
    return render(template, bindings, new State(marks, nullIsText, false));
  }

  /** The outcome of a template in which every output must be defined. */
  static Outcome renderDefined(Parsed template, Map<String, Object> bindings, boolean nullIsText) {
    return render(template, bindings, new State(false, nullIsText, true));
  }

  private static Outcome render(Parsed template, Map<String, Object> bindings, State state) {
    STATE.set(state);
    var interpreter = interpreter(bindings);
    try {
      var text = interpreter.render(template.root(), false);
      var errors = interpreter.getErrorsCopy();
      if (state.raised != null || state.refused != null) {
        return new Outcome(null, state.refused, state.raised);
      }
      if (!errors.isEmpty()) {
        return new Outcome(null, errors.getFirst().getMessage(), null);
      }
      return new Outcome(text, null, null);
    } catch (Abandoned e) {
      return new Outcome(null, state.refused, state.raised);
    } catch (RuntimeException e) {
      return new Outcome(null, state.refused == null ? String.valueOf(e.getMessage()) : state.refused, state.raised);
    } catch (StackOverflowError e) {
      return new Outcome(null, "expressions nested too deeply", null);
    } finally {
      STATE.remove();
    }
  }

  private static JinjavaInterpreter interpreter(Map<String, Object> bindings) {
    var context = new Context(JINJAVA.getGlobalContext(), bindings, Map.of());
    return new JinjavaInterpreter(JINJAVA, context, JINJAVA.getGlobalConfig());
  }

  @SuppressWarnings("deprecation") // the setting is needed to read {{x}}, and has no successor
  private static Jinjava create() {
    var overrides = LegacyOverrides.Builder.from(LegacyOverrides.ALL).withWhitespaceRequiredWithinTokens(false).build();
    var config =
        JinjavaConfig.newBuilder()
            .withNestedInterpretationEnabled(false)
            .withTrimBlocks(false)
            .withLstripBlocks(false)
            .withKeepTrailingNewline(true)
            .withMaxOutputSize(4L * MAX_CHARACTERS)
            .withMaxListSize(MAX_RANGE)
            .withMaxMapSize(MAX_RANGE)
            .withElResolver(new Methods())
            .withProcessors(JinjavaProcessors.newBuilder().withNodePreProcessor((node, interpreter) -> count()).build())
            .withLegacyOverrides(overrides)
            .build();
    var jinjava = new Jinjava(config);
    var context = jinjava.getGlobalContext();
    context.registerFunction(function("raise_exception", "raise", Object.class));
    context.registerFunction(function("strftime_now", "now", String.class));
    context.registerFunction(function("range", "range", Object.class, Object[].class));
    context.registerFunction(function(TemplateRewriter.TEXT, "text", Object.class));
    context.registerFunction(function(TemplateRewriter.VALUE, "value", Object.class));
    context.registerFunction(function(TemplateRewriter.REFUSE, "refuse", String.class));
    context.registerFunction(function(TemplateRewriter.MARK, "mark", Boolean.class));
    register(
        context,
        "trim",
        (value, arguments) ->
            PythonText.strip(
                string(value, "trim"), arguments.length > 0 ? string(arguments[0], "trim") : null, true, true));
    register(context, "upper", (value, arguments) -> PythonText.upper(string(value, "upper")));
    register(context, "lower", (value, arguments) -> PythonText.lower(string(value, "lower")));
    register(context, "string", (value, arguments) -> string(value, "string"));
    register(context, "length", (value, arguments) -> length(value));
    register(context, "count", (value, arguments) -> length(value));
    register(context, "tojson", (value, arguments) -> json(value, arguments));
    register(
        context, "iterable", value -> value instanceof String || value instanceof Collection || value instanceof Map);
    register(
        context, "sequence", value -> value instanceof String || value instanceof Collection || value instanceof Map);
    register(context, "string", value -> value instanceof String);
    register(context, "mapping", value -> value instanceof Map);
    return jinjava;
  }

  private static ELFunctionDefinition function(String name, String method, Class<?>... types) {
    return new ELFunctionDefinition("", name, TemplateRuntime.class, method, types);
  }

  private static void register(Context context, String name, BiFunction<Object, Object[], Object> body) {
    context.registerFilter(
        new Filter() {
          @Override
          public String getName() {
            return name;
          }

          @Override
          public Object filter(Object value, JinjavaInterpreter interpreter, String... arguments) {
            return body.apply(value, arguments);
          }

          @Override
          public Object filter(
              Object value, JinjavaInterpreter interpreter, Object[] arguments, Map<String, Object> named) {
            var all = new ArrayList<Object>(List.of(arguments));
            all.addAll(named.values());
            return body.apply(value, all.toArray());
          }
        });
  }

  private static void register(Context context, String name, Predicate<Object> body) {
    context.registerExpTest(
        new ExpTest() {
          @Override
          public String getName() {
            return name;
          }

          @Override
          public boolean evaluate(Object value, JinjavaInterpreter interpreter, Object... arguments) {
            return body.test(value);
          }
        });
  }

  private static void count() {
    var state = STATE.get();
    if (state == null) {
      return;
    }
    if (++state.nodes > MAX_NODES && state.refused == null) {
      state.refused = "more than " + MAX_NODES + " steps";
    }
    if (state.refused != null || state.raised != null) {
      throw new Abandoned();
    }
  }

  /** {@code raise_exception(message)}. */
  public static Object raise(Object message) {
    var state = STATE.get();
    if (state.raised == null && state.refused == null) {
      state.raised = String.valueOf(message);
    }
    throw new Abandoned();
  }

  /** Ends the rendering, naming what is not supported. */
  public static Object refuse(String what) {
    var state = STATE.get();
    if (state.raised == null && state.refused == null) {
      state.refused = what;
    }
    throw new Abandoned();
  }

  /** What an output prints. */
  public static String text(Object value) {
    return switch (value) {
      case null -> STATE.get().undefinedIsRefused ? (String) refuse("an output of what is not there") : "";
      case Integer number -> number.toString();
      case Long number -> number.toString();
      case String string -> (String) value(string);
      default -> (String) refuse("an output of anything but text and whole numbers");
    };
  }

  /** A value that is kept: bounded, and no text that an undefined value slipped into. */
  public static Object value(Object value) {
    if (value instanceof CharSequence string) {
      if (string.length() > MAX_CHARACTERS) {
        return refuse("text of more than " + MAX_CHARACTERS + " characters");
      }
      if (!STATE.get().nullIsText && string.toString().contains("null")) {
        return refuse("an undefined value joined to text");
      }
    }
    if (value instanceof Collection<?> list && list.size() > MAX_RANGE) {
      return refuse("a list of more than " + MAX_RANGE + " elements");
    }
    return value;
  }

  /** A mark where generated text begins or ends, when asked for. */
  public static String mark(Boolean begin) {
    return STATE.get().marks ? String.valueOf(begin ? MARK_BEGIN : MARK_END) : "";
  }

  /** {@code range(end)}, {@code range(start, end)}, {@code range(start, end, step)}. */
  public static List<Long> range(Object first, Object... rest) {
    var start = rest.length == 0 ? 0 : whole(first);
    var end = rest.length == 0 ? whole(first) : whole(rest[0]);
    var step = rest.length > 1 ? whole(rest[1]) : 1;
    if (step == 0 || rest.length > 2) {
      refuse("these arguments of range()");
    }
    var state = STATE.get();
    var numbers = new ArrayList<Long>();
    for (var i = start; step > 0 ? i < end : i > end; i += step) {
      if (++state.ranged > MAX_RANGE) {
        refuse("ranges of more than " + MAX_RANGE + " numbers");
      }
      numbers.add(i);
    }
    return numbers;
  }

  /** {@code strftime_now(format)}: the local time. */
  public static String now(String format) {
    var time = LocalDateTime.now(ZoneId.systemDefault());
    var text = new StringBuilder();
    for (var i = 0; i < format.length(); i++) {
      if (format.charAt(i) != '%' || i + 1 == format.length()) {
        text.append(format.charAt(i));
        continue;
      }
      var pattern =
          switch (format.charAt(++i)) {
            case 'Y' -> "yyyy";
            case 'y' -> "yy";
            case 'm' -> "MM";
            case 'd' -> "dd";
            case 'b' -> "MMM";
            case 'B' -> "MMMM";
            case 'a' -> "EEE";
            case 'A' -> "EEEE";
            case 'H' -> "HH";
            case 'I' -> "hh";
            case 'M' -> "mm";
            case 'S' -> "ss";
            case 'p' -> "a";
            default -> (String) refuse("strftime_now with %" + format.charAt(i));
          };
      text.append(time.format(DateTimeFormatter.ofPattern(pattern, Locale.US)));
    }
    return text.toString();
  }

  private static long whole(Object value) {
    return value instanceof Number number ? number.longValue() : (Long) refuse("range() of what is no number");
  }

  private static Object json(Object value, Object[] arguments) {
    var indent = -1;
    for (var argument : arguments) {
      if (!(argument instanceof Number number)) {
        return refuse("these arguments of |tojson");
      }
      indent = number.intValue();
    }
    try {
      return PythonText.json(value, indent);
    } catch (IllegalArgumentException e) {
      return refuse(e.getMessage());
    }
  }

  private static Object length(Object value) {
    return switch (value) {
      case String text -> text.codePointCount(0, text.length());
      case Collection<?> list -> list.size();
      case Map<?, ?> map -> map.size();
      case null, default -> refuse("the length of an undefined value or a number");
    };
  }

  private static String string(Object value, String user) {
    return switch (value) {
      case String text -> StandIns.restore(text);
      case Integer number -> number.toString();
      case Long number -> number.toString();
      case null, default -> (String) refuse(user + " of anything but text");
    };
  }

  /** Python's methods on text and dictionaries; no other object has any. */
  private static final class Methods extends ELResolver {
    private static final Pattern WHOLE = Pattern.compile("-?[0-9]{1,9}");

    private final ELResolver values = JinjavaInterpreterResolver.DEFAULT_RESOLVER_READ_ONLY;

    @Override
    public Object invoke(ELContext context, Object base, Object method, Class<?>[] types, Object[] arguments) {
      if (base instanceof Filter || base instanceof ExpTest) {
        return values.invoke(context, base, method, types, arguments);
      }
      context.setPropertyResolved(true);
      return switch (base) {
        case String text -> onText(StandIns.restore(text), method.toString(), arguments);
        case Map<?, ?> map -> onMap(map, method.toString(), arguments);
        case null, default -> refuse("the method ." + method + "() of an undefined value, a number or a list");
      };
    }

    private static Object onText(String text, String method, Object[] arguments) {
      for (var argument : arguments) {
        if (!(argument instanceof String)) {
          return refuse("these arguments of the method ." + method + "()");
        }
      }
      var first = arguments.length > 0 ? (String) arguments[0] : null;
      return switch (method + arguments.length) {
        case "strip0", "strip1" -> PythonText.strip(text, first, true, true);
        case "lstrip0", "lstrip1" -> PythonText.strip(text, first, true, false);
        case "rstrip0", "rstrip1" -> PythonText.strip(text, first, false, true);
        case "split1" -> first.isEmpty() ? refuse("split by nothing") : PythonText.split(text, first);
        case "startswith1" -> text.startsWith(first);
        case "endswith1" -> text.endsWith(first);
        case "upper0" -> PythonText.upper(text);
        case "lower0" -> PythonText.lower(text);
        case "replace2" -> text.replace(first, (String) arguments[1]);
        default -> refuse("the method ." + method + "() of text with " + arguments.length + " arguments");
      };
    }

    private static Object onMap(Map<?, ?> map, String method, Object[] arguments) {
      return switch (method + arguments.length) {
        case "items0" -> new ArrayList<>(map.entrySet());
        case "keys0" -> new ArrayList<>(map.keySet());
        case "values0" -> new ArrayList<>(map.values());
        case "get1" -> map.get(arguments[0]);
        case "get2" -> map.containsKey(arguments[0]) ? map.get(arguments[0]) : arguments[1];
        default -> refuse("the method ." + method + "() of a dictionary with " + arguments.length + " arguments");
      };
    }

    @Override
    public Object getValue(ELContext context, Object base, Object property) {
      // Jinjava hands indices on as text.
      if (base instanceof List<?> list && property != null && WHOLE.matcher(property.toString()).matches()) {
        var index = Integer.parseInt(property.toString());
        if (index >= list.size() || index < -list.size()) {
          return refuse("an element that a list does not have");
        }
      }
      return values.getValue(context, base, property);
    }

    @Override
    public Class<?> getType(ELContext context, Object base, Object property) {
      return values.getType(context, base, property);
    }

    @Override
    public void setValue(ELContext context, Object base, Object property, Object value) {
      values.setValue(context, base, property, value);
    }

    @Override
    public boolean isReadOnly(ELContext context, Object base, Object property) {
      return values.isReadOnly(context, base, property);
    }

    @Override
    @SuppressWarnings("removal")
    public Iterator<FeatureDescriptor> getFeatureDescriptors(ELContext context, Object base) {
      return values.getFeatureDescriptors(context, base);
    }

    @Override
    public Class<?> getCommonPropertyType(ELContext context, Object base) {
      return values.getCommonPropertyType(context, base);
    }
  }
}
