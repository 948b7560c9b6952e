package dev.cocktail.transformer;

import dev.cocktail.tensor.InvalidInputException;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Chooses weights by what users write: {@code all}; a whole name ({@code model.norm.weight}, or without {@code
 * .weight}); the end of names after a dot ({@code qkv_proj}, {@code mlp.down_proj}); or a pattern in which {@code *}
 * stands for any characters ({@code model.layers.1.*}).
 */
final class WeightSelector {
  private WeightSelector() {}

  /**
   * The names that any of the selectors chooses, in the order of {@code names}.
   *
   * @throws InvalidInputException when a selector chooses nothing
   */
  static Set<String> select(Collection<String> names, List<String> selectors) {
    Set<String> chosen = new LinkedHashSet<>();
    for (String selector : selectors) {
      List<String> matching = names.stream().filter(name -> matches(name, selector)).toList();
      if (matching.isEmpty()) {
        throw new InvalidInputException(
            "no weight of the model is called '"
                + selector
                + "'; expected 'all', a name, the "
                + "end of a name, or a pattern with *; the names end in "
                + String.join(", ", ends(names)));
      }
      chosen.addAll(matching);
    }
    Set<String> ordered = new LinkedHashSet<>(names);
    ordered.retainAll(chosen);
    return ordered;
  }

  private static boolean matches(String name, String selector) {
    if (selector.equals("all")) {
      return true;
    }
    String module = moduleOf(name);
    if (selector.indexOf('*') >= 0) {
      String regex = globToRegex(selector);
      return name.matches(regex) || module.matches(regex);
    }
    return name.equals(selector)
        || module.equals(selector)
        || name.endsWith("." + selector)
        || module.endsWith("." + selector);
  }

  private static String globToRegex(String glob) {
    StringBuilder regex = new StringBuilder();
    for (String literal : glob.split("\\*", -1)) {
      regex.append(regex.isEmpty() ? "" : ".*").append(Pattern.quote(literal));
    }
    return regex.toString();
  }

  private static String moduleOf(String name) {
    return name.endsWith(".weight") ? name.substring(0, name.length() - ".weight".length()) : name;
  }

  private static Set<String> ends(Collection<String> names) {
    Set<String> ends = new TreeSet<>();
    for (String name : names) {
      String module = moduleOf(name);
      ends.add(module.substring(module.lastIndexOf('.') + 1));
    }
    return ends;
  }
}
