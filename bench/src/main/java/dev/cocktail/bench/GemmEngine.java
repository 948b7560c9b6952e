package dev.cocktail.bench;

/** A library that multiplies the matrices of a {@link GemmCase}; {@link GemmBenchmark} compares them. */
interface GemmEngine extends AutoCloseable {
  /** Computes the product once. */
  void multiply();

  @Override
  void close();

  /**
   * The library of a name: {@code cocktail}, {@code libtorch} or {@code openblas}. The last two come from elsewhere
   * (bench/peers/gemm.sh).
   */
  static GemmEngine open(String name, GemmCase.Product product, int threads) {
    return switch (name) {
      case "cocktail" -> new CocktailGemm(product);
      case "libtorch" -> new LibtorchGemm(product, threads);
      case "openblas" -> new OpenBlasGemm(product, threads);
      default -> throw new IllegalArgumentException("engine " + name + ": expected cocktail, libtorch or openblas");
    };
  }
}
