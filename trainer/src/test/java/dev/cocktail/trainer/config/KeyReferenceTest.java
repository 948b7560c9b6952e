package dev.cocktail.trainer.config;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class KeyReferenceTest {
  @Test
  void everyKeyIsListed() {
    for (KeyInfo key : RunFile.keys()) {
      assertThat(KeyReference.text(RunFile.keys())).contains(key.path(), key.meaning());
    }
  }
}
