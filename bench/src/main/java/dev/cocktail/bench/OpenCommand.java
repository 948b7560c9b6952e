package dev.cocktail.bench;

import dev.cocktail.tensor.Device;
import dev.cocktail.trainer.cli.CocktailCommand;
import dev.cocktail.transformer.Phi3Model;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code cocktail bench open}: how long a checkpoint takes to open, and what it holds of memory before it is used. */
@Command(
    name = "open",
    description = "Times the opening of a model's folder, and tells the memory that it takes before the first use.",
    mixinStandardHelpOptions = true)
final class OpenCommand extends CocktailCommand {
  @Option(names = "--model", paramLabel = "DIR", required = true, description = "The model's folder.")
  private Path model;

  @Override
  public Integer call() {
    try (Device device = shared().openDevice(this::note)) {
      long before = PeakMemory.residentBytes();
      long start = System.nanoTime();
      try (Phi3Model opened = Phi3Model.load(model, device)) {
        double seconds = (System.nanoTime() - start) / 1e9;
        long weights = opened.weights().values().stream().mapToLong(weight -> weight.value().byteSize()).sum();
        Map<String, Object> figures = new LinkedHashMap<>();
        figures.put("model", model.toString());
        figures.put("device", device.name());
        figures.put("weights_mib", weights >> 20);
        figures.put("seconds", Math.round(seconds * 1e4) / 1e4);
        if (before > 0) { // Otherwise the system does not tell.
          figures.put("resident_mib_added", PeakMemory.residentBytes() - before >> 20);
        }
        if (shared().json()) {
          printJson(figures);
        } else {
          figures.forEach((key, value) -> out().printf(Locale.ROOT, "%-24s %s%n", key, value));
        }
      }
    }
    return DONE;
  }
}
