/** Benchmarks: whole training steps beside another implementation, and single operations beside the machine's peak. */
package dev.cocktail.bench;
