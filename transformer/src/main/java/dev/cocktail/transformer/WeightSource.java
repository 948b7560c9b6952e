package dev.cocktail.transformer;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.safetensors.Checkpoint;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The checkpoint of a model folder, once it is known to hold every tensor that the configuration asks for. */
final class WeightSource implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WeightSource.class);
  private static final Set<DType> SUPPORTED = EnumSet.of(DType.F32, DType.BF16, DType.F16);

  private final Path folder;
  private final Checkpoint checkpoint;
  private final List<String> ignored;

  private WeightSource(Path folder, Checkpoint checkpoint, List<String> ignored) {
    this.folder = folder;
    this.checkpoint = checkpoint;
    this.ignored = ignored;
  }

  /**
   * Opens and checks a folder's checkpoint.
   *
   * @throws InvalidInputException naming tensor, file, what was expected and what was found
   */
  static WeightSource open(Path folder, Phi3Config config) {
    Checkpoint checkpoint = Checkpoint.open(folder);
    try {
      Map<String, Shape> expected = WeightNames.shapes(config);
      List<String> problems = new ArrayList<>();
      expected.forEach((name, shape) -> problemWith(checkpoint, name, shape).ifPresent(problems::add));
      if (!problems.isEmpty()) {
        String others = problems.size() == 1 ? "" : " (and " + (problems.size() - 1) + " more such tensors)";
        throw new InvalidInputException(
            problems.getFirst() + others + "; the folder's config.json asks for " + expected.size() + " tensors");
      }
      List<String> ignored = checkpoint.names().stream().filter(name -> !expected.containsKey(name)).toList();
      report(checkpoint, config, ignored);
      return new WeightSource(folder, checkpoint, ignored);
    } catch (RuntimeException | Error e) {
      checkpoint.close();
      throw e;
    }
  }

  private static Optional<String> problemWith(Checkpoint checkpoint, String name, Shape shape) {
    String expected = "expected F32, BF16 or F16 of shape " + shape;
    if (!checkpoint.contains(name)) {
      return Optional.of(checkpoint.path() + " has no tensor '" + name + "'; " + expected);
    }
    Tensor found = checkpoint.tensor(name);
    if (!SUPPORTED.contains(found.dtype()) || !found.shape().equals(shape)) {
      return Optional.of(checkpoint.fileOf(name) + ": tensor '" + name + "' is " + found + "; " + expected);
    }
    return Optional.empty();
  }

  private static void report(Checkpoint checkpoint, Phi3Config config, List<String> ignored) {
    // Rotary buffers are computed from the configuration; a tied output projection repeats the embedding.
    List<String> surprising =
        ignored.stream()
            .filter(
                name -> !name.endsWith(".inv_freq") && !(config.tiedEmbeddings() && name.equals(WeightNames.OUTPUT)))
            .toList();
    if (!surprising.isEmpty()) {
      LOG.warn(
          "{} holds {} tensors that the model does not use, such as {}",
          checkpoint.path(),
          surprising.size(),
          surprising.getFirst());
    }
  }

  Path folder() {
    return folder;
  }

  /** Tensors that the model does not use. */
  List<String> ignored() {
    return ignored;
  }

  /** A tensor over the mapping. */
  Tensor tensor(String name) {
    return checkpoint.tensor(name);
  }

  @Override
  public void close() {
    checkpoint.close();
  }
}
