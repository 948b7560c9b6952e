/**
 * The foundation: element types, shapes and contiguous tensors in memory outside the heap that arenas own; the
 * operations that a device must offer ({@link dev.cocktail.tensor.Ops}) and how devices are found; the tape that
 * records a forward pass and computes gradients from it; random numbers that depend on nothing but a key.
 */
package dev.cocktail.tensor;
