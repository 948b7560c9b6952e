package dev.cocktail.bench;

/** Products by the CPU device. */
final class CocktailGemm implements GemmEngine {
  private final GemmCase.Product product;

  CocktailGemm(GemmCase.Product product) {
    this.product = product;
    product.verify();
  }

  @Override
  public void multiply() {
    product.multiply();
  }

  @Override
  public void close() {}
}
