package dev.cocktail.trainer.cli;

import dev.cocktail.lora.AdaptedModel;
import dev.cocktail.tensor.Device;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** The options that name a model and, where there is one, its adapter. */
final class ModelOptions {
  @Option(
      names = "--model",
      paramLabel = "DIR",
      required = true,
      description = "A Hugging Face model folder: config.json, weights in safetensors, tokenizer.json.")
  private Path model;

  @Option(names = "--adapter", paramLabel = "DIR", description = "A LoRA adapter of that model, in PEFT's files.")
  private Path adapter;

  ModelOptions() {}

  /** The model's folder. */
  Path model() {
    return model;
  }

  /** The adapter's folder, or null. */
  Path adapter() {
    return adapter;
  }

  /**
   * Opens both.
   *
   * @param trainable whether the adapter shall have gradients
   */
  AdaptedModel open(Device device, boolean trainable) {
    return AdaptedModel.open(model, Optional.ofNullable(adapter), device, trainable);
  }
}
