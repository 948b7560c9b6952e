package dev.cocktail.trainer.cli;

import dev.cocktail.lora.AdaptedModel;
import dev.cocktail.lora.LoraAdapter;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.tensor.safetensors.SafetensorsWriter;
import dev.cocktail.trainer.Trace;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.PaddedInputs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code cocktail trace}: the numbers inside, for comparing with any other implementation. */
@Command(
    name = "trace",
    description = "Writes logits, hidden states, loss and gradients of given tokens to a safetensors file.",
    mixinStandardHelpOptions = true)
final class TraceCommand extends CocktailCommand {
  @Mixin private ModelOptions options;

  @Option(
      names = "--tokens",
      paramLabel = "FILE.json",
      required = true,
      description = "An object with input_ids and, optionally, attention_mask and labels, each [B][S].")
  private Path tokens;

  @Option(names = "--out", paramLabel = "FILE.safetensors", required = true, description = "Where to write.")
  private Path out;

  @Option(
      names = "--grad",
      description =
          "Also write inputs_embeds' gradient and that of every adapter tensor, or of every base weight when no "
              + "adapter is given.")
  private boolean gradients;

  @Override
  public Integer call() {
    Path folder = out.toAbsolutePath().getParent();
    if (!Files.isDirectory(folder)) {
      throw new InvalidInputException("--out: there is no folder " + folder + "; make it first");
    }
    if (Files.isDirectory(out)) {
      throw new InvalidInputException("--out: " + out + " is a folder; expected the name of a file");
    }
    if (Files.exists(out) && (isIn(options.model()) || options.adapter() != null && isIn(options.adapter()))) {
      throw new InvalidInputException(
          "--out: " + out + " exists in the model's or adapter's folder, where nothing is overwritten; name another");
    }
    try (Device device = shared().openDevice(this::note);
        AdaptedModel opened = options.open(device, gradients);
        TensorArena weights = device.openArena("trainable weights")) {
      PaddedInputs inputs = PaddedInputs.read(tokens, opened.model().config());
      Map<String, Variable> parameters = null;
      Optional<LoraAdapter> learning = opened.adapter().filter(_ -> gradients);
      if (learning.isPresent()) {
        parameters = learning.get().parameters();
        parameters.values().forEach(parameter -> device.ops().fill(parameter.gradient(), 0));
      } else if (gradients) {
        parameters = opened.model().makeTrainable(List.of("all"), weights);
      }
      // Going back through an adapter, DoRA's norms and all, needs the transform that is differentiated.
      LinearTransform transform = learning.<LinearTransform>map(adapter -> adapter).orElseGet(opened::transform);
      Map<String, Tensor> found = Trace.run(opened.model(), inputs, transform, parameters);
      SafetensorsWriter.write(out, found, Map.of("format", "pt"));
      if (shared().json()) {
        printJson(Map.of("out", out.toString(), "tensors", found.size()));
      } else {
        note("wrote " + found.size() + " tensors to " + out);
      }
      return DONE;
    }
  }

  private boolean isIn(Path folder) {
    try {
      return Files.isSameFile(out.toAbsolutePath().getParent(), folder);
    } catch (IOException e) {
      return false; // There is no such folder, as loading it will say.
    }
  }
}
