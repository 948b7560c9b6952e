package dev.cocktail.trainer.demo;

import dev.cocktail.trainer.cli.CocktailCommand;
import picocli.CommandLine.Command;

/** {@code cocktail demo}: the whole story on a small model that comes with the program. */
@Command(
    name = "demo",
    description = "Fine-tunes the bundled small model on two bundled tasks and shows what changed.",
    mixinStandardHelpOptions = true,
    subcommands = BaseMaterialCommand.class)
public final class DemoCommand extends CocktailCommand {
  @Override
  public Integer call() {
    return DONE;
  }
}
