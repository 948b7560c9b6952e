package dev.cocktail.trainer.config;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** One of {@code tasks}: its data. */
@Planned({"template", "metric", "form"})
public record TaskSection(
    @Key("Short name of the task, for reports and files; letters, digits, dots, hyphens, underscores.") String name,
    @Key("Training examples, JSONL: {\"messages\": [...]}, {\"prompt\", \"completion\"} or {\"text\"} a line.")
        Path train,
    @Key(
            value = "Learn from so many of the training examples only, where there are more.",
            whenAbsent = "all",
            atLeast = 1)
        OptionalInt maxExamples,
    @Key(
            value = "Decides which examples max_examples keeps; the same ones whatever the task is mixed with.",
            whenAbsent = "training.seed")
        OptionalLong seed,
    @Key(value = "Validation examples, a JSONL file.", whenAbsent = "no validation loss for the task")
        Optional<Path> validation,
    @Key(value = "Test examples, a JSONL file; not looked at while training.", whenAbsent = "none") Optional<Path> test)
    implements Checked {
  @Override
  public void check(Place place) {
    if (seed.isPresent() && maxExamples.isEmpty()) {
      throw place.wrong("seed", "decides which examples max_examples keeps, but there is no max_examples; remove it");
    }
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,99}")) {
      throw place.wrong(
          "name",
          "'"
              + name
              + "' is no name for a task; expected up to 100 letters, digits, dots, hyphens and underscores,"
              + " the first a letter or digit");
    }
  }
}
