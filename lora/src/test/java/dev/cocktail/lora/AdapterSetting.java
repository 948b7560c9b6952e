package dev.cocktail.lora;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.testing.Golden;
import dev.cocktail.transformer.testing.TestDevice;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A device, the tiny model that travels with the tests, and an arena for adapters on it. */
record AdapterSetting(Device device, Phi3Model model, TensorArena arena, Golden golden) implements AutoCloseable {
  /** Opens everything; the test closes it. */
  static AdapterSetting open(TestDevice kind, Golden golden) {
    Device device = kind.open();
    return new AdapterSetting(device, Phi3Model.load(golden.model(), device), device.openArena("adapter"), golden);
  }

  /** The tiny model with its adapter and what PEFT computed with it. */
  static Golden bundled(Path temporary) {
    Golden base = Golden.bundled(temporary);
    for (String file :
        new String[] {
          "adapter/adapter_config.json",
          "adapter/adapter_model.safetensors",
          "logits_lora.safetensors",
          "grads_lora.safetensors"
        }) {
      Path target = base.model().resolve(file);
      if (!Files.exists(target)) {
        try (InputStream in = AdapterSetting.class.getResourceAsStream("/golden/phi3_gqa_tiny/" + file)) {
          Files.createDirectories(target.getParent());
          Files.copy(in, target);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
    return base;
  }

  LoraAdapter create(AdapterConfig config, long seed) {
    return LoraAdapter.create(config, model.linearModules(), device, arena, new RandomKey(seed, 0));
  }

  /** A new adapter whose B and magnitudes were moved, so that it changes something. */
  LoraAdapter createMoved(AdapterConfig config, long seed) {
    LoraAdapter adapter = create(config, seed);
    RandomKey key = new RandomKey(seed, 1);
    for (var parameter : adapter.parameters().entrySet()) {
      key = key.derive(1);
      var value = parameter.getValue().value();
      if (parameter.getKey().endsWith("lora_B.weight")) {
        device.ops().normal(value, 0, 0.05, key);
      } else if (parameter.getKey().endsWith("lora_magnitude_vector")) {
        for (long i = 0; i < value.elements(); i++) {
          value.set(i, value.get(i) * (1 + 0.2 * Math.sin(i)));
        }
      }
    }
    return adapter;
  }

  LoraAdapter load(Path folder, boolean trainable) {
    return LoraAdapter.load(folder, model.linearModules(), device, arena, trainable);
  }

  static void clearGradients(AdapterSetting setting, LoraAdapter adapter) {
    for (Variable parameter : adapter.parameters().values()) {
      setting.device().ops().fill(parameter.gradient(), 0);
    }
  }

  @Override
  public void close() {
    arena.close();
    model.close();
    device.close();
  }
}
