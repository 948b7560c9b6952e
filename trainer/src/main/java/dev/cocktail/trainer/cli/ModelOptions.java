package dev.cocktail.trainer.cli;

import dev.cocktail.lora.LoraAdapter;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Model;
import java.nio.file.Path;
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

  /** An opened model and what stands in the place of its linear projections. */
  record Opened(Phi3Model model, LoraAdapter adapter, TensorArena arena) implements AutoCloseable {
    /** The adapter, or the projections as they are. */
    LinearTransform transform() {
      return adapter == null ? LinearTransform.BASE : adapter.inference();
    }

    @Override
    public void close() {
      arena.close();
      model.close();
    }
  }

  /**
   * Opens both.
   *
   * @param trainable whether the adapter shall have gradients
   */
  Opened open(Device device, boolean trainable) {
    return open(model, adapter, device, trainable);
  }

  /** Opens a model's folder and that of its adapter, which may be null. */
  static Opened open(Path model, Path adapter, Device device, boolean trainable) {
    Phi3Model opened = Phi3Model.load(model, device);
    TensorArena arena = device.openArena("adapter");
    try {
      LoraAdapter loaded =
          adapter == null ? null : LoraAdapter.load(adapter, opened.linearModules(), device, arena, trainable);
      return new Opened(opened, loaded, arena);
    } catch (RuntimeException | Error e) {
      arena.close();
      opened.close();
      throw e;
    }
  }
}
