/** A GPU in test code: reads and runs the PTX that ships, and faults on what a kernel must not do. */
package dev.cocktail.kernels.emulator;
