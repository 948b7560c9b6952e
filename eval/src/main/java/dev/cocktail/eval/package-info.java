/** Scoring a model on tasks: what is asked, how answers are made and read, and what comes out. */
package dev.cocktail.eval;
