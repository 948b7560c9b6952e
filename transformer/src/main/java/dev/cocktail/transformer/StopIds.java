package dev.cocktail.transformer;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** The tokens that end an answer. */
public final class StopIds {
  private StopIds() {}

  /**
   * A model folder's stop ids: {@code eos_token_id} of its {@code generation_config.json}, one id or several; where
   * that file or key is absent, those of {@code config.json}.
   */
  public static Set<Integer> read(Path folder, Phi3Config config) {
    Path file = folder.resolve("generation_config.json");
    List<Integer> ids = Files.exists(file) ? ConfigObject.read(file).ids("eos_token_id") : List.of();
    return new LinkedHashSet<>(ids.isEmpty() ? config.eosIds() : ids);
  }
}
