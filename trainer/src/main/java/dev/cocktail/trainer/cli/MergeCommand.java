package dev.cocktail.trainer.cli;

import dev.cocktail.lora.Merge;
import dev.cocktail.tensor.InvalidInputException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code cocktail merge}: an adapter into the weights of a new model folder. */
@Command(
    name = "merge",
    description = "Adds an adapter to its model's weights and writes a new model folder that needs no adapter.",
    mixinStandardHelpOptions = true)
final class MergeCommand extends CocktailCommand {
  @Option(names = "--model", paramLabel = "DIR", required = true, description = "The model's folder.")
  private Path model;

  @Option(
      names = "--adapter",
      paramLabel = "DIR",
      required = true,
      description = "The adapter's folder, in PEFT's files.")
  private Path adapter;

  @Option(names = "--out", paramLabel = "DIR", required = true, description = "The new model's folder; new or empty.")
  private Path out;

  @Option(
      names = "--max-shard-bytes",
      paramLabel = "N",
      description = "Most bytes of tensors in one file (default: the files of the base model).")
  private Long maxShardBytes;

  @Override
  public Integer call() {
    if (!shared().device().equals("auto") && !shared().device().equals("cpu")) {
      throw new InvalidInputException(
          "--device " + shared().device() + ": merge computes in double precision on the CPU; leave the option out");
    }
    if (shared().precision().isPresent()) {
      throw new InvalidInputException("--precision: merge computes in double precision; leave the option out");
    }
    OptionalLong limit = maxShardBytes == null ? OptionalLong.empty() : OptionalLong.of(maxShardBytes);
    Merge.Result result = Merge.merge(model, adapter, out, limit, (tensor, done, total) -> {});
    if (shared().json()) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("out", out.toString());
      row.put("merged_modules", result.mergedModules());
      row.put("tensors", result.tensors());
      row.put("bytes", result.bytes());
      printJson(row);
    } else {
      note(
          "merged "
              + result.mergedModules()
              + " modules; "
              + result.tensors()
              + " tensors, "
              + Sizes.binary(result.bytes())
              + ", in "
              + out);
    }
    return DONE;
  }
}
