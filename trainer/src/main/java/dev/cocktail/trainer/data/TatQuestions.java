package dev.cocktail.trainer.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.tensor.InvalidInputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;

/**
 * Makes records of the questions of TAT-QA (Zhu et al., 2021) as its authors released it. A record has the fields
 * {@code id}, {@code page} (the table's), {@code table}, {@code paragraphs}, {@code document} (both together), {@code
 * question}, {@code answer}, {@code answer_type}, {@code scale} and {@code derivation}. An answer of several spans is
 * their list with semicolons; a percentage has its sign.
 */
final class TatQuestions implements NestedRows.Expansion {
  private long questions;
  private long unanswered;

  @Override
  public void expand(DataRow row, Consumer<? super DataRow> consumer) {
    JsonNode table = row.require("table", "the form tatqa");
    List<JsonNode> paragraphs = new ArrayList<>();
    row.fields().path("paragraphs").forEach(paragraphs::add);
    paragraphs.sort(Comparator.comparingInt(paragraph -> paragraph.path("order").asInt()));
    String text =
        ReportPage.joined(paragraphs.stream().map(paragraph -> paragraph.path("text").asText().strip()).toList());
    String rendered = ReportPage.rendered(ReportPage.table(table.path("table")));
    for (JsonNode asked : row.require("questions", "the form tatqa")) {
      questions++;
      if (!asked.hasNonNull("answer")) {
        unanswered++;
        continue;
      }
      ObjectNode fields = JsonNodeFactory.instance.objectNode();
      fields.put("id", asked.path("uid").asText());
      fields.put("page", table.path("uid").asText());
      fields.put("table", rendered);
      fields.put("paragraphs", text);
      fields.put("document", ReportPage.joined(List.of(rendered, text)));
      fields.put("question", asked.path("question").asText());
      fields.put("answer", answer(asked));
      fields.put("answer_type", asked.path("answer_type").asText());
      fields.put("scale", asked.path("scale").asText());
      fields.put("derivation", asked.path("derivation").asText());
      consumer.accept(new DataRow(row.origin(), fields));
    }
  }

  private static String answer(JsonNode asked) {
    JsonNode answer = asked.get("answer");
    List<String> spans = new ArrayList<>();
    if (answer.isArray()) {
      answer.forEach(span -> spans.add(span.asText().strip()));
    } else {
      spans.add(answer.isNumber() ? answer.decimalValue().toPlainString() : answer.asText().strip());
    }
    String text = String.join("; ", spans);
    return asked.path("scale").asText().equals("percent") && !text.endsWith("%") ? text + "%" : text;
  }

  @Override
  public List<String> remarks(Path file) {
    if (questions > 0 && unanswered == questions) {
      throw new InvalidInputException(
          "%s: none of its %,d questions has an answer; the test set's answers are in a file of their own"
              .formatted(file, questions));
    }
    return unanswered == 0
        ? List.of()
        : List.of("%s: %,d questions left out, which have no answer".formatted(file, unanswered));
  }
}
