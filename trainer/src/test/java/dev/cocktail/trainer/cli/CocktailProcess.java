package dev.cocktail.trainer.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A command in a process of its own, on the CPU, whose output is read as it comes. */
final class CocktailProcess implements AutoCloseable {
  private static final long LONGEST_SECONDS = 120;

  private final Process process;
  private final List<String> output = new ArrayList<>();
  private boolean ended;
  private final Thread reader;

  private CocktailProcess(Process process) {
    this.process = process;
    this.reader = Thread.ofVirtual().start(this::read);
  }

  /** Starts a command. */
  static CocktailProcess start(String command, List<String> arguments) {
    return launch(line(command, arguments));
  }

  /** Starts so that no file can become larger than so many KiB; the system itself refuses to write beyond. */
  static CocktailProcess startWithSmallFiles(int kibibytes, String command, List<String> arguments) {
    List<String> limited = new ArrayList<>(List.of("bash", "-c", "ulimit -f " + kibibytes + "; exec \"$@\"", "bash"));
    limited.addAll(line(command, arguments));
    return launch(limited);
  }

  private static List<String> line(String command, List<String> arguments) {
    List<String> line =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:-UsePerfData",
                "-cp",
                System.getProperty("java.class.path"),
                Cocktail.class.getName(),
                command,
                "--device",
                "cpu"));
    line.addAll(arguments);
    return line;
  }

  private static CocktailProcess launch(List<String> command) {
    try {
      return new CocktailProcess(new ProcessBuilder(command).redirectErrorStream(true).start());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void read() {
    try (BufferedReader lines = process.inputReader()) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        say(line, false);
      }
      say("", true);
    } catch (IOException e) {
      say(e.toString(), true);
    }
  }

  private void say(String line, boolean last) {
    synchronized (output) {
      output.add(line);
      ended = last;
      output.notifyAll();
    }
  }

  /** Waits for the first step, or the end. */
  void awaitFirstStep() throws InterruptedException {
    awaitLine("step ");
  }

  /** Waits for a line that begins so, or the end. */
  void awaitLine(String beginning) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(LONGEST_SECONDS);
    synchronized (output) {
      while (!ended && output.stream().noneMatch(line -> line.startsWith(beginning))) {
        long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        if (left <= 0) {
          throw new AssertionError("no line begins with '" + beginning + "': " + output);
        }
        output.wait(left);
      }
    }
  }

  /** Asks it to end, as the system does. */
  void terminate() {
    process.toHandle().destroy(); // The process's own would close its output too.
  }

  /**
   * Lets it run for a while, and then kills it as {@code kill -9} does.
   *
   * @return whether it had not ended by itself before
   */
  boolean killAfter(long millis) throws InterruptedException {
    boolean ended = process.waitFor(millis, TimeUnit.MILLISECONDS);
    process.destroyForcibly();
    process.waitFor();
    reader.join();
    return !ended;
  }

  /** Waits for the end and returns the exit code. */
  int await() throws InterruptedException {
    if (!process.waitFor(LONGEST_SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError("it does not end: " + output);
    }
    reader.join();
    return process.exitValue();
  }

  /** What it said so far. */
  String output() {
    synchronized (output) {
      return String.join("\n", output);
    }
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
