package dev.cocktail.trainer;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;

/**
 * Turns an interrupt from outside (Ctrl-C, a termination signal) into a question that a long work asks between its
 * steps. Until it is closed, the virtual machine waits with its end, so that the work can be saved:
 *
 * <pre>{@code
 * try (var interruption = Interruption.watch()) {
 *   while (hasMore.getAsBoolean()) {
 *     step.run();
 *     if (interruption.requested()) {
 *       save.run();
 *       throw new InterruptedRunException("what was done is saved");
 *     }
 *   }
 * }
 * }</pre>
 */
public final class Interruption implements AutoCloseable {
  /**
   * How long the end waits for the watching thread once all is saved, so that it can say so and choose the exit code.
   */
  private static final Duration LAST_WORDS = Duration.ofSeconds(2);

  private static volatile boolean ending;

  private final CountDownLatch finished = new CountDownLatch(1);
  private final Thread watcher = Thread.currentThread();
  private final Thread hook = new Thread(this::holdTheEnd, "interruption");
  private volatile boolean requested;

  private Interruption() {}

  /** Starts watching; the owner closes it when there is nothing left to save. */
  public static Interruption watch() {
    var interruption = new Interruption();
    Runtime.getRuntime().addShutdownHook(interruption.hook);
    return interruption;
  }

  /** Whether the work should save and stop. */
  public boolean requested() {
    return requested;
  }

  /**
   * Ends the virtual machine with an exit code; also where an interruption is ending it already, whose own code would
   * say that a signal killed the program, when it saved and stopped by itself.
   */
  public static void exit(int exitCode) {
    if (ending) {
      Runtime.getRuntime().halt(exitCode);
    }
    System.exit(exitCode);
  }

  private void holdTheEnd() {
    requested = true;
    ending = true;
    try {
      finished.await();
      watcher.join(LAST_WORDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    finished.countDown();
    if (requested) {
      return;
    }
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      requested = true; // The end began at this very moment; the hook no longer holds it.
    }
  }
}
