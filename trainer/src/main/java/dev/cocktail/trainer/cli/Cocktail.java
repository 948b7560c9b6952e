package dev.cocktail.trainer.cli;

import dev.cocktail.tensor.Devices;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.OutOfDeviceMemoryException;
import dev.cocktail.trainer.InterruptedRunException;
import dev.cocktail.trainer.Interruption;
import dev.cocktail.trainer.TrainingFailedException;
import dev.cocktail.trainer.config.KeyInfo;
import dev.cocktail.trainer.config.KeyReference;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.StudyFile;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The command line. Exit codes: 0 the work is done, 1 it failed, 2 the input was wrong, 130 it was interrupted after
 * saving.
 */
@Command(
    name = "cocktail",
    description = "Fine-tunes Phi-3-family language models with LoRA, on one task or on mixtures of tasks.",
    mixinStandardHelpOptions = true,
    versionProvider = Cocktail.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "  0:done",
      "  1:the work failed",
      "  2:the input was wrong; the message says what to do",
      "130:interrupted, after saving",
    },
    footer = {"", "`cocktail COMMAND --help` explains a command; `cocktail demo` shows it all."})
public final class Cocktail implements Runnable {
  /** The commands of this room; others come through {@link CommandProvider}. */
  private static final List<Class<?>> COMMANDS =
      List.of(
          TrainCommand.class,
          StudyCommand.class,
          InitCommand.class,
          EvalCommand.class,
          GenerateCommand.class,
          TraceCommand.class,
          MergeCommand.class,
          InspectCommand.class,
          DoctorCommand.class);

  /** The order in which help lists the commands; others follow. */
  private static final List<String> ORDER =
      List.of("demo", "train", "study", "init", "eval", "generate", "trace", "merge", "inspect", "doctor", "bench");

  @Spec private CommandSpec spec;

  private Cocktail() {}

  /** Runs the command that the arguments name and ends the virtual machine with its exit code. */
  public static void main(String[] arguments) {
    quietLibraries(Arrays.asList(arguments).contains("--debug"));
    var out = new PrintWriter(System.out, false, StandardCharsets.UTF_8);
    var err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    Interruption.exit(run(out, err, arguments));
  }

  /** Runs the command that the arguments name and returns its exit code. */
  public static int run(PrintWriter out, PrintWriter err, String... arguments) {
    CommandLine commandLine = commandLine();
    commandLine.setOut(out).setErr(err);
    try {
      return commandLine.execute(arguments);
    } catch (Throwable failure) { // Errors too: picocli hands only exceptions to the handler.
      return explain(failure, err, Arrays.asList(arguments).contains("--debug"));
    } finally {
      out.flush();
      err.flush();
    }
  }

  /** The whole command line, with the commands of all modules on the class path. */
  static CommandLine commandLine() {
    var commandLine = new CommandLine(new Cocktail());
    List<Class<?>> types = new ArrayList<>(COMMANDS);
    ServiceLoader.load(CommandProvider.class).forEach(provider -> types.addAll(provider.commands()));
    types.sort(Comparator.comparingInt(Cocktail::placeInHelp));
    types.forEach(commandLine::addSubcommand);
    commandLine.addSubcommand(HelpCommand.class);
    listKeysInHelp(commandLine.getSubcommands().get("train"), "run file", RunFile.keys());
    listKeysInHelp(commandLine.getSubcommands().get("study"), "study file", StudyFile.keys());
    commandLine.setParameterExceptionHandler(Cocktail::usageError);
    commandLine.setExecutionStrategy(Cocktail::checked);
    commandLine.setExecutionExceptionHandler((exception, command, result) ->
        explain(exception, command.getErr(), result.expandedArgs().contains("--debug")));
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    commandLine.setAbbreviatedOptionsAllowed(false);
    return commandLine;
  }

  /** Runs what was asked for, once what all commands share makes sense, whether or not the command needs it. */
  private static int checked(ParseResult asked) {
    ParseResult last = asked;
    while (last.hasSubcommand()) {
      last = last.subcommand();
    }
    if (last.commandSpec().userObject() instanceof CocktailCommand command && !last.isUsageHelpRequested()) {
      try {
        Devices.requireKnown(command.shared().device());
      } catch (InvalidInputException e) { // What a strategy throws is not given to the handler.
        return explain(e, last.commandSpec().commandLine().getErr(), command.shared().debug());
      }
    }
    return new CommandLine.RunLast().execute(asked);
  }

