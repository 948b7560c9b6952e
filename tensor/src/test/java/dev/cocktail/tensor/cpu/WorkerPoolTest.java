package dev.cocktail.tensor.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class WorkerPoolTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8})
  void everyTaskRunsOnceInEachOfManyRegions(int threads) {
    try (WorkerPool pool = new WorkerPool(threads)) {
      assertThat(pool.threads()).isEqualTo(threads);
      for (int tasks = 0; tasks < 300; tasks++) {
        AtomicIntegerArray runs = new AtomicIntegerArray(tasks);
        pool.run(tasks, runs::incrementAndGet);
        for (int i = 0; i < tasks; i++) {
          assertThat(runs.get(i)).as("task %d of %d", i, tasks).isEqualTo(1);
        }
      }
    }
  }

  @Test
  void plainWritesOfTasksAreVisibleToTheCaller() {
    int[] values = new int[64];
    try (WorkerPool pool = new WorkerPool(3)) {
      for (int round = 1; round <= 2_000; round++) {
        pool.run(values.length, i -> values[i]++);
        for (int value : values) {
          assertThat(value).isEqualTo(round);
        }
      }
    }
  }

  @Test
  void tasksRunOnAllThreadsAtOnce() {
    Set<Thread> threads = ConcurrentHashMap.newKeySet();
    CountDownLatch all = new CountDownLatch(3);
    try (WorkerPool pool = new WorkerPool(3)) {
      pool.run(
          3,
          i -> {
            threads.add(Thread.currentThread());
            all.countDown();
            awaitQuietly(all);
          });
    }
    assertThat(threads).hasSize(3).contains(Thread.currentThread());
  }

  @Test
  void parkedWorkersWakeUp() throws InterruptedException {
    try (WorkerPool pool = new WorkerPool(2)) {
      for (int round = 0; round < 5; round++) {
        Thread.sleep(5);
        CountDownLatch both = new CountDownLatch(2);
        pool.run(
            2,
            i -> {
              both.countDown();
              awaitQuietly(both);
            });
      }
    }
  }

  @Test
  void regionsInsideTasksRunWhereTheyAreCalled() {
    AtomicInteger inner = new AtomicInteger();
    try (WorkerPool pool = new WorkerPool(2)) {
      pool.run(
          4,
          i -> {
            Thread here = Thread.currentThread();
            pool.run(
                5,
                j -> {
                  assertThat(Thread.currentThread()).isSameAs(here);
                  inner.incrementAndGet();
                });
          });
    }
    assertThat(inner).hasValue(20);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void aFailingTaskFailsTheRegionAndLeavesThePoolUsable(int threads) {
    try (WorkerPool pool = new WorkerPool(threads)) {
      for (int round = 0; round < 20; round++) {
        assertThatThrownBy(() ->
                pool.run(
                    50,
                    i -> {
                      if (i == 7) {
                        throw new IllegalArgumentException("seven");
                      }
                    }))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage("seven");
        AtomicInteger runs = new AtomicInteger();
        pool.run(9, i -> runs.incrementAndGet());
        assertThat(runs).hasValue(9);
      }
    }
  }

  @Test
  void closingEndsTheThreadsAndRefusesWork() {
    Set<Thread> threads = ConcurrentHashMap.newKeySet();
    WorkerPool pool = new WorkerPool(2);
    CountDownLatch both = new CountDownLatch(2);
    pool.run(
        2,
        i -> {
          threads.add(Thread.currentThread());
          both.countDown();
          awaitQuietly(both);
        });
    pool.close();
    pool.close();
    threads.remove(Thread.currentThread());
    assertThat(threads).hasSize(1).noneMatch(Thread::isAlive);
    assertThatThrownBy(() -> pool.run(1, i -> {})).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> new WorkerPool(0)).isInstanceOf(IllegalArgumentException.class);
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
