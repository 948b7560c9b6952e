package dev.cocktail.trainer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.tensor.safetensors.AtomicFolder;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Model;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Chosen weights of a model itself, trained in 32 bits whatever the checkpoint's type; saving writes a new model
 * folder.
 */
public final class BaseTrainable implements Trainable {
  private static final String KEPT = "weights.safetensors";

  private final Phi3Model model;
  private final TensorArena arena;
  private final DType savedType;

  private BaseTrainable(Phi3Model model, TensorArena arena, DType savedType) {
    this.model = requireNonNull(model, "model");
    this.arena = requireNonNull(arena, "arena");
    this.savedType = requireNonNull(savedType, "savedType");
  }

  /**
   * Turns weights into parameters.
   *
   * @param selectors which, as {@link Phi3Model#makeTrainable} takes them
   */
  public static BaseTrainable of(Phi3Model model, List<String> selectors) {
    DType savedType = model.outputWeight().value().dtype();
    TensorArena arena = model.device().openArena("trained weights");
    try {
      model.makeTrainable(selectors, arena);
      return new BaseTrainable(model, arena, savedType);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  @Override
  public Map<String, Variable> parameters() {
    return model.parameters();
  }

  @Override
  public LinearTransform training(RandomKey key) {
    return LinearTransform.BASE;
  }

  @Override
  public LinearTransform inference() {
    return LinearTransform.BASE;
  }

  @Override
  public boolean isSmall() {
    return false;
  }

  @Override
  public void save(Path folder) {
    AtomicFolder.replace(folder, target -> model.save(target, savedType));
  }

  /** Only the trained weights, in the type they are trained in. */
  @Override
  public void keep(Path folder) {
    ParameterFile.write(folder.resolve(KEPT), model.device(), values());
  }

  @Override
  public void restore(Path folder) {
    ParameterFile.read(folder.resolve(KEPT), model.device(), values());
  }

  private Map<String, Tensor> values() {
    Map<String, Tensor> values = new LinkedHashMap<>();
    parameters().forEach((name, parameter) -> values.put(name, parameter.value()));
    return values;
  }

  @Override
  public void close() {
    arena.close();
  }
}
