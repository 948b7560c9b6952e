package dev.cocktail.trainer;

import dev.cocktail.transformer.testing.Golden;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The tiny model with its adapter, and what PEFT and PyTorch made of it, that travels with the tests. */
public final class GoldenAdapters {
  private static final List<String> FILES =
      List.of(
          "adapter/adapter_config.json",
          "adapter/adapter_model.safetensors",
          "logits_lora.safetensors",
          "grads_lora.safetensors",
          "lora_adamw_step1.safetensors",
          "lora_adamw_step5.safetensors",
          "lora_clipcos_step2.safetensors",
          "lora_clipcos_step5.safetensors",
          "lora_clip0.1_step5.safetensors");

  private GoldenAdapters() {}

  /** The bundled case with all its files, unpacked into a temporary folder. */
  public static Golden bundled(Path temporary) {
    Golden base = Golden.bundled(temporary);
    for (String file : FILES) {
      Path target = base.model().resolve(file);
      if (Files.exists(target)) {
        continue;
      }
      try (InputStream in = GoldenAdapters.class.getResourceAsStream("/golden/phi3_gqa_tiny/" + file)) {
        Files.createDirectories(target.getParent());
        Files.copy(in, target);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return base;
  }

  /** A case by its name: {@code bundled}, or a folder of the shared reference, where {@code /} leads to its batches. */
  public static Golden of(String name, Path temporary) {
    if (name.equals("bundled")) {
      return bundled(temporary);
    }
    int slash = name.indexOf('/');
    return slash < 0 ? Golden.shared(name) : Golden.shared(name.substring(0, slash), name.substring(slash + 1));
  }
}
