/** Matrix products on the GPU: cuBLAS, found where it is installed. */
package dev.cocktail.kernels.blas;
