package dev.cocktail.lora;

import static java.util.Objects.requireNonNull;

import dev.cocktail.lora.AdapterKey.Part;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Tape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.tensor.safetensors.AtomicFile;
import dev.cocktail.tensor.safetensors.AtomicFolder;
import dev.cocktail.tensor.safetensors.SafetensorsWriter;
import dev.cocktail.transformer.LinearModule;
import dev.cocktail.transformer.LinearTransform;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Low-rank adapters on a model's linear projections. Its parameters, and their gradients where it is trained, live in
 * the arena it was made in.
 *
 * <p>As a {@link LinearTransform} it computes without dropout; going back, gradients reach its parameters.
 */
public final class LoraAdapter implements LinearTransform {
  private final AdapterConfig config;
  private final Device device;
  private final List<LinearModule> modules;
  private final Map<String, LoraModule> adapters;
  private final Map<String, Variable> parameters;
  private final List<Tensor> exact = new ArrayList<>();
  private final List<Tensor> rounded = new ArrayList<>();

  private LoraAdapter(
      AdapterConfig config, Device device, List<LinearModule> modules, Map<String, LoraModule> adapters) {
    this.config = config;
    this.device = device;
    this.modules = List.copyOf(modules);
    this.adapters = adapters;
    Map<String, Variable> named = new LinkedHashMap<>();
    adapters.forEach((module, adapter) -> {
      named.put(new AdapterKey(module, Part.A).written(), adapter.a());
      named.put(new AdapterKey(module, Part.B).written(), adapter.b());
      if (adapter.magnitude() != null) {
        named.put(new AdapterKey(module, Part.MAGNITUDE).written(), adapter.magnitude());
      }
    });
    this.parameters = Collections.unmodifiableMap(named);
    adapters.values().forEach(adapter -> adapter.addRounding(exact, rounded));
  }

  /**
   * A new adapter that changes nothing yet, ready to be trained.
   *
   * @param modules the model's linear projections
   * @param arena owns the parameters and their gradients
   * @param key decides the random numbers; each module draws from a stream of its own
   * @throws InvalidInputException when a target matches no module, or the initialisation is not one that can be made
   *     here
   */
  public static LoraAdapter create(
      AdapterConfig config, List<LinearModule> modules, Device device, TensorArena arena, RandomKey key) {
    requireNonNull(key, "key");
    if (config.initialisation() == AdapterConfig.Initialisation.OTHER) {
      throw new InvalidInputException("init_lora_weights: a new adapter can be made with true or \"gaussian\" only");
    }
    Map<String, LoraModule> adapters = new LinkedHashMap<>();
    for (LinearModule module : config.targets().select(modules)) {
      LoraModule adapter = LoraModule.allocate(device, arena, config, module, true);
      adapter.initialise(device, config, module, key.derive(module.index()));
      adapters.put(module.name(), adapter);
    }
    return new LoraAdapter(config, device, modules, adapters);
  }

  /**
   * Reads an adapter that this program, PEFT or another tool wrote; any floating-point type is converted to the
   * device's parameter type.
   *
   * @param folder holds {@code adapter_config.json} and {@code adapter_model.safetensors}
   * @param modules the linear projections of the model it is for
   * @param trainable whether it shall have gradients
   * @throws InvalidInputException when the files are missing or broken, or the adapter does not fit the model
   */
  public static LoraAdapter load(
      Path folder, List<LinearModule> modules, Device device, TensorArena arena, boolean trainable) {
    try (AdapterFile file = AdapterFile.open(folder, modules)) {
      Map<String, LoraModule> adapters = new LinkedHashMap<>();
      file.factors()
          .forEach((module, factors) -> {
            LoraModule adapter = LoraModule.allocate(device, arena, file.config(), module, trainable);
            copyToDevice(device, adapter.a().value(), factors.a());
            copyToDevice(device, adapter.b().value(), factors.b());
            if (adapter.magnitude() != null) {
              copyToDevice(device, adapter.magnitude().value(), factors.magnitude());
            }
            adapters.put(module.name(), adapter);
          });
      device.synchronize();
      return new LoraAdapter(file.config(), device, modules, adapters);
    }
  }

  /** What kind of adapter this is. */
  public AdapterConfig config() {
    return config;
  }

  /** All parameters under their names in PEFT's file, module by module: A, B and, for DoRA, the magnitude. */
  public Map<String, Variable> parameters() {
    return parameters;
  }

  @Override
  public Variable apply(Tape tape, LinearModule module, Variable x) {
    LoraModule adapter = adapters.get(module.name());
    return adapter == null ? BASE.apply(tape, module, x) : adapter.apply(tape, module, x);
  }

  /**
   * The transform for one forward pass of training and its backward pass, with dropout, and with the parameters as they
   * are now: where activations are narrower, they are rounded here, all at once.
   *
   * @param key decides what is dropped, in a stream of its own for each module; derive it from seed, step and
   *     micro-batch
   */
  public LinearTransform training(RandomKey key) {
    requireNonNull(key, "key");
    device.ops().cast(rounded, exact);
    return (tape, module, x) -> {
      LoraModule adapter = adapters.get(module.name());
      return adapter == null
          ? BASE.apply(tape, module, x)
          : adapter.applyDropping(tape, module, x, config.dropout(), key.derive(module.index()));
    };
  }

  /**
   * The transform for many forward passes with the parameters as they are now: they are rounded to activations, and
   * what DoRA divides by is computed, here and once. After parameters have changed, ask for another.
   */
  public LinearTransform inference() {
    device.ops().cast(rounded, exact);
    for (LinearModule module : modules) {
      LoraModule adapter = adapters.get(module.name());
      if (adapter != null) {
        adapter.freezeFactors(device, module);
      }
    }
    return (tape, module, x) -> {
      LoraModule adapter = adapters.get(module.name());
      return adapter == null ? BASE.apply(tape, module, x) : adapter.applyFrozen(tape, module, x);
    };
  }

  /**
   * Writes PEFT's two files, the tensors as F32. A folder that is there already keeps its other files.
   *
   * @throws java.io.UncheckedIOException when the disk fails or is full; what was there before is unharmed
   */
  public void save(Path folder) {
    if (Files.exists(folder)) {
      writeFiles(folder);
    } else {
      AtomicFolder.write(folder, this::writeFiles);
    }
  }

  private void writeFiles(Path folder) {
    List<LinearModule> adapted = modules.stream().filter(module -> adapters.containsKey(module.name())).toList();
    String json = AdapterConfigJson.format(config, TargetModules.namesOf(adapted, modules));
    try (Arena host = Arena.ofConfined()) {
      Map<String, Tensor> tensors = new TreeMap<>();
      parameters.forEach((name, parameter) -> tensors.put(name, copyToHost(host, parameter.value())));
      SafetensorsWriter.write(folder.resolve(AdapterFile.FILE), tensors, Map.of("format", "pt"));
    }
    AtomicFile.writeText(folder.resolve(AdapterConfig.FILE), json);
  }

  private static void copyToDevice(Device device, Tensor target, Tensor host) {
    try (Arena staging = Arena.ofConfined()) {
      Tensor converted = HostRows.convert(staging, host, target.dtype());
      device.copyFromHost(target, converted);
      device.synchronize();
    }
  }

  private Tensor copyToHost(Arena host, Tensor value) {
    Tensor copy = HostRows.allocate(host, value.dtype(), value.shape());
    device.copyToHost(copy, value);
    device.synchronize();
    return HostRows.convert(host, copy, DType.F32);
  }
}
