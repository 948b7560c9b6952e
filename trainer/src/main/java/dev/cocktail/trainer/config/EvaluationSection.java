package dev.cocktail.trainer.config;

/** {@code evaluation}: how often the validation loss is taken. It is taken at the start and the end in any case. */
@Planned({"best", "patience", "max_examples", "generate"})
public record EvaluationSection(
    @Key(value = "How often in between: such as '0.25 epochs', '100 steps', or never.", defaultsTo = "1 epochs")
        Interval every,
    @Key(value = "Tokens computed at once.", defaultsTo = "4096", atLeast = 1) int batchTokens) {}
