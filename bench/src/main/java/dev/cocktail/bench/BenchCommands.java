package dev.cocktail.bench;

import dev.cocktail.trainer.cli.CommandProvider;
import java.util.List;

/** Brings {@code bench} to the command line. */
public final class BenchCommands implements CommandProvider {
  @Override
  public List<Class<?>> commands() {
    return List.of(BenchCommand.class);
  }
}
