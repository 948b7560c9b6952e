package dev.cocktail.trainer.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.Device;
import dev.cocktail.trainer.ConsoleProgress;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.InterruptedRunException;
import dev.cocktail.trainer.Interruption;
import dev.cocktail.trainer.TrainingListener;
import dev.cocktail.trainer.config.RunFile;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/**
 * A command of the command line. {@link #call} does the work and returns the exit code; what it throws becomes a
 * message and an exit code as {@link Cocktail} documents.
 *
 * <p>Results go to {@link #out()}, everything else to {@link #err()}.
 */
public abstract class CocktailCommand implements Callable<Integer> {
  /** The work was done. */
  public static final int DONE = 0;

  /** The work failed. */
  public static final int FAILED = 1;

  /** The input was wrong. */
  public static final int INVALID_INPUT = 2;

  /** Interrupted, after saving. */
  public static final int INTERRUPTED = 130;

  @Mixin private SharedOptions shared;
  @Spec private CommandSpec spec;

  /** The options shared by all commands. */
  protected final SharedOptions shared() {
    return shared;
  }

  /** Where results go. */
  protected final PrintWriter out() {
    return spec.commandLine().getOut();
  }

  /** Where progress, notes and warnings go. */
  protected final PrintWriter err() {
    return spec.commandLine().getErr();
  }

  /** Prints a line for people to standard error, unless {@code --quiet} was given. */
  protected final void note(String line) {
    if (!shared.quiet()) {
      err().println(line);
      err().flush();
    }
  }

  /** Prints a value (records, maps, lists, numbers, strings) as one line of JSON to standard output. */
  protected final void printJson(Object value) {
    try {
      out().println(new ObjectMapper().writeValueAsString(value));
      out().flush();
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("cannot be written as JSON: " + value.getClass(), e);
    }
  }

  /**
   * Says that the work was interrupted, while the interruption is still watched: once it is closed, the virtual machine
   * may end at any moment.
   *
   * @return what ends the work
   */
  protected final InterruptedRunException interrupted(String message) {
    err().println("cocktail: " + message);
    err().flush();
    return new InterruptedRunException(message);
  }

  /** What the user can do after an interruption. */
  protected String howToGoOn() {
    return "train --resume continues";
  }

  /**
   * Fine-tunes as a run file says: with progress on standard error, and saving when the user interrupts.
   *
   * @param resume whether a run that the output folder holds is continued
   * @param listener hears of the run
   */
  protected final FineTuning.Result fineTune(RunFile run, Device device, boolean resume, TrainingListener listener) {
    boolean watched = !shared.quiet() && System.console() != null && System.console().isTerminal();
    try (var interruption =
            Interruption.watch(() -> note("stopping, and saving what was learnt; once more ends at once"));
        var progress = new ConsoleProgress(err(), run.training().logEvery(), watched)) {
      FineTuning fineTuning =
          FineTuning.of(run, device)
              .notes(this::note)
              .colours(watched)
              .resume(resume)
              .listener(listener)
              .stopWhen(interruption::requested);
      try {
        return shared.quiet() ? fineTuning.run() : fineTuning.listener(progress).run();
      } catch (InterruptedRunException e) {
        throw interrupted(e.getMessage() + "; " + howToGoOn());
      }
    }
  }
}
