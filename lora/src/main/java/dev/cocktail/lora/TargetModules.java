package dev.cocktail.lora;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.NearestName;
import dev.cocktail.transformer.LinearModule;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Which linear projections carry an adapter, by the rules of PEFT's {@code target_modules} and its companions. A list
 * names modules whole or by the end of their name after a dot; a pattern must match the whole name.
 *
 * @param targets modules to adapt
 * @param excluded modules to leave out, whatever {@code targets} says
 * @param layers numbers of the layers to adapt, empty for all; counts for targets that are named by their end
 * @param layersPatterns names that stand before the layer's number, empty for any
 */
public record TargetModules(Selection targets, Selection excluded, List<Integer> layers, List<String> layersPatterns) {
  /** The word for every linear projection except the output head. */
  public static final String ALL_LINEAR = "all-linear";

  private static final Pattern FIRST_NUMBER = Pattern.compile(".*?\\.[^.]*\\.(?<idx>\\d+)\\.");

  /** Names, or a pattern, or neither. */
  public record Selection(List<String> names, String pattern) {
    /** Selects nothing. */
    public static final Selection NONE = new Selection(List.of(), null);

    public Selection {
      names = List.copyOf(names);
      if (pattern != null) {
        compile(pattern);
      }
    }

    boolean isEmpty() {
      return names.isEmpty() && pattern == null;
    }

    boolean isAllLinear() {
      return pattern != null && pattern.equalsIgnoreCase(ALL_LINEAR);
    }

    boolean matches(String module) {
      if (pattern != null) {
        return compile(pattern).matcher(module).matches();
      }
      return names.contains(module) || names.stream().anyMatch(name -> module.endsWith("." + name));
    }
  }

  public TargetModules {
    requireNonNull(targets, "targets");
    requireNonNull(excluded, "excluded");
    layers = List.copyOf(layers);
    layersPatterns = List.copyOf(layersPatterns);
    if (targets.pattern() != null && !layers.isEmpty()) {
      throw new InvalidInputException(
          "layers_to_transform cannot be used when target_modules is a pattern; "
              + "name the layers in the pattern, or list the modules");
    }
    if (layers.isEmpty() && !layersPatterns.isEmpty()) {
      throw new InvalidInputException("layers_pattern needs layers_to_transform");
    }
  }

  /** Every linear projection of the model's layers. */
  public static TargetModules allLinear() {
    return matching(ALL_LINEAR);
  }

  /** Modules by name or by the end of their name. */
  public static TargetModules named(String... names) {
    return new TargetModules(new Selection(List.of(names), null), Selection.NONE, List.of(), List.of());
  }

  /** Modules whose whole name matches a regular expression; or {@value #ALL_LINEAR}. */
  public static TargetModules matching(String pattern) {
    return new TargetModules(new Selection(List.of(), pattern), Selection.NONE, List.of(), List.of());
  }

  /** Python and Java write the same expressions but for named groups. */
  static Pattern compile(String expression) {
    try {
      return Pattern.compile(expression.replace("(?P<", "(?<").replaceAll("\\(\\?P=(\\w+)\\)", "\\\\k<$1>"));
    } catch (PatternSyntaxException e) {
      throw new InvalidInputException(
          "'" + expression + "' is not a regular expression: " + e.getDescription() + " at " + e.getIndex(), e);
    }
  }

  /** Whether the module of that name carries an adapter. */
  public boolean matches(String module) {
    if (!excluded.isEmpty() && excluded.matches(module)) {
      return false;
    }
    if (targets.isAllLinear()) {
      return true;
    }
    if (!targets.matches(module)) {
      return false;
    }
    if (layers.isEmpty() || targets.names().contains(module)) {
      return true;
    }
    OptionalInt layer = layerOf(module);
    return layer.isPresent() && layers.contains(layer.getAsInt());
  }

  private OptionalInt layerOf(String module) {
    if (layersPatterns.isEmpty()) {
      return number(FIRST_NUMBER.matcher(module));
    }
    for (String pattern : layersPatterns) {
      OptionalInt number = number(compile("(?:^|.*?\\.)" + pattern + "\\.(?<idx>\\d+)\\.").matcher(module));
      if (number.isPresent()) {
        return number;
      }
    }
    return OptionalInt.empty();
  }

  private static OptionalInt number(Matcher matcher) {
    return matcher.lookingAt() ? OptionalInt.of(Integer.parseInt(matcher.group("idx"))) : OptionalInt.empty();
  }

  /**
   * The modules that carry an adapter, in model order.
   *
   * @throws InvalidInputException when a target matches no module, naming it and the nearest module there is
   */
  public List<LinearModule> select(List<LinearModule> modules) {
    Set<String> known = shortNames(modules);
    for (String name : targets.names()) {
      if (modules.stream().noneMatch(module -> new Selection(List.of(name), null).matches(module.name()))) {
        throw unmatched("target_modules names '" + name + "', which the model does not have", name, known);
      }
    }
    List<LinearModule> selected = matched(modules);
    if (selected.isEmpty()) {
      throw unmatched(
          this + " match no module of the model", targets.pattern() == null ? "" : targets.pattern(), known);
    }
    return selected;
  }

  /** The modules that match, in model order; targets that match nothing are passed over, as PEFT does. */
  List<LinearModule> matched(List<LinearModule> modules) {
    return modules.stream().filter(module -> matches(module.name())).toList();
  }

  private static InvalidInputException unmatched(String problem, String name, Set<String> known) {
    String last = name.substring(name.lastIndexOf('.') + 1);
    String head =
        last.equals("lm_head") || last.equals("embed_tokens")
            ? "; the embedding and the output head cannot carry an adapter"
            : NearestName.hint(last, known);
    return new InvalidInputException(
        problem
            + head
            + ". Its linear modules are "
            + String.join(", ", known)
            + "; '"
            + ALL_LINEAR
            + "' chooses them all.");
  }

  /** The last parts of the modules' names, such as {@code qkv_proj}, in model order. */
  static Set<String> shortNames(List<LinearModule> modules) {
    Set<String> names = new LinkedHashSet<>();
    modules.forEach(module -> names.add(module.name().substring(module.name().lastIndexOf('.') + 1)));
    return names;
  }

  /**
   * The names to write into a file so that every tool finds the same modules: the ends of names where these choose
   * exactly the given modules, whole names otherwise.
   */
  static List<String> namesOf(List<LinearModule> selected, List<LinearModule> all) {
    List<String> ends = new ArrayList<>(shortNames(selected));
    boolean exact =
        all.stream().filter(module -> new Selection(ends, null).matches(module.name())).count() == selected.size();
    return exact ? ends : selected.stream().map(LinearModule::name).toList();
  }

  @Override
  public String toString() {
    String what = targets.pattern() != null ? "'" + targets.pattern() + "'" : targets.names().toString();
    return "target_modules "
        + what
        + (excluded.isEmpty() ? "" : " without exclude_modules")
        + (layers.isEmpty() ? "" : " in layers_to_transform " + layers);
  }
}
