package dev.cocktail.trainer.config;

import java.util.OptionalDouble;

/**
 * {@code checkpoints}: how often a run saves what it needs to be continued. It does so when interrupted in any case.
 */
public record CheckpointSection(
    @Key(
            value = "How often to save what train --resume needs: such as '0.25 epochs', '100 steps', or never.",
            defaultsTo = "1 epochs")
        Interval every,
    @Key(
            value = "Save also when so many minutes have passed since the last time.",
            whenAbsent = "no",
            above = 0,
            atMost = 1e6)
        OptionalDouble minutes,
    @Key(value = "How many checkpoints to keep, the newest ones.", defaultsTo = "1", atLeast = 1) int keep) {}
