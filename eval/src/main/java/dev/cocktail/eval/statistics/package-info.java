/**
 * How sure results are: intervals and differences by resampling what is independent, and corrections for asking many
 * questions at once. Nothing here knows models or tasks.
 */
package dev.cocktail.eval.statistics;
