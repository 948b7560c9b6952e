package dev.cocktail.trainer.config;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RunFileReferenceTest {
  @Test
  void everyKeyIsListed() {
    for (KeyInfo key : RunFile.keys()) {
      assertThat(RunFileReference.text()).contains(key.path(), key.meaning());
    }
  }
}
