package dev.cocktail.trainer;

import java.util.concurrent.CountDownLatch;

/**
 * Turns an interrupt from outside (Ctrl-C, a termination signal) into a question that a long work asks between its
 * steps. Until it is closed, the virtual machine waits with its end, so that the work can be saved:
 *
 * <pre>{@code
 * try (var interruption = Interruption.watch()) {
 *   for (...) {
 *     step();
 *     if (interruption.requested()) {
 *       save();
 *       throw new InterruptedRunException("saved ...");
 *     }
 *   }
 * }
 * }</pre>
 */
public final class Interruption implements AutoCloseable {
  private final CountDownLatch finished = new CountDownLatch(1);
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

  private void holdTheEnd() {
    requested = true;
    try {
      finished.await();
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
