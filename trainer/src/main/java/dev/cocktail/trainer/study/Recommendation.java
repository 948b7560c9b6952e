package dev.cocktail.trainer.study;

/**
 * What to train for a target.
 *
 * @param target the task
 * @param advice in a word
 * @param reason why, in a sentence
 */
public record Recommendation(String target, Advice advice, String reason) {
  /** What to do. */
  public enum Advice {
    /** Train on the mixture: it is better than the target alone at every budget that was tried. */
    MIX,
    /**
     * The mixture is better than the target alone, but not shown to be better than all controls: longer training, or
     * general data alone, may do as well.
     */
    MIX_UNPROVEN,
    /** Train on the target alone: the mixture is worse. */
    ALONE,
    /** There is not enough evidence; whatever is simpler will do. */
    NOT_ENOUGH_EVIDENCE
  }
}
