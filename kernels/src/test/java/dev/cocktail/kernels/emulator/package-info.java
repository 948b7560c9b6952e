/**
 * Runs PTX without a GPU, instruction by instruction, and is stricter than a GPU: what a GPU would let pass silently, a
 * read beyond a tensor, of memory never written, a race between threads, is a fault here.
 */
package dev.cocktail.kernels.emulator;
