/**
 * The CPU device: every operation on the Vector API, with the vector width of the machine and a fixed pool of threads.
 * The same inputs give the same bits for any number of threads. Other modules find it through {@link
 * java.util.ServiceLoader} and know only {@link dev.cocktail.tensor.Device}.
 */
package dev.cocktail.tensor.cpu;