  /** The keys of the run file belong to the help of the command that reads it; listed only when that is asked for. */
  private static void listKeysInHelp(CommandLine command, String file, List<KeyInfo> keys) {
    command
        .getHelpSectionMap()
        .put(
            UsageMessageSpec.SECTION_KEY_FOOTER,
            help -> "%nKeys of the %s (defaults in brackets):%n".formatted(file) + KeyReference.text(keys));
  }

  private static int placeInHelp(Class<?> type) {
    int place = ORDER.indexOf(type.getAnnotation(Command.class).name());
    return place < 0 ? ORDER.size() : place;
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is missing");
  }

  private static int usageError(ParameterException exception, String[] arguments) {
    CommandLine command = exception.getCommandLine();
    PrintWriter err = command.getErr();
    err.println("cocktail: " + firstLower(exception.getMessage()));
    UnmatchedArgumentException.printSuggestions(exception, err);
    err.println("Try 'cocktail" + path(command) + " --help'.");
    return CocktailCommand.INVALID_INPUT;
  }

  /** The names of a command and of those above it, each after a blank, without the root's. */
  private static String path(CommandLine command) {
    return command.getCommandSpec().qualifiedName(" ").substring("cocktail".length());
  }

  private static int explain(Throwable thrown, PrintWriter err, boolean debug) {
    Throwable failure = thrown;
    while (failure instanceof ExceptionInInitializerError && failure.getCause() != null) {
      failure = failure.getCause(); // What a class refuses to begin with, such as a wrong system property.
    }
    int exitCode =
        switch (failure) {
          case InvalidInputException _ -> CocktailCommand.INVALID_INPUT;
          case InterruptedRunException _ -> CocktailCommand.INTERRUPTED;
          default -> CocktailCommand.FAILED;
        };
    if (exitCode != CocktailCommand.INTERRUPTED) { // The command has said what it saved.
      err.println("cocktail: " + message(failure));
    }
    if (debug) {
      failure.printStackTrace(err);
    } else if (exitCode == CocktailCommand.FAILED) {
      err.println("(--debug prints where.)");
    }
    err.flush();
    return exitCode;
  }

  private static String message(Throwable failure) {
    if (failure instanceof UncheckedIOException unchecked
        && unchecked.getMessage().equals(unchecked.getCause().toString())) {
      return message(unchecked.getCause()); // It adds nothing of its own.
    }
    if (failure instanceof OutOfMemoryError && String.valueOf(failure.getMessage()).startsWith("Unable to allocate")) {
      return "out of memory: the system does not give it ("
          + failure.getMessage()
          + "). Fewer tokens at once, recomputed layers, or a smaller model need less.";
    }
    if (failure instanceof OutOfMemoryError) {
      return "out of memory: "
          + failure.getMessage()
          + ". Java's own memory (heap) is limited to "
          + Runtime.getRuntime().maxMemory() / (1 << 20)
          + " MiB; COCKTAIL_OPTS=-Xmx8g raises it, and -XX:MaxDirectMemorySize raises the limit of buffers."
          + " Fewer tokens a micro-batch, checkpoint_layers or a shorter max_length need less.";
    }
    if (failure instanceof OutOfDeviceMemoryException) {
      return failure.getMessage()
          + ". Fewer tokens at once (micro_batch_tokens, evaluation.batch_tokens), 'checkpoint_layers: true' or a"
          + " shorter max_length need less; so do other programs on the same device when they end.";
    }
    if (failure instanceof StackOverflowError) {
      return "the input is nested too deeply (stack overflow)";
    }
    String text = failure.getMessage();
    boolean speaksForItself = failure instanceof InvalidInputException || failure instanceof TrainingFailedException;
    if (speaksForItself && text != null) {
      return text;
    }
    String kind = failure.getClass().getSimpleName();
    return text == null || text.isBlank() ? kind : kind + ": " + text;
  }

  private static String firstLower(String text) {
    return text.isEmpty() ? text : Character.toLowerCase(text.charAt(0)) + text.substring(1);
  }

  /** Must be called before anything logs: the simple logger reads these properties once. */
  private static void quietLibraries(boolean debug) {
    setDefault("org.slf4j.simpleLogger.defaultLogLevel", debug ? "info" : "error");
    setDefault("slf4j.internal.verbosity", "WARN");
  }

  private static void setDefault(String property, String value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, value);
    }
  }

  /** The version in the jar's manifest. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Cocktail.class.getPackage().getImplementationVersion();
      return new String[] {
        "cocktail " + (version == null ? "(unpackaged)" : version), "Java " + Runtime.version(),
      };
    }
  }
}
