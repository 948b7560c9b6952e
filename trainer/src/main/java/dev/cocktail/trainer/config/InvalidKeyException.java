package dev.cocktail.trainer.config;

import dev.cocktail.tensor.InvalidInputException;

/**
 * A key whose value turned out to be wrong after its file was read, when the plan or the data were known. {@link
 * StudyFile#located} says where it stands.
 */
public final class InvalidKeyException extends InvalidInputException {
  private static final long serialVersionUID = 1L;

  private final String key;
  private final String problem;

  /**
   * A wrong key.
   *
   * @param key such as {@code study.mixtures[1]}
   * @param problem what is wrong and what to do
   */
  public InvalidKeyException(String key, String problem) {
    super(key + ": " + problem);
    this.key = key;
    this.problem = problem;
  }

  String key() {
    return key;
  }

  String problem() {
    return problem;
  }
}
