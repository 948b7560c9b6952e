package dev.cocktail.trainer.config;

import java.nio.file.Path;
import java.util.Optional;

/** One of {@code tasks}: its data. */
@Planned({"template", "metric", "max_examples"})
public record TaskSection(
    @Key("Short name of the task, for reports and files; letters, digits, dots, hyphens, underscores.") String name,
    @Key("Training examples, a JSONL file.") Path train,
    @Key(value = "Validation examples, a JSONL file.", whenAbsent = "no validation loss for the task")
        Optional<Path> validation,
    @Key(value = "Test examples, a JSONL file; not looked at while training.", whenAbsent = "none")
        Optional<Path> test,
    @Key(
            value =
                "What a line holds: messages ({\"messages\": [{\"role\", \"content\"}, ...]}), prompt_completion"
                    + " ({\"prompt\", \"completion\"}), or auto to tell from the first line.",
            defaultsTo = "auto")
        Form form,
    @Key(value = "Factor on the loss of the task's tokens.", defaultsTo = "1.0", above = 0) double weight)
    implements Checked {
  /** What a line of a task's files holds. */
  public enum Form {
    AUTO,
    MESSAGES,
    PROMPT_COMPLETION
  }

  @Override
  public void check(Place place) {
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,99}")) {
      throw place.wrong(
          "name",
          "'" + name + "' is no name for a task; expected up to 100 letters, digits, dots, hyphens and underscores,"
              + " the first a letter or digit");
    }
  }
}
