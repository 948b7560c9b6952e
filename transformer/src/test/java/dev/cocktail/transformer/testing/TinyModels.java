package dev.cocktail.transformer.testing;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/** Model folders made from others. */
public final class TinyModels {
  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  private TinyModels() {}

  /** A new folder with another's weights and an edited configuration. */
  public static Path withConfig(Path model, Path target, Consumer<ObjectNode> edit) {
    try {
      Files.createDirectories(target);
      Files.copy(model.resolve("model.safetensors"), target.resolve("model.safetensors"));
      ObjectNode config = (ObjectNode) MAPPER.readTree(Files.readAllBytes(model.resolve("config.json")));
      edit.accept(config);
      Files.write(target.resolve("config.json"), MAPPER.writeValueAsBytes(config));
      return target;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
