package dev.cocktail.tensor.safetensors;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.NearestName;
import dev.cocktail.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * A model's tensors, in one safetensors file or in shards that an index names. All files are mapped and checked when
 * the checkpoint is opened; no weight is copied.
 */
public final class Checkpoint implements AutoCloseable {
  /** The one file of a model that is not sharded. */
  public static final String SINGLE_FILE = "model.safetensors";

  /** The index of a sharded model. */
  public static final String INDEX_FILE = "model.safetensors.index.json";

  private final Path path;
  private final List<SafetensorsFile> files;
  private final Map<String, SafetensorsFile> fileOfTensor;

  private Checkpoint(Path path, List<SafetensorsFile> files, Map<String, SafetensorsFile> fileOfTensor) {
    this.path = path;
    this.files = List.copyOf(files);
    this.fileOfTensor = Collections.unmodifiableMap(fileOfTensor);
  }

  /**
   * Opens a folder ({@value #SINGLE_FILE} or else {@value #INDEX_FILE} in it), a safetensors file, or an index file.
   *
   * @throws InvalidInputException when files are missing or break a rule of the format, when a shard lacks a tensor
   *     that the index places there, or when a tensor lies in two shards
   */
  public static Checkpoint open(Path folderOrFile) {
    Path file = Files.isDirectory(folderOrFile) ? fileInFolder(folderOrFile) : folderOrFile;
    return file.getFileName().toString().endsWith(".json") ? openShards(file) : openSingle(file);
  }

  private static Path fileInFolder(Path folder) {
    for (String name : List.of(SINGLE_FILE, INDEX_FILE)) {
      Path file = folder.resolve(name);
      if (Files.exists(file) || Files.isSymbolicLink(file)) {
        return file;
      }
    }
    throw new InvalidInputException(folder + " has neither " + SINGLE_FILE + " nor " + INDEX_FILE + insteadIn(folder));
  }

  /** What the folder holds instead, where that tells the user what to do. */
  private static String insteadIn(Path folder) {
    Set<String> names = new TreeSet<>();
    try (Stream<Path> list = Files.list(folder)) {
      list.forEach(path -> names.add(path.getFileName().toString()));
    } catch (IOException _) {
      return "";
    }
    if (names.contains("adapter_model.safetensors") || names.contains("adapter_config.json")) {
      return "; it is an adapter's folder, where a model's folder is expected";
    }
    if (names.stream().anyMatch(name -> name.matches("pytorch_model.*\\.bin"))) {
      return ", but PyTorch's files; convert them to safetensors (Transformers: save_pretrained)";
    }
    List<String> safetensors = names.stream().filter(name -> name.endsWith(".safetensors")).limit(3).toList();
    if (!safetensors.isEmpty()) {
      return "; it has " + String.join(", ", safetensors) + ": name the file itself, or get the index";
    }
    return names.isEmpty() ? "; the folder is empty" : "; download the model's weights into it";
  }

  private static Checkpoint openSingle(Path path) {
    SafetensorsFile file = SafetensorsFile.open(path);
    Map<String, SafetensorsFile> fileOfTensor = new LinkedHashMap<>();
    file.names().forEach(name -> fileOfTensor.put(name, file));
    return new Checkpoint(path, List.of(file), fileOfTensor);
  }

  private static Checkpoint openShards(Path index) {
    Map<String, Path> pathOfTensor = ShardIndex.read(index);
    Set<Path> paths = new LinkedHashSet<>(pathOfTensor.values());
    requireShards(index, paths);
    Map<Path, SafetensorsFile> opened = new LinkedHashMap<>();
    try {
      for (Path path : paths) {
        opened.put(path, SafetensorsFile.open(path));
      }
      Map<String, SafetensorsFile> fileOfTensor = new LinkedHashMap<>();
      pathOfTensor.forEach((name, path) -> fileOfTensor.put(name, opened.get(path)));
      checkShards(index, fileOfTensor, opened.values());
      return new Checkpoint(index, new ArrayList<>(opened.values()), fileOfTensor);
    } catch (RuntimeException e) {
      opened.values().forEach(SafetensorsFile::close);
      throw e;
    }
  }

  private static void requireShards(Path index, Set<Path> paths) {
    List<String> absent =
        paths.stream().filter(path -> !Files.exists(path)).map(path -> path.getFileName().toString()).toList();
    if (!absent.isEmpty()) {
      throw new InvalidInputException(
          index
              + " names "
              + paths.size()
              + " shards, of which "
              + absent.size()
              + (absent.size() == 1 ? " is" : " are")
              + " absent: "
              + String.join(", ", absent)
              + ". Download what is missing into the same folder.");
    }
  }

  private static void checkShards(
      Path index, Map<String, SafetensorsFile> fileOfTensor, Iterable<SafetensorsFile> files) {
    fileOfTensor.forEach((name, file) -> {
      if (!file.contains(name)) {
        throw new InvalidInputException(
            index
                + " places tensor '"
                + name
                + "' in "
                + file.path().getFileName()
                + ", which does not hold it; the files belong to different models or versions, get them again");
      }
    });
    for (SafetensorsFile file : files) {
      for (String name : file.names()) {
        SafetensorsFile indexed = fileOfTensor.get(name);
        if (indexed != null && indexed != file) {
          throw new InvalidInputException(
              index
                  + ": tensor '"
                  + name
                  + "' lies in two shards, "
                  + indexed.path().getFileName()
                  + " and "
                  + file.path().getFileName()
                  + "; the files belong to different models or versions, get them again");
        }
      }
    }
  }

  /** The file that was opened: the safetensors file or the index. */
  public Path path() {
    return path;
  }

  /** The files that hold the tensors, in the order of their first tensor. */
  public List<Path> files() {
    return files.stream().map(SafetensorsFile::path).toList();
  }

  /** Names of all tensors, in the index's or the header's order. */
  public Set<String> names() {
    return fileOfTensor.keySet();
  }

  /** Whether there is a tensor of that name. */
  public boolean contains(String name) {
    return fileOfTensor.containsKey(name);
  }

  /**
   * A read-only view of one tensor in the mapping.
   *
   * @throws InvalidInputException when there is no such tensor or its element type is not supported
   */
  public Tensor tensor(String name) {
    return holder(name).tensor(name);
  }

  /** Dtype, shape and size as the file names them, also of types that cannot be used. */
  public TensorInfo info(String name) {
    return holder(name).info(name);
  }

  /** Dtype and shape as the file names them, such as {@code BF16[64, 32]}, also of types that cannot be used. */
  public String describe(String name) {
    return holder(name).describe(name);
  }

  /** The file that holds a tensor. */
  public Path fileOf(String name) {
    return holder(name).path();
  }

  /** The free texts of the file that holds the first tensor. */
  public Map<String, String> metadata() {
    return files.getFirst().metadata();
  }

  private SafetensorsFile holder(String name) {
    SafetensorsFile file = fileOfTensor.get(name);
    if (file == null) {
      throw new InvalidInputException(path + " has no tensor '" + name + "'" + NearestName.hint(name, names()));
    }
    return file;
  }

  /** Bytes of all tensors of all files. */
  public long totalBytes() {
    return files.stream().mapToLong(SafetensorsFile::dataBytes).sum();
  }

  /** Unmaps all files; their tensors must not be used any more. Closing twice does nothing. */
  @Override
  public void close() {
    files.forEach(SafetensorsFile::close);
  }

  @Override
  public String toString() {
    return path + " (" + fileOfTensor.size() + " tensors in " + files.size() + " files, " + totalBytes() + " bytes)";
  }
}
