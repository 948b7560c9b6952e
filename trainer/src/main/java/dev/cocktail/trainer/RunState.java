package dev.cocktail.trainer;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a run has behind it beside parameters and moments, as far as it does not follow from the number of steps. The
 * rest does: the batches, which the plan makes of the mixture's draws of any number, so that neither the mixture nor
 * the packer has a cursor of its own; the learning rate; and the random numbers of dropout, which are keyed by seed,
 * step, micro-batch and module.
 *
 * @param step how many steps were taken, which is AdamW's count too
 * @param evaluated whether the evaluation that may be due after that step is done; it is not where the user interrupted
 *     it
 * @param before the validation sets before the first step; null for none
 * @param atBest the validation sets at the best evaluation; null for none
 * @param atLast the validation sets at the last evaluation; null for none
 * @param learnt of each task, by its number, how many supervised tokens and examples all steps learnt from; no sums
 * @param best the best evaluation; null for none
 * @param sinceBest evaluations since the best
 * @param scored number of steps before the last evaluation with metrics; null for none
 * @param files how long each file is that the run appends to, by its path in the run's folder
 */
record RunState(
    int step,
    boolean evaluated,
    Scores before,
    Scores atBest,
    Scores atLast,
    List<TaskLoss> learnt,
    Selection.Best best,
    int sinceBest,
    Integer scored,
    Map<String, Long> files) {
  RunState {
    // In their order, so that equal states are written as equal texts.
    learnt = List.copyOf(learnt);
    files = Collections.unmodifiableMap(new LinkedHashMap<>(files));
  }
}
