package dev.cocktail.trainer.study;

import dev.cocktail.eval.statistics.Comparison;
import dev.cocktail.eval.statistics.Verdict;

/**
 * How an arm differs from another on a target's test set.
 *
 * @param target the task
 * @param arm what is asked about
 * @param control what it is compared with
 * @param comparison the difference, arm less control, and how sure it is
 * @param verdict what may be said, all comparisons of the study taken together
 */
public record ArmComparison(String target, Arm arm, Arm control, Comparison comparison, Verdict verdict) {}
