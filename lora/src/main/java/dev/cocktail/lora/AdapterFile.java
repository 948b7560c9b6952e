package dev.cocktail.lora;

import dev.cocktail.lora.AdapterKey.Part;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.NearestName;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.safetensors.SafetensorsFile;
import dev.cocktail.transformer.LinearModule;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * An adapter's two files, opened and checked against the model it is meant for. The tensors are views of the mapped
 * file, of any floating-point type.
 */
final class AdapterFile implements AutoCloseable {
  static final String FILE = "adapter_model.safetensors";

  private static final String TORCH_FILE = "adapter_model.bin";

  private final AdapterConfig config;
  private final SafetensorsFile file;
  private final Map<LinearModule, Factors> factors;

  /**
   * The tensors on one module, on the host.
   *
   * @param a [r, in]
   * @param b [out, r]
   * @param magnitude [out], null where the adapter is not DoRA
   */
  record Factors(Tensor a, Tensor b, Tensor magnitude) {}

  private AdapterFile(AdapterConfig config, SafetensorsFile file, Map<LinearModule, Factors> factors) {
    this.config = config;
    this.file = file;
    this.factors = factors;
  }

  /**
   * Opens an adapter's folder.
   *
   * @param modules the model's linear projections
   * @throws InvalidInputException naming file and tensor, when a file is missing or broken, or when the adapter does
   *     not fit the model
   */
  static AdapterFile open(Path folder, List<LinearModule> modules) {
    requireFolder(folder);
    AdapterConfig config = AdapterConfig.read(folder);
    SafetensorsFile file = SafetensorsFile.open(folder.resolve(FILE));
    try {
      return new AdapterFile(config, file, new Matching(config, file, modules).factors());
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  private static void requireFolder(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new InvalidInputException(
          folder
              + (Files.exists(folder) ? " is no folder" : " does not exist")
              + "; an adapter is a folder with "
              + AdapterConfig.FILE
              + " and "
              + FILE);
    }
    if (Files.exists(folder.resolve(FILE))) {
      return;
    }
    if (Files.exists(folder.resolve(TORCH_FILE))) {
      throw new InvalidInputException(
          folder
              + " has "
              + TORCH_FILE
              + ", PyTorch's own format, and no "
              + FILE
              + "; write it again with PEFT (save_pretrained, which writes safetensors)");
    }
    boolean model = Files.exists(folder.resolve("config.json"));
    throw new InvalidInputException(
        folder + " has no " + FILE + (model ? "; it is a model's folder, where an adapter's is expected" : ""));
  }

  AdapterConfig config() {
    return config;
  }

  /** The adapted modules, in model order. */
  Map<LinearModule, Factors> factors() {
    return factors;
  }

  @Override
  public void close() {
    file.close();
  }

  /** Brings tensors and modules together. */
  private static final class Matching {
    private final AdapterConfig config;
    private final SafetensorsFile file;
    private final List<LinearModule> modules;
    private final Map<AdapterKey, String> names = new LinkedHashMap<>();

    Matching(AdapterConfig config, SafetensorsFile file, List<LinearModule> modules) {
      this.config = config;
      this.file = file;
      this.modules = modules;
    }

    Map<LinearModule, Factors> factors() {
      readNames();
      refuseUnknownModules();
      Map<LinearModule, Factors> found = new LinkedHashMap<>();
      for (LinearModule module : modules) {
        if (config.targets().matches(module.name())) {
          found.put(module, factors(module));
        } else {
          refuseUntargeted(module);
        }
      }
      if (found.isEmpty()) {
        throw refuse(
            config.targets()
                + " of "
                + AdapterConfig.FILE
                + " match no module of the model; its linear modules "
                + "are "
                + String.join(", ", TargetModules.shortNames(modules)));
      }
      return found;
    }

    private void readNames() {
      for (String name : file.names()) {
        AdapterKey key =
            AdapterKey.parse(name)
                .orElseThrow(() ->
                    refuse(
                        "tensor '"
                            + name
                            + "' is no part of a LoRA adapter (lora_A, lora_B, lora_magnitude_vector of a linear"
                            + " module); adapters with other trained tensors are not supported"));
        String other = names.put(key, name);
        if (other != null) {
          throw refuse(
              "tensors '"
                  + other
                  + "' and '"
                  + name
                  + "' are the same part of one module; a file must hold one "
                  + "adapter only");
        }
      }
    }

    private void refuseUnknownModules() {
      Map<String, LinearModule> byName = new TreeMap<>();
      modules.forEach(module -> byName.put(module.name(), module));
      names.forEach((key, name) -> {
        if (!byName.containsKey(key.module())) {
          throw refuse(
              "tensor '"
                  + name
                  + "' belongs to the module '"
                  + key.module()
                  + "', which the model does not have"
                  + nearest(key.module())
                  + "; the adapter was made for another model");
        }
      });
    }

    /** Among the modules of the same layer, where there is that layer. */
    private String nearest(String module) {
      int end = module.lastIndexOf('.');
      String last = module.substring(end + 1);
      Optional<String> shortName = NearestName.of(last, TargetModules.shortNames(modules));
      List<String> candidates =
          modules.stream()
              .map(LinearModule::name)
              .filter(name -> shortName.isPresent() && name.endsWith("." + shortName.get()))
              .toList();
      return NearestName.hint(module, candidates);
    }

    private void refuseUntargeted(LinearModule module) {
      for (Part part : Part.values()) {
        String name = names.get(new AdapterKey(module.name(), part));
        if (name != null) {
          throw refuse(
              "tensor '"
                  + name
                  + "' belongs to a module that "
                  + AdapterConfig.FILE
                  + " does not target: "
                  + config.targets()
                  + "; the two files do not belong together");
        }
      }
    }

    private Factors factors(LinearModule module) {
      int rank = config.rankOf(module.name());
      Tensor a = require(module, Part.A, Shape.of(rank, module.inFeatures()));
      Tensor b = require(module, Part.B, Shape.of(module.outFeatures(), rank));
      AdapterKey magnitude = new AdapterKey(module.name(), Part.MAGNITUDE);
      if (config.dora()) {
        return new Factors(a, b, require(module, Part.MAGNITUDE, Shape.of(module.outFeatures())));
      }
      if (names.containsKey(magnitude)) {
        throw refuse(
            "tensor '"
                + names.get(magnitude)
                + "' is DoRA's, but "
                + AdapterConfig.FILE
                + " does not say use_dora; the two files do not belong together");
      }
      return new Factors(a, b, null);
    }

    private Tensor require(LinearModule module, Part part, Shape expected) {
      AdapterKey key = new AdapterKey(module.name(), part);
      String name = names.get(key);
      if (name == null) {
        throw refuse(
            "tensor '"
                + key.written()
                + "' is missing; "
                + AdapterConfig.FILE
                + " has "
                + config.targets()
                + (config.dora() ? " and use_dora" : ""));
      }
      Tensor tensor = file.tensor(name);
      if (!tensor.shape().equals(expected)) {
        int rank = config.rankOf(module.name());
        throw refuse(
            "tensor '"
                + name
                + "' has the shape "
                + tensor.shape()
                + ", expected "
                + expected
                + " for r = "
                + rank
                + " on the model's "
                + module.outFeatures()
                + " x "
                + module.inFeatures()
                + " weight");
      }
      if (!tensor.dtype().isFloat()) {
        throw refuse("tensor '" + name + "' is " + tensor.dtype() + ", expected floating-point numbers");
      }
      for (long i = 0; i < tensor.elements(); i++) {
        if (!Double.isFinite(tensor.get(i))) {
          throw refuse("tensor '" + name + "' holds " + tensor.get(i) + "; the training that made it diverged");
        }
      }
      return tensor;
    }

    private InvalidInputException refuse(String problem) {
      return new InvalidInputException(file.path() + ": " + problem);
    }
  }
}
