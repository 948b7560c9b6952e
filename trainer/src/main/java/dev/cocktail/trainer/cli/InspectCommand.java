package dev.cocktail.trainer.cli;

import dev.cocktail.tensor.safetensors.TensorInfo;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code cocktail inspect}: what is in a checkpoint. */
@Command(
    name = "inspect",
    description = "Shows what is in a checkpoint: configuration, metadata, tensors, totals.",
    mixinStandardHelpOptions = true)
final class InspectCommand extends CocktailCommand {
  @Parameters(
      paramLabel = "FILE_OR_DIR",
      description = "A model's or adapter's folder, a safetensors file, or an index of shards.")
  private Path path;

  @Override
  public Integer call() {
    Inspection inspection = Inspection.of(path);
    if (shared().json()) {
      printJson(inspection);
    } else {
      print(inspection, out());
    }
    return DONE;
  }

  private void print(Inspection inspection, PrintWriter out) {
    out.println(inspection.path() + ": " + inspection.kind() + ", " + count(inspection.files().size(), "file"));
    inspection.notes().forEach(note -> out.println("note: " + note));
    inspection.configuration().forEach((key, value) -> out.printf("  %-24s %s%n", key, value));
    inspection.metadata().forEach((key, value) -> out.printf("  metadata %-15s %s%n", key, value));
    if (!shared().quiet()) {
      printTensors(inspection, out);
    }
    inspection
        .totals()
        .forEach((dtype, total) ->
            out.printf(
                Locale.ROOT,
                "%-6s %s, %,d elements, %s%n",
                dtype,
                count(total.tensors(), "tensor"),
                total.elements(),
                Sizes.binary(total.bytes())));
    out.printf(
        Locale.ROOT,
        "total  %s, %,d parameters, %s%n",
        count(inspection.tensors().size(), "tensor"),
        inspection.parameters(),
        Sizes.binary(inspection.bytes()));
  }

  private static void printTensors(Inspection inspection, PrintWriter out) {
    int width = inspection.tensors().stream().mapToInt(tensor -> tensor.name().length()).max().orElse(0);
    for (TensorInfo tensor : inspection.tensors()) {
      out.printf(
          Locale.ROOT,
          "%-" + Math.max(width, 1) + "s  %-5s %-16s %,15d bytes%n",
          tensor.name(),
          tensor.dtype(),
          tensor.shape(),
          tensor.bytes());
    }
  }

  private static String count(int number, String thing) {
    return number + " " + thing + (number == 1 ? "" : "s");
  }
}
