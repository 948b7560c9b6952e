package dev.cocktail.trainer.study;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.NearestName;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.trainer.config.InvalidKeyException;
import dev.cocktail.trainer.config.StudyFile;
import dev.cocktail.trainer.config.StudySection.Family;
import dev.cocktail.trainer.data.Permutations;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Sets of tasks, by families and by expressions. A set's tasks are always in the study's order, so that equal sets are
 * equal lists; names are compared whole, never as parts of each other.
 *
 * @param all the tasks that can be learnt
 * @param targets those among them that the study asks about
 * @param general those among them that are there to help
 */
public record TaskSets(List<String> all, List<String> targets, List<String> general) {
  /** Keeps the draws of sets apart from other users of the same seed. */
  private static final long SUBSET_STREAM = 0x73756273;

  private static final Set<String> WORDS = Set.of("all", "targets", "general");

  public TaskSets {
    all = List.copyOf(all);
    targets = List.copyOf(targets);
    general = List.copyOf(general);
  }

  /** Those of a study. */
  public static TaskSets of(StudyFile study) {
    return new TaskSets(study.learnable(), study.targets(), study.study().general());
  }

  /** The sets of a family; n tasks have n singles, n (n - 1) / 2 pairs, n without one, and one with all. */
  public List<List<String>> family(Family family) {
    return switch (family) {
      case SINGLES -> subsets(1);
      case PAIRS -> subsets(2);
      case LEAVE_ONE_OUT -> all.size() < 2 ? List.of() : all.stream().map(name -> without(all, Set.of(name))).toList();
      case ALL -> List.of(all);
    };
  }

  /** All sets of so many tasks. */
  public List<List<String>> subsets(int size) {
    List<List<String>> found = new ArrayList<>();
    if (size <= all.size()) {
      collect(new ArrayList<>(), 0, size, found);
    }
    return found;
  }

  private void collect(List<String> begun, int from, int size, List<List<String>> found) {
    if (begun.size() == size) {
      found.add(List.copyOf(begun));
      return;
    }
    for (int i = from; i < all.size(); i++) {
      begun.add(all.get(i));
      collect(begun, i + 1, size, found);
      begun.removeLast();
    }
  }

  /**
   * Different sets of so many tasks each, all of them equally likely.
   *
   * @throws InvalidInputException when there are not so many
   */
  public List<List<String>> random(int count, int size, long seed) {
    if (size > all.size()) {
      throw new InvalidKeyException(
          "study.random_size", "is %d, but there are only %d tasks to learn".formatted(size, all.size()));
    }
    double possible = choose(all.size(), size);
    if (count > possible) {
      throw new InvalidKeyException(
          "study.random_subsets",
          "%d tasks have %.0f mixtures of %d, fewer than %d".formatted(all.size(), possible, size, count));
    }
    RandomKey key = new RandomKey(seed, 0).derive(SUBSET_STREAM);
    Set<List<String>> drawn = new LinkedHashSet<>();
    for (long attempt = 0; drawn.size() < count; attempt++) {
      int[] order = Permutations.shuffled(all.size(), key.derive(attempt));
      Set<String> chosen = new LinkedHashSet<>();
      Arrays.stream(order, 0, size).forEach(i -> chosen.add(all.get(i)));
      drawn.add(ordered(chosen));
    }
    return List.copyOf(drawn);
  }

  private static double choose(int n, int k) {
    double ways = 1;
    for (int i = 1; i <= k; i++) {
      ways = ways * (n - k + i) / i;
    }
    return Math.rint(ways);
  }

  /**
   * The set that an expression such as {@code all - headline} or {@code targets + orca_math} means: from left to right,
   * {@code +} adds and {@code -} takes away. Both stand between blanks, since names may hold hyphens.
   *
   * @throws InvalidInputException when it is none, names no task, takes away what is not there, or leaves nothing
   */
  public List<String> parse(String expression) {
    String[] words = expression.strip().split("\\s+");
    Set<String> set = new LinkedHashSet<>();
    for (int i = 1; i < words.length; i += 2) {
      if (!words[i].equals("+") && !words[i].equals("-")) {
        throw wrong(expression, "expected + or - between names, found '" + words[i] + "'" + spaces(words[i]));
      }
      if (i == words.length - 1) {
        throw wrong(expression, "a name is missing after '" + words[i] + "'");
      }
    }
    for (int i = 0; i < words.length; i += 2) {
      List<String> named = named(words[i], expression);
      if (i == 0 || words[i - 1].equals("+")) {
        set.addAll(named);
        continue;
      }
      for (String name : named) {
        if (!set.remove(name)) {
          throw wrong(expression, "'" + name + "' is taken away, but it is not there");
        }
      }
    }
    if (set.isEmpty()) {
      throw wrong(expression, "nothing is left");
    }
    return ordered(set);
  }

  private List<String> named(String word, String expression) {
    return switch (word) {
      case "all" -> all;
      case "targets" -> targets;
      case "general" -> general;
      default -> {
        if (!all.contains(word)) {
          throw wrong(expression, "there is no task '" + word + "' to learn" + hint(word));
        }
        yield List.of(word);
      }
    };
  }

  private String hint(String word) {
    String spaces = spaces(word);
    return spaces.isEmpty() ? NearestName.hint(word, all) : spaces;
  }

  /** Where a word is an expression itself, or the rest of one. */
  private String spaces(String word) {
    boolean joins = word.matches("[+-].*|.*[+-]") || word.contains("+");
    List<String> parts = Arrays.asList(word.split("[+-]"));
    boolean ofNames = parts.size() > 1 && parts.stream().allMatch(part -> all.contains(part) || WORDS.contains(part));
    return joins || ofNames ? "; + and - need spaces around them" : "";
  }

  private static InvalidInputException wrong(String expression, String problem) {
    return new InvalidInputException("the mixture '" + expression + "': " + problem);
  }

  /** A set in the study's order. */
  public List<String> ordered(Set<String> set) {
    return all.stream().filter(set::contains).toList();
  }

  private static List<String> without(List<String> names, Set<String> left) {
    return names.stream().filter(name -> !left.contains(name)).toList();
  }

  /**
   * A set's name, also that of its folder: {@code all}, the tasks' names joined by {@code +}, or {@code all-but+} and
   * the few that are missing.
   */
  public String name(List<String> set) {
    if (set.size() == all.size() && set.size() > 1) {
      return "all";
    }
    List<String> missing = without(all, Set.copyOf(set));
    return set.size() > 2 && missing.size() < set.size()
        ? "all-but+" + String.join("+", missing)
        : String.join("+", set);
  }
}
