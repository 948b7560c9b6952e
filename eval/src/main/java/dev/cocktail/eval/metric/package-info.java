/** Metrics, each computed from one record an item. */
package dev.cocktail.eval.metric;
