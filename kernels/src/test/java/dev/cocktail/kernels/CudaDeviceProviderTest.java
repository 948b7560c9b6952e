package dev.cocktail.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.kernels.testing.HostLibraries;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What users are told on machines of every kind, acted by libraries on the host's memory. */
class CudaDeviceProviderTest {
  @TempDir private static Path folder;
  private static Path driver;
  private static Path twelve;
  private static Path thirteen;
  private static Path nothing;

  @BeforeAll
  static void compile() throws IOException {
    driver = Files.createDirectories(folder.resolve("driver"));
    twelve = Files.createDirectories(folder.resolve("twelve"));
    thirteen = Files.createDirectories(folder.resolve("thirteen"));
    nothing = Files.createDirectories(folder.resolve("nothing"));
    HostLibraries.driver(driver);
    HostLibraries.cublas(twelve, 12);
    HostLibraries.cublas(thirteen, 13);
  }

  /** Runs on a machine with the driver, whose cuBLAS is in a folder and nowhere else. */
  private static List<String> run(Path cublas, Map<String, String> machine, String device, String precision) {
    Map<String, String> environment = new LinkedHashMap<>(machine);
    environment.putIfAbsent("LD_LIBRARY_PATH", driver.toString());
    HostLibraries.Outcome outcome =
        HostLibraries.run(
            ProviderScenario.class, environment, List.of("-Dcocktail.cublas=" + cublas), device, precision);
    assertThat(outcome.exitCode()).as(outcome.output()).isZero();
    return outcome.output().lines().filter(line -> !line.contains("incubator")).toList();
  }

  private static String only(List<String> lines, String start) {
    List<String> found = lines.stream().filter(line -> line.startsWith(start)).toList();
    assertThat(found).as("%s in %s", start, lines).hasSize(1);
    return found.getFirst();
  }

  @Test
  void withoutADriverNothingIsLoadedAndTheCpuTakesOver() {
    Assumptions.assumeFalse(Files.exists(Path.of("/proc/driver/nvidia/version")), "this machine has a driver");
    List<String> lines = run(nothing, Map.of("LD_LIBRARY_PATH", nothing.toString()), "auto", "auto");
    assertThat(lines).noneMatch(line -> line.startsWith("available"));
    assertThat(only(lines, "reason: ")).contains("no NVIDIA driver: libcuda.so.1: cannot open", "install its driver");
    assertThat(lines).anyMatch(line -> line.startsWith("told: device cuda not used: no NVIDIA driver"));
    assertThat(only(lines, "opened ")).startsWith("opened cpu for F32");
    assertThat(only(lines, "natives")).isEqualTo("natives of JCuda: 0");

    List<String> named = run(nothing, Map.of("LD_LIBRARY_PATH", nothing.toString()), "cuda", "auto");
    assertThat(only(named, "refused: ")).startsWith("refused: device cuda cannot be used: no NVIDIA driver");
  }

  @Test
  void twelveThroughJCublas() {
    List<String> lines = run(twelve, Map.of(), "auto", "auto");
    assertThat(only(lines, "available: ")).isEqualTo("available: cuda:0: Host GPU 0, compute capability 8.0, 1.0 GiB");
    assertThat(only(lines, "reason: ")).isEqualTo("reason: ");
    assertThat(lines)
        .contains("detail: cuBLAS: " + twelve.resolve("libcublas.so.12") + " through JCublas", "copied: -1")
        .anyMatch(line -> line.matches("detail: NVIDIA driver.* for CUDA 12.4"));
    assertThat(only(lines, "opened "))
        .isEqualTo(
            "opened cuda:0 for BF16: Host GPU 0, compute capability 8.0, 1.0 GiB, BF16 activations, cuBLAS 12.3.4 ("
                + twelve.resolve("libcublas.so.12")
                + " through JCublas)");
    assertThat(only(lines, "natives")).isEqualTo("natives of JCuda: 2");
  }

