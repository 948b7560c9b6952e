package dev.cocktail.trainer.cli;

import java.util.List;

/**
 * Brings commands of other modules to the command line; found through {@link java.util.ServiceLoader}, so that the
 * command line need not know them.
 */
public interface CommandProvider {
  /**
   * The classes of the commands, each with picocli's {@code @Command}, a constructor without parameters and, to get the
   * shared options and exit codes, {@link CocktailCommand} as its superclass.
   *
   * <p>The classes are loaded for every {@code --help}: whatever is slow to load belongs into the methods they call.
   */
  List<Class<?>> commands();
}
