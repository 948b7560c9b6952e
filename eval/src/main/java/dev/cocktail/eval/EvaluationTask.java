package dev.cocktail.eval;

import static java.util.Objects.requireNonNull;

import dev.cocktail.eval.answer.AnswerAfter;
import dev.cocktail.eval.answer.AnswerForm;
import dev.cocktail.eval.answer.LabelForm;
import dev.cocktail.eval.metric.Metric;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.NearestName;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A task to score a model on.
 *
 * @param name for reports
 * @param items what is asked
 * @param form what answers look like
 * @param metrics what to compute of them, the task's own metric first
 */
public record EvaluationTask(String name, List<EvaluationItem> items, AnswerForm form, List<Metric> metrics) {
  private static final int SHOWN = 5;

  /**
   * Checks that metrics and right answers fit the form.
   *
   * @throws InvalidInputException naming the metric, or the right answers with their lines and how often they occur
   */
  public EvaluationTask {
    requireNonNull(name, "name");
    requireNonNull(form, "form");
    items = List.copyOf(items);
    metrics = List.copyOf(metrics);
    for (Metric metric : metrics) {
      if (metric.form() != form.form()) {
        throw new InvalidInputException(
            "task %s: the metric %s is for %s, and this task's answers are %s"
                .formatted(name, metric.label(), describe(metric.form()), describe(form.form())));
      }
    }
    requireKnown(name, items, form);
  }

  private static String describe(Metric.Form form) {
    return switch (form) {
      case LABELS -> "labels";
      case TEXT -> "text";
      case NUMBER -> "numbers";
    };
  }

  /** Values that the task does not know. */
  private static final class Unknown {
    private final String firstOrigin;
    private int count;

    Unknown(String firstOrigin) {
      this.firstOrigin = firstOrigin;
    }
  }

  private static void requireKnown(String name, List<EvaluationItem> items, AnswerForm form) {
    Map<String, Unknown> unknown = new LinkedHashMap<>();
    for (EvaluationItem item : items) {
      if (form.gold(item.gold()).isEmpty()) {
        unknown.computeIfAbsent(item.gold().strip(), _ -> new Unknown(item.origin())).count++;
      }
    }
    if (unknown.isEmpty()) {
      return;
    }
    List<String> shown = new ArrayList<>();
    unknown.forEach((value, found) -> {
      if (shown.size() < SHOWN) {
        shown.add(
            "'%s' (%s, %d %s)"
                .formatted(shortened(value), found.firstOrigin, found.count, found.count == 1 ? "time" : "times"));
      }
    });
    String rest = unknown.size() > SHOWN ? " and %d more values".formatted(unknown.size() - SHOWN) : "";
    String first = unknown.keySet().iterator().next();
    AnswerForm plain = form instanceof AnswerAfter marked ? marked.after() : form;
    String expected =
        plain instanceof LabelForm labels
            ? "expected one of the labels "
                + String.join(", ", labels.labels())
                + NearestName.hint(shortened(first), labels.labels())
            : "expected a number, yes or no";
    throw new InvalidInputException(
        "task %s: right answers that the task does not know: %s%s; %s"
            .formatted(name, String.join(", ", shown), rest, expected));
  }

  private static String shortened(String text) {
    return text.length() > 60 ? text.substring(0, 60) + "..." : text;
  }
}
