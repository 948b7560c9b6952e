package dev.cocktail.trainer.study;

import dev.cocktail.trainer.config.RunFile;

/**
 * One fine-tune of a study.
 *
 * @param arm of which it is
 * @param seed decides its adapter's first numbers, the order of its examples, and dropout
 * @param run what is trained
 * @param size how large it is
 */
public record PlannedRun(Arm arm, long seed, RunFile run, RunSize size) {
  /** Its name, unique in the study. */
  public String name() {
    return arm.name() + "/seed-" + seed;
  }
}
