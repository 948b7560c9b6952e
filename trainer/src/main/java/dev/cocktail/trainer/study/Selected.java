package dev.cocktail.trainer.study;

import java.util.Optional;

/**
 * What was chosen for a target by validation scores, before its test set was looked at.
 *
 * @param target the task
 * @param mixture the mixture with the best mean over seeds among those of more than one task
 * @param score its mean
 * @param single the mean of the target alone
 * @param rival the best of the trials of the target alone; empty where there are none
 */
public record Selected(String target, Arm mixture, double score, double single, Optional<Arm> rival) {}
