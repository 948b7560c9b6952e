package dev.cocktail.trainer.config;

/** One of {@code turns} of a template. */
public record TurnSection(
    @Key("What the user says, in Jinja.") String user,
    @Key("What the assistant answers, in Jinja.") String assistant) {}
