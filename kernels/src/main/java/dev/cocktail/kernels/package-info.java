/**
 * The CUDA device: the operations of {@link dev.cocktail.tensor.Ops} as kernels on an NVIDIA GPU. A class a family of
 * kernels shapes their launches; the kernels' sources lie in {@code src/main/cuda}, a file a family, and what {@code
 * nvcc} made of them among the resources.
 */
package dev.cocktail.kernels;
