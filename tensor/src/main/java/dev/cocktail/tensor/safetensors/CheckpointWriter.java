package dev.cocktail.tensor.safetensors;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes a model's tensors as one file, or as shards and their index. Each file is written beside its place and moved
 * over it, the index last.
 */
public final class CheckpointWriter {
  private CheckpointWriter() {}

  /**
   * Writes tensors in shards of at most {@code maxShardBytes} of data each (a single larger tensor has a shard of its
   * own), filled in the order given; what fits in one is written as {@value Checkpoint#SINGLE_FILE} without an index.
   */
  public static void write(Path folder, List<StoredTensor> tensors, Map<String, String> metadata, long maxShardBytes) {
    if (maxShardBytes <= 0) {
      throw new IllegalArgumentException("maxShardBytes must be positive, is " + maxShardBytes);
    }
    List<List<StoredTensor>> shards = new ArrayList<>();
    long room = 0;
    for (StoredTensor tensor : tensors) {
      if (shards.isEmpty() || tensor.byteSize() > room) {
        shards.add(new ArrayList<>());
        room = maxShardBytes;
      }
      shards.getLast().add(tensor);
      room -= tensor.byteSize();
    }
    if (shards.size() <= 1) {
      SafetensorsWriter.write(folder.resolve(Checkpoint.SINGLE_FILE), tensors, metadata);
      return;
    }
    Map<String, List<StoredTensor>> named = new LinkedHashMap<>();
    for (int i = 0; i < shards.size(); i++) {
      named.put(String.format("model-%05d-of-%05d.safetensors", i + 1, shards.size()), shards.get(i));
    }
    write(folder, named, metadata);
  }

  /** Writes the given shards, by file name, and {@value Checkpoint#INDEX_FILE}. */
  public static void write(Path folder, Map<String, List<StoredTensor>> shards, Map<String, String> metadata) {
    Map<String, String> fileOfTensor = new TreeMap<>();
    long totalBytes = 0;
    for (var shard : shards.entrySet()) {
      for (StoredTensor tensor : shard.getValue()) {
        String other = fileOfTensor.put(tensor.name(), shard.getKey());
        if (other != null) {
          throw new IllegalArgumentException("tensor '" + tensor.name() + "' goes to two files or twice to one");
        }
        totalBytes = Math.addExact(totalBytes, tensor.byteSize());
      }
    }
    shards.forEach((file, tensors) -> SafetensorsWriter.write(folder.resolve(file), tensors, metadata));
    ShardIndex.write(folder.resolve(Checkpoint.INDEX_FILE), fileOfTensor, totalBytes);
  }
}
