package dev.cocktail.trainer.cli;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.Scores;
import dev.cocktail.trainer.config.RunFile;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Stack;
import picocli.CommandLine.Command;
import picocli.CommandLine.IParameterConsumer;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cocktail train}: one fine-tune. */
@Command(
    name = "train",
    description = "Fine-tunes a model as a run file says, and leaves a run folder with the adapter or the new model.",
    mixinStandardHelpOptions = true)
final class TrainCommand extends CocktailCommand {
  @Parameters(paramLabel = "RUN.yaml", description = "The run file; its keys are listed below.")
  private Path file;

  @Option(names = "--output", paramLabel = "DIR", description = "The run's folder, instead of the run file's.")
  private Path output;

  @Option(
      names = "--resume",
      description =
          "Continue the run in the output folder from its newest checkpoint, as if it had never stopped; begin it where"
              + " there is none.")
  private boolean resume;

  @Option(
      names = "--show-sample",
      paramLabel = "N",
      arity = "0..1",
      parameterConsumer = SampleCount.class,
      description =
          "Show N whole examples of each task (1 where no N is given), in colours or brackets what is learnt of them,"
              + " and train nothing.")
  private Integer samples;

  /** Takes a number where one follows; what else follows is no part of the option, but the run file. */
  static final class SampleCount implements IParameterConsumer {
    @Override
    public void consumeParameters(Stack<String> left, ArgSpec option, CommandSpec command) {
      boolean isNumber = !left.isEmpty() && left.peek().matches("[0-9]{1,9}");
      option.setValue(isNumber ? Integer.valueOf(left.pop()) : Integer.valueOf(1));
    }
  }

  @Override
  public Integer call() {
    RunFile run = shared().apply(RunFile.read(file));
    if (output != null) {
      run = run.withOutput(output.toAbsolutePath().normalize());
    }
    if (samples != null) {
      showSamples(run);
      return DONE;
    }
    try (Device device = shared().openDevice(run, this::note)) {
      var told = new RunSummary(run);
      FineTuning.Result result = fineTune(run, device, resume, told);
      if (shared().json()) {
        printJson(summary(result));
      } else {
        told.lines(result).forEach(out()::println);
        out().flush();
      }
      return DONE;
    }
  }

  private void showSamples(RunFile run) {
    if (samples < 1) {
      throw new InvalidInputException("--show-sample is " + samples + "; expected at least 1");
    }
    boolean colours = System.console() != null && System.console().isTerminal();
    FineTuning.showSamples(run, samples, colours, this::note, out()::println);
    out().flush();
  }

  private static Map<String, Object> summary(FineTuning.Result result) {
    Map<String, Object> summary = new LinkedHashMap<>();
    summary.put("output", result.folder().toString());
    summary.put("trained", result.trained().toString());
    summary.put("steps", result.steps());
    result.before().ifPresent(scores -> summary.put("before", summary(scores)));
    result.best().ifPresent(best -> summary.put("best", summary(best)));
    summary.put("last", summary(result.last()));
    return summary;
  }

  private static Map<String, Object> summary(FineTuning.State state) {
    Map<String, Object> summary = new LinkedHashMap<>();
    summary.put("folder", state.folder().toString());
    summary.put("step", state.step());
    state
        .choice()
        .ifPresent(choice -> {
          summary.put("criterion", choice.criterion());
          summary.put("value", choice.value());
        });
    state.validation().ifPresent(scores -> summary.put("validation", summary(scores)));
    state.test().ifPresent(scores -> summary.put("test", summary(scores)));
    return summary;
  }

  private static Map<String, Object> summary(Scores scores) {
    Map<String, Object> summary = new LinkedHashMap<>();
    summary.put("step", scores.step());
    summary.put("loss", scores.loss());
    summary.put("losses", scores.losses());
    summary.put("metrics", scores.metrics());
    return summary;
  }
}
