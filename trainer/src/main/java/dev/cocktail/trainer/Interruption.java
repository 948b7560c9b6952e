package dev.cocktail.trainer;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * Turns an interrupt from outside (Ctrl-C, a termination signal) into a question that a long work asks between its
 * steps. Until it is closed, the virtual machine waits with its end, so that the work can be saved; a second interrupt
 * ends it at once:
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

  /** What shells say of a program that SIGINT ended. */
  private static final int EXIT_CODE = 130;

  private static volatile boolean ending;

  private final CountDownLatch finished = new CountDownLatch(1);
  private final Thread watcher = Thread.currentThread();
  private final Thread hook = new Thread(this::holdTheEnd, "interruption");
  private final Runnable told;
  private volatile boolean requested;

  private Interruption(Runnable told) {
    this.told = told;
  }

  /** Starts watching; the owner closes it when there is nothing left to save. */
  public static Interruption watch() {
    return watch(() -> {});
  }

  /**
   * Starts watching.
   *
   * @param told run at once when the interrupt comes, on another thread, so that the user hears that it was noticed
   */
  public static Interruption watch(Runnable told) {
    var interruption = new Interruption(told);
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
    haltOnTheNextSignal();
    told.run();
    try {
      finished.await();
      watcher.join(LAST_WORDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * A user who asks again does not want to wait for what is being saved; every file is whole at any moment. Java has no
   * public way to hear of signals, so where this one is missing, another signal changes nothing.
   */
  private static void haltOnTheNextSignal() {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object halting =
          Proxy.newProxyInstance(
              Interruption.class.getClassLoader(),
              new Class<?>[] {handler},
              (_, method, _) -> {
                if (method.getName().equals("handle")) {
                  Runtime.getRuntime().halt(EXIT_CODE);
                }
                return null;
              });
      Method handle = signal.getMethod("handle", signal, handler);
      for (String name : List.of("INT", "TERM")) {
        handle.invoke(null, signal.getConstructor(String.class).newInstance(name), halting);
      }
    } catch (ReflectiveOperationException | IllegalArgumentException _) {
      // As described.
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