  @Test
  void thirteenThroughForeignFunctionCallsInEitherPrecision() {
    Map<String, String> machine = Map.of("HOST_CUDA_VERSION", "13000", "HOST_CUDA_VIRTUAL_MEMORY", "0");
    List<String> lines = run(thirteen, machine, "cuda", "f32");
    assertThat(only(lines, "opened "))
        .startsWith("opened cuda:0 for F32: ")
        .contains("F32 activations", "cuBLAS 13.3.4", "through foreign-function calls", "no virtual memory");
    assertThat(lines).contains("copied: -1", "natives of JCuda: 1");
    assertThat(only(run(thirteen, machine, "cuda:0", "bf16"), "opened ")).startsWith("opened cuda:0 for BF16: ");
  }

  @Test
  void aLibraryOfANewerCudaThanTheDriver() {
    List<String> lines = run(thirteen, Map.of(), "cuda", "auto");
    assertThat(only(lines, "reason: "))
        .contains("no cuBLAS can be used", "libcublas.so.13", "the driver is for CUDA 12: update the driver");
    assertThat(only(lines, "refused: ")).startsWith("refused: device cuda cannot be used: no cuBLAS");
    assertThat(lines).anyMatch(line -> line.startsWith("detail: cuda:0: Host GPU 0"));
  }

  @Test
  void noCublas() {
    List<String> lines = run(nothing, Map.of(), "auto", "auto");
    assertThat(only(lines, "reason: "))
        .contains("no cuBLAS (libcublas.so.12 or newer) was found", "looked in: -Dcocktail.cublas=", "pip install");
    assertThat(only(lines, "opened ")).startsWith("opened cpu");
  }

  @Test
  void aDriverThatIsTooOldAndDoesNotStart() {
    assertThat(only(run(twelve, Map.of("HOST_CUDA_VERSION", "11080"), "cuda", "auto"), "reason: "))
        .contains("for CUDA 11.8 is too old", "CUDA 12.0", "install driver 525 or newer");
    assertThat(only(run(twelve, Map.of("HOST_CUDA_INIT", "803"), "cuda", "auto"), "reason: "))
        .contains("does not start: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "restart the machine");
  }

  @Test
  void noGpuOrAnOldOne() {
    Map<String, String> hidden = Map.of("HOST_CUDA_DEVICES", "0", "CUDA_VISIBLE_DEVICES", "-1");
    assertThat(only(run(twelve, hidden, "cuda", "auto"), "reason: "))
        .contains("no GPU", "CUDA_VISIBLE_DEVICES is '-1'");
    List<String> old = run(twelve, Map.of("HOST_CUDA_CAPABILITY", "75"), "cuda", "auto");
    assertThat(only(old, "reason: ")).contains("compute capability 7.5, and 8.0 (Ampere, 2020) or newer is needed");
    assertThat(old).noneMatch(line -> line.startsWith("available")).anyMatch(line -> line.contains("cuda:0 refused"));
  }

  @Test
  void aBadOrdinalAndATakenGpu() {
    assertThat(only(run(twelve, Map.of("HOST_CUDA_DEVICES", "3"), "cuda:3", "auto"), "refused: "))
        .isEqualTo("refused: there is no cuda:3; this machine has cuda:0 to cuda:2");
    assertThat(only(run(twelve, Map.of("HOST_CUDA_DEVICES", "2", "HOST_CUDA_RETAIN", "46"), "cuda", "auto"), "refused"))
        .contains("none of the 2 cuda devices", "cuda:0 cannot be opened", "cuda:1 cannot be opened");
    assertThat(only(run(twelve, Map.of("HOST_CUDA_RETAIN", "46"), "cuda", "auto"), "refused: "))
        .contains("cuda:0 cannot be opened", "exclusive compute mode");
    List<String> full = run(twelve, Map.of("HOST_CUDA_MEMORY", "" + (16 << 20)), "cuda", "auto");
    assertThat(only(full, "refused: ")).contains("cuda:0 cannot be used", "out of GPU memory: 33,554,432 bytes");
    List<String> broken = run(twelve, Map.of("HOST_CUBLAS_CREATE", "1"), "auto", "auto");
    assertThat(broken)
        .anyMatch(line ->
            line.startsWith("told: device cuda not used: cuda:0 cannot be used: cuBLAS")
                && line.contains("does not start on cuda:0: cublasCreate: CUBLAS_STATUS_NOT_INITIALIZED"));
    assertThat(only(broken, "opened ")).startsWith("opened cpu");
  }
}
