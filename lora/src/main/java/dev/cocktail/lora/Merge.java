package dev.cocktail.lora;

import dev.cocktail.lora.AdapterFile.Factors;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Devices;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.safetensors.AtomicFolder;
import dev.cocktail.tensor.safetensors.Checkpoint;
import dev.cocktail.tensor.safetensors.CheckpointWriter;
import dev.cocktail.tensor.safetensors.SafetensorsWriter;
import dev.cocktail.tensor.safetensors.StoredTensor;
import dev.cocktail.transformer.LinearModule;
import dev.cocktail.transformer.Phi3Model;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Adds an adapter to the weights of its model and writes a new model folder that needs no adapter. Weights keep their
 * dtype, are computed in double precision and rounded once; everything else of the folder is copied. Tensor after
 * tensor is written, so the model may be larger than memory.
 */
public final class Merge {
  /** Endings of files that hold weights, which are not copied: they would be the unmerged ones. */
  private static final Set<String> WEIGHTS =
      Set.of("safetensors", "bin", "pt", "pth", "gguf", "onnx", "h5", "msgpack", "ot", "data", "tflite");

  private static final Set<String> COPIED_FOLDERS = Set.of("additional_chat_templates");

  /** Told after each tensor. */
  @FunctionalInterface
  public interface Progress {
    void written(String tensor, long bytesDone, long bytesTotal);
  }

  /**
   * What was written.
   *
   * @param mergedModules how many weights carry the adapter now
   * @param tensors number of all tensors
   * @param bytes size of all tensors
   */
  public record Result(int mergedModules, int tensors, long bytes) {}

  private Merge() {}

  /**
   * Merges.
   *
   * @param modelFolder the base model
   * @param adapterFolder the adapter
   * @param target a new or empty folder; whole when this returns, unchanged when it throws
   * @param maxShardBytes the most bytes of tensors in one file; empty for the files of the base model
   * @throws InvalidInputException when the target is not free, or model or adapter are broken or do not fit
   */
  public static Result merge(
      Path modelFolder, Path adapterFolder, Path target, OptionalLong maxShardBytes, Progress progress) {
    AtomicFolder.requireFree(target);
    if (maxShardBytes.isPresent() && maxShardBytes.getAsLong() <= 0) {
      throw new InvalidInputException("the size of a shard must be positive, is " + maxShardBytes.getAsLong());
    }
    try (Device device = Devices.open("cpu", line -> {});
        Phi3Model model = Phi3Model.load(modelFolder, device);
        Checkpoint base = Checkpoint.open(modelFolder);
        AdapterFile adapter = AdapterFile.open(adapterFolder, model.linearModules());
        Arena arena = Arena.ofShared()) {
      Merging merging = new Merging(base, adapter, arena, progress);
      AtomicFolder.write(
          target,
          folder -> {
            copyOtherFiles(modelFolder, folder);
            merging.write(folder, maxShardBytes);
          });
      return new Result(adapter.factors().size(), base.names().size(), base.totalBytes());
    }
  }

  private static void copyOtherFiles(Path from, Path to) {
    try (Stream<Path> entries = Files.list(from)) {
      for (Path entry : entries.sorted().toList()) {
        String name = entry.getFileName().toString();
        if (Files.isDirectory(entry)) {
          if (COPIED_FOLDERS.contains(name)) {
            copyOtherFiles(entry, Files.createDirectory(to.resolve(name)));
          }
        } else if (!holdsWeights(name)) {
          Files.copy(entry, to.resolve(name));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(new IOException("could not copy the files of " + from + ": " + e.getMessage(), e));
    }
  }

  private static boolean holdsWeights(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    String bare = lower.endsWith(".index.json") ? lower.substring(0, lower.length() - ".index.json".length()) : lower;
    return WEIGHTS.contains(bare.substring(bare.lastIndexOf('.') + 1));
  }

  /** One merge under way. */
  private static final class Merging {
    private final Checkpoint base;
    private final AdapterConfig config;
    private final Map<String, LinearModule> modules = new HashMap<>();
    private final Map<LinearModule, Factors> factors;
    private final MemorySegment buffer;
    private final Progress progress;
    private long bytesDone;

    Merging(Checkpoint base, AdapterFile adapter, Arena arena, Progress progress) {
      this.base = base;
      this.config = adapter.config();
      this.factors = adapter.factors();
      this.progress = progress;
      long largest = 1;
      for (LinearModule module : factors.keySet()) {
        modules.put(module.weightName(), module);
        largest = Math.max(largest, base.tensor(module.weightName()).byteSize());
      }
      buffer = arena.allocate(largest, 64);
    }

    void write(Path folder, OptionalLong maxShardBytes) {
      List<StoredTensor> tensors = base.names().stream().map(this::stored).toList();
      Map<String, String> metadata = new TreeMap<>(base.metadata());
      metadata.putIfAbsent("format", "pt");
      if (maxShardBytes.isPresent()) {
        CheckpointWriter.write(folder, tensors, metadata, maxShardBytes.getAsLong());
      } else if (base.files().size() == 1) {
        SafetensorsWriter.write(folder.resolve(Checkpoint.SINGLE_FILE), tensors, metadata);
      } else {
        Map<String, List<StoredTensor>> shards = new LinkedHashMap<>();
        for (StoredTensor tensor : tensors) {
          String file = base.fileOf(tensor.name()).getFileName().toString();
          shards.computeIfAbsent(file, _ -> new ArrayList<>()).add(tensor);
        }
        CheckpointWriter.write(folder, shards, metadata);
      }
    }

    private StoredTensor stored(String name) {
      Tensor weight = base.tensor(name);
      return new StoredTensor(
          name,
          weight.dtype(),
          weight.shape(),
          () -> {
            Tensor written = modules.containsKey(name) ? merged(modules.get(name), weight) : weight;
            bytesDone += weight.byteSize();
            progress.written(name, bytesDone, base.totalBytes());
            return written;
          });
    }

    private Tensor merged(LinearModule module, Tensor weight) {
      Tensor out = Tensor.onHost(weight.dtype(), weight.shape(), buffer.asSlice(0, weight.byteSize()));
      if (!MergedWeight.compute(out, weight, factors.get(module), config.scaleOf(module.name()))) {
        throw new InvalidInputException(
            base.path()
                + ": with the adapter, tensor '"
                + module.weightName()
                + "' holds numbers that "
                + weight.dtype()
                + " cannot hold; the adapter is broken, or the base model must be "
                + "converted to a wider type (BF16 or F32) first");
      }
      return out;
    }
  }
}
