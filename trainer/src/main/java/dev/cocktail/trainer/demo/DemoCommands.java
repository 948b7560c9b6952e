package dev.cocktail.trainer.demo;

import dev.cocktail.trainer.cli.CommandProvider;
import java.util.List;

/** Brings {@code demo} to the command line, which does not know the demo. */
public final class DemoCommands implements CommandProvider {
  @Override
  public List<Class<?>> commands() {
    return List.of(DemoCommand.class);
  }
}
