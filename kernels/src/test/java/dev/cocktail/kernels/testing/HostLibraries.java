package dev.cocktail.kernels.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * NVIDIA's libraries on the host's memory, compiled from {@code src/test/c} when a test asks: so that the very calls
 * that go to a GPU are made where there is none. Tests are skipped where there is no C compiler.
 */
public final class HostLibraries {
  private static final Path SOURCES = Path.of("src/test/c");

  private HostLibraries() {}

  /** The driver, as {@code libcuda.so.1} in a folder. */
  public static Path driver(Path folder) {
    Path library = folder.resolve("libcuda.so.1");
    compile(List.of("-Wl,-soname,libcuda.so.1", "-o", library.toString(), source("host_cuda.c")));
    return library;
  }

  /** cuBLAS of a CUDA in a folder, with what it rests on beside it, under the names that NVIDIA gives them. */
  public static Path cublas(Path folder, int cuda) {
    String define = "-DCUDA_MAJOR=" + cuda;
    Path lightweight = folder.resolve("libcublasLt.so." + cuda);
    Path library = folder.resolve("libcublas.so." + cuda);
    Path symbols = folder.resolve("symbols-" + cuda);
    try {
      // JCublas asks for symbols of this version.
      Files.writeString(symbols, "libcublas.so.%d { global: cublas*; local: *; };%n".formatted(cuda));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    compile(
        List.of(
            define,
            "-Wl,-soname," + lightweight.getFileName(),
            "-o",
            lightweight.toString(),
            source("host_cublas_lt.c")));
    compile(
        List.of(
            define,
            "-Wl,-soname," + library.getFileName(),
            "-Wl,--version-script=" + symbols,
            "-o",
            library.toString(),
            source("host_cublas.c"),
            lightweight.toString()));
    return library;
  }

  private static String source(String name) {
    return SOURCES.resolve(name).toString();
  }

  private static void compile(List<String> arguments) {
    List<String> command = new ArrayList<>(List.of("gcc", "-O1", "-fPIC", "-shared"));
    command.addAll(arguments);
    Outcome outcome;
    try {
      outcome = run(command, Map.of());
    } catch (IOException e) {
      assumeTrue(false, "no C compiler: " + e.getMessage());
      throw new AssertionError(e);
    }
    assertThat(outcome.exitCode()).as("%s: %s", command, outcome.output()).isZero();
  }

  /** What a process did; its outputs are one. */
  public record Outcome(int exitCode, String output) {}

  /**
   * Runs a class of the tests in a JVM of its own, so that libraries loaded there are not loaded here.
   *
   * @param environment added to this process's, without its library path
   */
  public static Outcome run(Class<?> main, Map<String, String> environment, List<String> options, String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "--illegal-native-access=deny",
                "-XX:+UseSerialGC",
                "-Xmx512m",
                "-cp",
                System.getProperty("java.class.path")));
    command.addAll(options);
    command.add(main.getName());
    command.addAll(List.of(arguments));
    try {
      return run(command, environment);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Outcome run(List<String> command, Map<String, String> environment) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    for (String variable : List.of("LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES")) {
      builder.environment().remove(variable);
    }
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    try {
      String output = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
      if (!process.waitFor(120, TimeUnit.SECONDS)) {
        throw new IllegalStateException("still running: " + command);
      }
      return new Outcome(process.exitValue(), output);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    } finally {
      process.destroyForcibly();
    }
  }
}
