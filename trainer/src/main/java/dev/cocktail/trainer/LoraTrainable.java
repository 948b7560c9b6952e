package dev.cocktail.trainer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.lora.AdapterConfig;
import dev.cocktail.lora.LoraAdapter;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.tensor.safetensors.AtomicFolder;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Model;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/** An adapter, and the memory it lives in, on a model whose own weights stay as they are. */
public final class LoraTrainable implements Trainable {
  /** Keeps the initialisation's random numbers apart from those of other users of the same seed. */
  private static final long INITIALISATION_STREAM = 0x696E6974;

  private static final String KEPT = "adapter";

  private final LoraAdapter adapter;
  private final Device device;
  private final TensorArena arena;

  private LoraTrainable(LoraAdapter adapter, Device device, TensorArena arena) {
    this.device = requireNonNull(device, "device");
    this.adapter = requireNonNull(adapter, "adapter");
    this.arena = requireNonNull(arena, "arena");
  }

  /** A new adapter, which changes nothing yet; the seed decides its first numbers. */
  public static LoraTrainable create(Phi3Model model, AdapterConfig config, long seed) {
    RandomKey key = new RandomKey(seed, 0).derive(INITIALISATION_STREAM);
    return inArena(model, arena -> LoraAdapter.create(config, model.linearModules(), model.device(), arena, key));
  }

  /** An adapter from PEFT's files, to be trained on. */
  public static LoraTrainable load(Phi3Model model, Path folder) {
    return inArena(model, arena -> LoraAdapter.load(folder, model.linearModules(), model.device(), arena, true));
  }

  private static LoraTrainable inArena(Phi3Model model, Function<TensorArena, LoraAdapter> make) {
    TensorArena arena = model.device().openArena("adapter");
    try {
      return new LoraTrainable(make.apply(arena), model.device(), arena);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  /** The adapter itself. */
  public LoraAdapter adapter() {
    return adapter;
  }

  @Override
  public Map<String, Variable> parameters() {
    return adapter.parameters();
  }

  @Override
  public LinearTransform training(RandomKey key) {
    return adapter.training(key);
  }

  @Override
  public LinearTransform inference() {
    return adapter.inference();
  }

  @Override
  public boolean isSmall() {
    return true;
  }

  @Override
  public void save(Path folder) {
    AtomicFolder.replace(folder, adapter::save);
  }

  /** As PEFT's files too, so that every checkpoint's adapter can be used. */
  @Override
  public void keep(Path folder) {
    adapter.save(folder.resolve(KEPT));
  }

  @Override
  public void restore(Path folder) {
    Map<String, Tensor> values = new LinkedHashMap<>();
    parameters().forEach((name, parameter) -> values.put(name, parameter.value()));
    ParameterFile.read(folder.resolve(KEPT).resolve("adapter_model.safetensors"), device, values);
  }

  @Override
  public void close() {
    arena.close();
  }
}
