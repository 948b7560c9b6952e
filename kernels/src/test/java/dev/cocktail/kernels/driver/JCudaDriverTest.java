package dev.cocktail.kernels.driver;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.kernels.testing.HostLibraries;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** JCuda's native library and the foreign-function calls, against a strict driver on the host's memory. */
class JCudaDriverTest {
  @TempDir private static Path folder;

  @BeforeAll
  static void compile() {
    HostLibraries.driver(folder);
  }

  private static String run(Map<String, String> machine, List<String> options, String... scenario) {
    Map<String, String> environment = new LinkedHashMap<>(machine);
    environment.put("LD_LIBRARY_PATH", folder.toString());
    HostLibraries.Outcome outcome = HostLibraries.run(DriverScenarios.class, environment, options, scenario);
    assertThat(outcome.exitCode()).as(outcome.output()).isZero();
    assertThat(outcome.output()).endsWith("scenario done\n");
    return outcome.output().lines().filter(line -> !line.contains("incubator")).findFirst().orElse("");
  }

  @Test
  void copiesLaunchesAndEventsFromAnyThread() {
    // Nothing but the last line: JCuda does not print, and neither does the JVM about native access.
    assertThat(run(Map.of(), List.of(), "computes")).isEqualTo("scenario done");
  }

  @Test
  void memoryIsMappedAsItIsNeeded() {
    run(Map.of("HOST_CUDA_MEMORY", "" + (8L << 20)), List.of(), "memory");
  }

  @Test
  void withoutVirtualMemoryOneAllocationDoes() {
    run(Map.of("HOST_CUDA_VIRTUAL_MEMORY", "0"), List.of(), "whole-memory");
  }

  @Test
  void codeAndSharedMemory() {
    run(Map.of(), List.of(), "code");
  }

  @Test
  void aFaultIsToldAsEarlierWorkOrWithItsKernelWhenBlocking() {
    run(Map.of(), List.of(), "fault");
    run(Map.of(), List.of("-Dcocktail.cuda.blocking=true"), "fault");
  }

  @Test
  void aLostGpuFailsEveryCallAndCrashesNothing() {
    run(Map.of(), List.of(), "lost");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0 | 0 | opened Host GPU 0",
        "1 | 0 | refused: there is no cuda:1; this machine has one GPU, cuda:0",
        "0 | 2 | refused: cuda:0 cannot be opened: CUDA_ERROR_OUT_OF_MEMORY (out of memory): its memory is full; end",
        "0 | 46 | refused: cuda:0 cannot be opened: CUDA_ERROR_DEVICE_UNAVAILABLE (CUDA-capable device(s) is/are busy"
            + " or unavailable): another program has it for itself (exclusive compute mode); end that program",
      })
  void openingSaysTheCauseAndTheWayOut(String ordinal, String code, String says) {
    assertThat(run(Map.of("HOST_CUDA_RETAIN", code), List.of(), "open", ordinal)).startsWith(says);
  }
}
