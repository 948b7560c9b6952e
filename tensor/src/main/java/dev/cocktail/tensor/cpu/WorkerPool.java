package dev.cocktail.tensor.cpu;

import static java.util.Objects.requireNonNull;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;

/**
 * A fixed set of threads that share the tasks of one parallel region after another. The calling thread works too, so a
 * pool of N threads owns N - 1 of them; a pool of one runs everything where it was called.
 *
 * <p>Tasks are claimed one by one, in ascending order, by whoever is free: which thread runs a task is open, so a
 * result must depend on the task's number only. Waiting threads spin for a moment, because the regions of a training
 * step follow each other within microseconds, and then park, because the machine may have other work.
 */
public final class WorkerPool implements AutoCloseable {
  private static final long SPIN_NANOS = 30_000;
  private static final int SPINS_PER_LOOK_AT_CLOCK = 32;

  private final Worker[] workers;
  private final AtomicReference<Thread> driver = new AtomicReference<>();
  private volatile Region current;
  private volatile boolean closed;

  /**
   * A pool of the given size.
   *
   * @param threads how many threads run tasks, the caller's own included; at least 1
   */
  public WorkerPool(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("a pool needs at least one thread, not " + threads);
    }
    workers = new Worker[threads - 1];
    for (int i = 0; i < workers.length; i++) {
      workers[i] = new Worker("cocktail-cpu-" + (i + 1));
      workers[i].start();
    }
  }

  /** How many threads run tasks, the caller's own included. */
  public int threads() {
    return workers.length + 1;
  }

  /**
   * Runs {@code task} for every number in [0, tasks) and returns when all are done; what they wrote is visible to the
   * caller. Called from inside a task, or while another thread uses the pool, everything runs on the calling thread.
   *
   * <p>When a task throws, tasks not yet begun are left out and the first exception is thrown here.
   */
  public void run(int tasks, IntConsumer task) {
    requireNonNull(task, "task");
    if (closed) {
      throw new IllegalStateException("the pool is closed");
    }
    if (tasks <= 1 || workers.length == 0 || !driver.compareAndSet(null, Thread.currentThread())) {
      for (int i = 0; i < tasks; i++) {
        task.accept(i);
      }
      return;
    }
    Region region = new Region(tasks, task);
    try {
      current = region;
      int helpers = Math.min(workers.length, tasks - 1);
      for (int i = 0; i < helpers; i++) {
        workers[i].wake();
      }
      region.work();
      region.await();
    } finally {
      driver.set(null);
    }
    region.rethrow();
  }

  /** Ends the threads; waits for them. */
  @Override
  public void close() {
    closed = true;
    for (Worker worker : workers) {
      LockSupport.unpark(worker);
    }
    boolean interrupted = false;
    for (Worker worker : workers) {
      while (worker.isAlive()) {
        try {
          worker.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** One call of {@link #run}. A worker that comes late finds nothing left to claim, so nobody has to wait for it. */
  private static final class Region {
    private final int tasks;
    private final IntConsumer task;
    private final AtomicInteger claimed = new AtomicInteger();
    private final AtomicInteger finished = new AtomicInteger();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private volatile Thread waiting;

    Region(int tasks, IntConsumer task) {
      this.tasks = tasks;
      this.task = task;
    }

    void work() {
      int done = 0;
      for (int i = claimed.getAndIncrement(); i < tasks; i = claimed.getAndIncrement()) {
        if (failure.get() == null) {
          try {
            task.accept(i);
          } catch (Throwable e) {
            failure.compareAndSet(null, e);
          }
        }
        done++;
      }
      if (done > 0 && finished.addAndGet(done) == tasks) {
        Thread waiter = waiting;
        if (waiter != null) {
          LockSupport.unpark(waiter);
        }
      }
    }

    void await() {
      if (spinUntilFinished()) {
        return;
      }
      waiting = Thread.currentThread();
      boolean interrupted = false;
      while (finished.get() < tasks) {
        LockSupport.park(this);
        // A region always ends; an interrupt is kept for whoever waits for something that may not.
        interrupted |= Thread.interrupted();
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }

    private boolean spinUntilFinished() {
      long end = 0;
      while (true) {
        for (int i = 0; i < SPINS_PER_LOOK_AT_CLOCK; i++) {
          if (finished.get() == tasks) {
            return true;
          }
          Thread.onSpinWait();
        }
        long now = System.nanoTime();
        end = end == 0 ? now + SPIN_NANOS : end;
        if (now - end >= 0) {
          return false;
        }
      }
    }

    void rethrow() {
      switch (failure.get()) {
        case null -> {}
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        case Throwable e -> throw new IllegalStateException(e);
      }
    }
  }

  private final class Worker extends Thread {
    private volatile boolean parked;

    Worker(String name) {
      super(name);
      setDaemon(true);
    }

    void wake() {
      if (parked) {
        LockSupport.unpark(this);
      }
    }

    @Override
    public void run() {
      Region last = null;
      while (true) {
        Region next = await(last);
        if (next == null) {
          return;
        }
        next.work();
        last = next;
      }
    }

    /** The next region after the given one, or null when the pool is closed. */
    private Region await(Region last) {
      long end = 0;
      while (true) {
        for (int i = 0; i < SPINS_PER_LOOK_AT_CLOCK; i++) {
          Region next = current;
          if (next != last) {
            return next;
          }
          Thread.onSpinWait();
        }
        if (closed) {
          return null;
        }
        long now = System.nanoTime();
        end = end == 0 ? now + SPIN_NANOS : end;
        if (now - end >= 0) {
          break;
        }
      }
      // "parked" is set before "current" is read again, and run() writes "current" before it reads "parked":
      // one of the two sees the other, so no region is slept through.
      parked = true;
      try {
        while (current == last && !closed) {
          LockSupport.park(WorkerPool.this);
        }
      } finally {
        parked = false;
      }
      return closed ? null : current;
    }
  }
}
