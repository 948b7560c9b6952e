package dev.cocktail.trainer.config;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.data.TaskTemplate;
import dev.cocktail.transformer.text.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** {@code template} of a task: makes conversations of records with fields of any names. */
public record TemplateSection(
    @Key(
            value =
                "What the user says, in Jinja: {{ sentence }} is a field of the record, {{ fields['a b'] }} one whose"
                    + " name is no word.",
            whenAbsent = "no template")
        Optional<String> user,
    @Key(value = "What the assistant answers, in Jinja.", whenAbsent = "no template") Optional<String> assistant,
    @Key(
            value = "Plain text, in Jinja, all of which is learnt, as in pre-training; instead of user and assistant.",
            whenAbsent = "no plain text")
        Optional<String> text,
    @Key(value = "A system message before it, in Jinja.", whenAbsent = "tasks[].system, if there is one")
        Optional<String> system,
    @Key("Earlier turns, the same for every record: questions with their answers.") List<TurnSection> turns,
    @Key(
            value =
                "A field with each record's own earlier turns: a list of [question, answer], or of turns as messages"
                    + " have them; a record may lack it.",
            whenAbsent = "no earlier turns of a record's own")
        Optional<String> history,
    @Key(
            value =
                "Fields made of a record's own before all else, by name, in Jinja, such as {question:"
                    + " \"{{ text.split('?')[0] }}?\"}.",
            whenAbsent = "none")
        ValueNames fields,
    @Key(
            value =
                "A condition in Jinja, such as \"kind == 'news'\"; records of which it does not hold are left out and"
                    + " counted.",
            whenAbsent = "all records are taken")
        Optional<String> where,
    @Key(
            value =
                "What stands for each value of the label's field, such as {0: negative, 1: neutral}; another value is"
                    + " an error.",
            whenAbsent = "every value stands for itself")
        ValueNames labels,
    @Key(value = "The field that labels are for.", whenAbsent = "the only one that assistant names")
        Optional<String> label,
    @Key(
            value = "The field that may be cut where an example is too long (see training.on_too_long).",
            whenAbsent = "none may be cut")
        Optional<String> document)
    implements Checked {
  public TemplateSection {
    turns = List.copyOf(turns);
  }

  /** The template; empty when there is none. */
  public Optional<TaskTemplate> toTaskTemplate() {
    if (text.isPresent()) {
      return Optional.of(prepared(TaskTemplate.ofText(text.get())));
    }
    if (user.isEmpty() || assistant.isEmpty()) {
      return Optional.empty();
    }
    List<Message> messages = new ArrayList<>();
    system.ifPresent(text -> messages.add(Message.system(text)));
    for (TurnSection turn : turns) {
      messages.add(Message.user(turn.user()));
      messages.add(Message.assistant(turn.assistant()));
    }
    messages.add(Message.user(user.get()));
    messages.add(Message.assistant(assistant.get()));
    TaskTemplate template = TaskTemplate.of(messages, labels.byValue(), label, document);
    return Optional.of(prepared(history.isPresent() ? template.withHistory(history.get()) : template));
  }

  private TaskTemplate prepared(TaskTemplate template) {
    TaskTemplate chosen = where.isPresent() ? template.where(where.get()) : template;
    return fields.byValue().isEmpty() ? chosen : chosen.withFields(fields.byValue());
  }

  private boolean isEmpty() {
    return hasNoConversation() && text.isEmpty() && fields.byValue().isEmpty() && where.isEmpty();
  }

  private boolean hasNoConversation() {
    return user.isEmpty()
        && assistant.isEmpty()
        && system.isEmpty()
        && labels.byValue().isEmpty()
        && label.isEmpty()
        && document.isEmpty()
        && turns.isEmpty()
        && history.isEmpty();
  }

  @Override
  public void check(Place place) {
    if (isEmpty()) {
      return;
    }
    if (text.isPresent() && !hasNoConversation()) {
      throw place.wrong(
          "text", "makes plain text of each record, but other keys make conversations; remove one of them");
    }
    if (text.isEmpty() && (user.isEmpty() || assistant.isEmpty())) {
      throw place.wrong(
          user.isEmpty() ? "user" : "assistant",
          "is missing; a template says what the user and the assistant say, or has a text");
    }
    if (label.isPresent() && labels.byValue().isEmpty()) {
      throw place.wrong("label", "is the field that labels are for, but there are no labels; remove it");
    }
    checkText(place, "system", system);
    checkText(place, "text", text);
    checkText(place, "user", user);
    checkText(place, "assistant", assistant);
    for (int i = 0; i < turns.size(); i++) {
      checkText(place, "turns[" + i + "].user", Optional.of(turns.get(i).user()));
      checkText(place, "turns[" + i + "].assistant", Optional.of(turns.get(i).assistant()));
    }
    checkText(place, "where", where.map(TaskTemplate::condition));
    fields.byValue().forEach((name, text) -> checkText(place, "fields." + name, Optional.of(text)));
    try {
      toTaskTemplate();
    } catch (InvalidInputException e) { // The parts do not fit together; the message begins with the key.
      String key = e.getMessage().startsWith("document") ? "document" : "labels";
      throw place.wrong(key, e.getMessage().substring(e.getMessage().indexOf(": ") + 2));
    }
  }

  private static void checkText(Place place, String key, Optional<String> text) {
    try {
      text.ifPresent(dev.cocktail.transformer.text.TextTemplate::of);
    } catch (InvalidInputException e) {
      throw place.wrong(key, e.getMessage());
    }
  }
}
