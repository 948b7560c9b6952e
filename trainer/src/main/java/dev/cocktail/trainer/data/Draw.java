package dev.cocktail.trainer.data;

/**
 * One decision of a {@link Mixture}.
 *
 * @param task index of the task
 * @param example index of the example in that task's training set
 */
public record Draw(int task, int example) {}
