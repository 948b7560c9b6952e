package dev.cocktail.trainer.cli;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.RunText;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.scratch.UntrainedModel;
import dev.cocktail.transformer.Phi3Config;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cocktail init}: the untrained model that a run pretrains. */
@Command(
    name = "init",
    description =
        "Makes the model that a run file names, for training from scratch: random weights, and a tokenizer learnt from"
            + " the run's training examples.",
    mixinStandardHelpOptions = true)
final class InitCommand extends CocktailCommand {
  @Parameters(paramLabel = "RUN.yaml", description = "The run file; its model must not be there yet.")
  private Path file;

  @Option(names = "--vocab-size", paramLabel = "N", description = "Most pieces of the tokenizer (${DEFAULT-VALUE}).")
  private int vocabSize = 4096;

  @Option(names = "--hidden-size", paramLabel = "N", description = "Width of the hidden states (${DEFAULT-VALUE}).")
  private int hiddenSize = 256;

  @Option(names = "--intermediate-size", paramLabel = "N", description = "Width within the MLPs (${DEFAULT-VALUE}).")
  private int intermediateSize = 704;

  @Option(names = "--num-hidden-layers", paramLabel = "N", description = "Decoder layers (${DEFAULT-VALUE}).")
  private int layers = 6;

  @Option(names = "--num-attention-heads", paramLabel = "N", description = "Heads of attention (${DEFAULT-VALUE}).")
  private int heads = 8;

  @Option(
      names = "--num-key-value-heads",
      paramLabel = "N",
      description = "Heads of keys and values, of which each serves several of attention (${DEFAULT-VALUE}).")
  private int kvHeads = 4;

  @Option(
      names = "--max-position-embeddings",
      paramLabel = "N",
      description = "The longest sequence in tokens (${DEFAULT-VALUE}).")
  private int positions = 1024;

  @Override
  public Integer call() {
    RunFile run = shared().apply(RunFile.read(file));
    if (Files.exists(run.model())) {
      throw new InvalidInputException(run.model() + " is there already; name a new folder as the run file's model");
    }
    var shape = new UntrainedModel(vocabSize, hiddenSize, intermediateSize, layers, heads, kvHeads, positions);
    try (Device device = shared().openDevice(this::note)) {
      List<String> texts = RunText.ofTraining(run, this::note);
      Phi3Config config = shape.write(run.model(), texts, run.training().seed(), device);
      if (shared().json()) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("model", run.model().toString());
        row.put("texts", texts.size());
        row.put("vocab_size", config.vocabSize());
        printJson(row);
      } else {
        note(
            "%s: an untrained model with a vocabulary of %,d pieces, learnt from %,d texts"
                .formatted(run.model(), config.vocabSize(), texts.size()));
      }
    }
    return DONE;
  }
}
