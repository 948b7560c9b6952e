/** The seam between the CUDA device and what runs its kernels: NVIDIA's driver, or an emulator under test. */
package dev.cocktail.kernels.driver;
