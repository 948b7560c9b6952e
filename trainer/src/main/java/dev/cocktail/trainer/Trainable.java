package dev.cocktail.trainer;

import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Variable;
import dev.cocktail.transformer.LinearTransform;
import java.nio.file.Path;
import java.util.Map;

/** What a run trains: an adapter on a frozen model, or weights of the model itself. */
public interface Trainable extends AutoCloseable {
  /** The parameters under the names they are saved with. */
  Map<String, Variable> parameters();

  /**
   * What stands in the place of linear projections while learning.
   *
   * @param key decides the random numbers of this forward pass, such as dropout's
   */
  LinearTransform training(RandomKey key);

  /** What stands in the place of linear projections otherwise; nothing about it is random. */
  LinearTransform inference();

  /** Whether the parameters are few beside the model, so that a second copy of them costs little. */
  boolean isSmall();

  /**
   * Writes what was trained to a folder that other tools read, in the place of what was saved there before; the folder
   * is whole or as it was.
   */
  void save(Path folder);

  /** Writes the parameters, bit for bit, into a folder that is there. */
  void keep(Path folder);

  /**
   * Gives the parameters the values that {@link #keep} wrote to a folder.
   *
   * @throws dev.cocktail.tensor.InvalidInputException when they are missing, broken, or those of another model
   */
  void restore(Path folder);

  /** Gives the parameters' memory back. */
  @Override
  void close();
}
