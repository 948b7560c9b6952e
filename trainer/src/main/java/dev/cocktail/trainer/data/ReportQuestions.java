package dev.cocktail.trainer.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.eval.answer.NumberForm;
import dev.cocktail.tensor.InvalidInputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Makes records of the questions of FinQA and ConvFinQA, as their authors released them. A record has the fields {@code
 * id}, {@code page}, {@code pre_text}, {@code table}, {@code post_text}, {@code document} (these three together),
 * {@code question}, {@code answer}, {@code stated}, {@code program}, {@code executed}, and in conversations {@code
 * conversation}, {@code turn} and {@code history}, a list of earlier questions with their answers.
 *
 * <p>The answer is the stated one where that is a number, yes or no, and otherwise what the data set's own execution of
 * the program gave. Programs are executed, and results that are not the answer are counted.
 */
final class ReportQuestions implements NestedRows.Expansion {
  private static final NumberForm NUMBERS = new NumberForm();

  private long questions;
  private long replaced;
  private long unanswered;
  private long executed;
  private long wrong;
  private long notExecuted;
  private String firstWrong = "";
  private String firstNotExecuted = "";

  @Override
  public void expand(DataRow row, Consumer<? super DataRow> consumer) {
    if (row.fields().has("dialogue")) {
      JsonNode dialogue = row.fields().get("dialogue");
      conversation(
          row,
          row.require("doc", "the form convfinqa"),
          new Turns(
              dialogue.path("conv_questions"),
              dialogue.path("conv_answers"),
              dialogue.path("executed_answers"),
              dialogue.path("turn_program")),
          consumer);
    } else if (row.fields().has("annotation")) {
      JsonNode annotation = row.fields().get("annotation");
      conversation(
          row,
          row.fields(),
          new Turns(
              annotation.path("dialogue_break"),
              annotation.path("answer_list"),
              annotation.path("exe_ans_list"),
              annotation.path("turn_program")),
          consumer);
    } else {
      single(row, consumer);
    }
  }

  /** The turns of a conversation, lists of the same length. */
  private record Turns(JsonNode questions, JsonNode stated, JsonNode executed, JsonNode programs) {}

  private void single(DataRow row, Consumer<? super DataRow> consumer) {
    JsonNode asked = row.fields().has("qa") ? row.fields().get("qa") : row.fields();
    if (!asked.path("question").isTextual()) {
      throw row.wrong("no question; expected FinQA's {\"qa\": {\"question\": ..., \"answer\": ..., \"program\": ...}}");
    }
    ReportPage page = ReportPage.of(row, row.fields());
    ObjectNode fields = page.fields();
    fields.put("id", row.fields().path("id").asText());
    hand(
        row.origin(),
        fields,
        page,
        asked.get("question").textValue(),
        new Answer(asked.path("answer"), asked.path("exe_ans"), asked.path("program")),
        consumer);
  }

  private void conversation(DataRow row, JsonNode texts, Turns turns, Consumer<? super DataRow> consumer) {
    if (!turns.questions().isArray() || turns.questions().isEmpty()) {
      throw row.wrong("a conversation without questions");
    }
    ReportPage page = ReportPage.of(row, texts);
    String id = row.fields().path("id").asText();
    ArrayNode history = JsonNodeFactory.instance.arrayNode();
    // The release by turns has the whole conversation in each of its records, and says which turn it is.
    JsonNode only = row.fields().path("annotation").path("turn_ind");
    for (int turn = 0; turn < turns.questions().size(); turn++) {
      var answer = new Answer(turns.stated().path(turn), turns.executed().path(turn), turns.programs().path(turn));
      String question = turns.questions().get(turn).asText();
      if (!only.isInt() || only.intValue() == turn) {
        ObjectNode fields = page.fields();
        fields.put("id", only.isInt() ? id : id + "_" + turn);
        fields.put("conversation", only.isInt() ? id.replaceFirst("_\\d+$", "") : id);
        fields.put("turn", turn);
        fields.set("history", history.deepCopy());
        hand(row.origin(), fields, page, question, answer, consumer);
      }
      history.add(JsonNodeFactory.instance.arrayNode().add(question).add(answer.text().orElse("")));
    }
  }

  /** An answer as the release has it. */
  private record Answer(JsonNode stated, JsonNode executed, JsonNode program) {
    private String spelled() {
      return stated.asText("").strip();
    }

    private boolean isStated() {
      return NUMBERS.gold(spelled()).isPresent();
    }

    private Optional<String> text() {
      if (isStated()) {
        return Optional.of(spelled());
      }
      if (executed.isNumber()) {
        return Optional.of(CalculationProgram.decimal(executed.doubleValue()));
      }
      return Optional.of(executed.asText("").strip()).filter(text -> NUMBERS.gold(text).isPresent());
    }
  }

  private void hand(
      String origin,
      ObjectNode fields,
      ReportPage page,
      String question,
      Answer answer,
      Consumer<? super DataRow> consumer) {
    questions++;
    Optional<String> right = answer.text();
    if (right.isEmpty()) {
      unanswered++;
      return;
    }
    replaced += answer.isStated() ? 0 : 1;
    String program = answer.program().asText("");
    Optional<String> result = program.isBlank() ? Optional.empty() : CalculationProgram.execute(program, page.table());
    if (!program.isBlank()) {
      check(fields.path("id").asText(), right.get(), result);
    }
    fields.put("question", question);
    fields.put("answer", right.get());
    fields.put("stated", answer.spelled());
    fields.put("program", program);
    fields.put("executed", result.orElse(""));
    consumer.accept(new DataRow(origin, fields));
  }

  private void check(String id, String answer, Optional<String> result) {
    if (result.isEmpty()) {
      firstNotExecuted = notExecuted == 0 ? id : firstNotExecuted;
      notExecuted++;
      return;
    }
    executed++;
    if (!CalculationProgram.isAnswer(result.get(), answer)) {
      firstWrong = wrong == 0 ? id + " (" + answer + ", executed " + result.get() + ")" : firstWrong;
      wrong++;
    }
  }

  @Override
  public List<String> remarks(Path file) {
    if (questions > 0 && unanswered == questions) {
      throw new InvalidInputException(
          "%s: none of its %,d questions has an answer; a test whose answers are kept secret cannot be scored here"
              .formatted(file, questions));
    }
    List<String> remarks = new ArrayList<>();
    if (executed + notExecuted > 0) {
      remarks.add(
          "%s: %,d programs executed, of which %,d do not give the answer%s"
              .formatted(file, executed, wrong, wrong == 0 ? "" : ", such as " + firstWrong));
    }
    if (notExecuted > 0) {
      remarks.add(
          "%s: %,d programs cannot be executed, such as that of %s".formatted(file, notExecuted, firstNotExecuted));
    }
    if (replaced > 0) {
      remarks.add(
          "%s: %,d stated answers are no number, yes or no; the executed ones stand for them"
              .formatted(file, replaced));
    }
    if (unanswered > 0) {
      remarks.add("%s: %,d questions left out, which have no answer".formatted(file, unanswered));
    }
    return remarks;
  }
}
