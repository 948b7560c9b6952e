package dev.cocktail.eval.answer;

import dev.cocktail.eval.metric.Metric;
import dev.cocktail.tensor.InvalidInputException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One of a few labels. Upper and lower case do not count, nor how much white space stands between words.
 *
 * <p>Strictly, the answer without white space around is exactly a label. Leniently, it is the first label that occurs
 * in it as whole words, and of those that begin at the same place the longest: {@code Stock Commentary} where {@code
 * Stock} is a label too. Whole words means that no letter or digit touches a letter or digit at the label's ends. What
 * is said about the label ({@code not positive}) is not understood.
 */
public final class LabelForm implements AnswerForm {
  private final List<String> labels;

  /** Labels by their folded spelling, the longest first. */
  private final Map<String, String> byFolded = new LinkedHashMap<>();

  /**
   * A form with these labels, spelled as they are shown.
   *
   * @throws InvalidInputException when there is none, or one is empty, or two are the same
   */
  public LabelForm(List<String> labels) {
    List<String> stripped = new ArrayList<>();
    labels.forEach(label -> stripped.add(label.strip()));
    this.labels = List.copyOf(stripped);
    if (labels.isEmpty()) {
      throw new InvalidInputException("there are no labels; expected at least one");
    }
    Map<String, String> known = new LinkedHashMap<>();
    for (String label : this.labels) {
      if (label.isEmpty()) {
        throw new InvalidInputException("a label is empty, among " + this.labels);
      }
      String same = known.put(TextForm.folded(label), label);
      if (same != null) {
        throw new InvalidInputException(
            "the labels '" + same + "' and '" + label + "' are the same; upper and lower case do not count");
      }
    }
    known.entrySet().stream()
        .sorted(Comparator.comparingInt(entry -> -entry.getKey().length()))
        .forEachOrdered(entry -> byFolded.put(entry.getKey(), entry.getValue()));
  }

  /** A form whose labels are the different answers among these, in the order in which they first occur. */
  public static LabelForm ofAnswers(Collection<String> answers) {
    Map<String, String> different = new LinkedHashMap<>();
    answers.forEach(answer -> different.putIfAbsent(TextForm.folded(answer), answer.strip()));
    return new LabelForm(List.copyOf(different.values()));
  }

  /** The labels, in the order given. */
  public List<String> labels() {
    return labels;
  }

  @Override
  public Metric.Form form() {
    return Metric.Form.LABELS;
  }

  @Override
  public Optional<String> gold(String text) {
    return Optional.ofNullable(byFolded.get(TextForm.folded(text)));
  }

  @Override
  public Optional<String> read(String answer, Reading reading) {
    String text = TextForm.folded(answer);
    if (reading == Reading.STRICT) {
      return Optional.ofNullable(byFolded.get(text));
    }
    int first = Integer.MAX_VALUE;
    String found = null;
    for (Map.Entry<String, String> label : byFolded.entrySet()) {
      int at = indexOfWords(text, label.getKey());
      if (at >= 0 && at < first) { // The longest come first, so that of equals the longest stays.
        first = at;
        found = label.getValue();
      }
    }
    return Optional.ofNullable(found);
  }

  @Override
  public boolean isRight(String gold, String read, Reading reading) {
    return gold.equals(read);
  }

  private static int indexOfWords(String text, String label) {
    for (int at = text.indexOf(label); at >= 0; at = text.indexOf(label, at + 1)) {
      if (isBoundary(text, at) && isBoundary(text, at + label.length())) {
        return at;
      }
    }
    return -1;
  }

  /** Whether no word goes on from before an index to after it. */
  private static boolean isBoundary(String text, int at) {
    return at == 0
        || at == text.length()
        || !Character.isLetterOrDigit(text.codePointBefore(at))
        || !Character.isLetterOrDigit(text.codePointAt(at));
  }
}
