package dev.cocktail.trainer.demo;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.cli.CocktailCommand;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code cocktail demo base-material}: what the demo's base model is made from. */
@Command(
    name = "base-material",
    description =
        "Writes what the demo's base model is pretrained from; `cocktail train DIR/pretrain.yaml` then makes it.",
    mixinStandardHelpOptions = true)
public final class BaseMaterialCommand extends CocktailCommand {
  @Parameters(paramLabel = "DIR", description = "A new folder.")
  private Path folder;

  @Override
  public Integer call() {
    if (Files.exists(folder)) {
      throw new InvalidInputException(folder + " is there already; name a new folder");
    }
    try (Device device = shared().openDevice(this::note)) {
      DemoMaterial.writeBaseMaterial(folder, device);
    }
    note("now run: cocktail train " + folder.resolve("pretrain.yaml"));
    return DONE;
  }
}
