/**
 * Studies: many fine-tunes over sets of tasks, planned before anything runs, at budgets that can be compared, and what
 * can be said of them.
 */
package dev.cocktail.trainer.study;
