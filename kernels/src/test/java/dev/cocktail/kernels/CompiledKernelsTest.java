package dev.cocktail.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The PTX that ships is what {@code compile-ptx} makes of the sources beside it. */
class CompiledKernelsTest {
  private static final int ATTEMPTS = 4;
  private static final Pattern SOURCES = Pattern.compile("sources ([0-9a-f]{64})");
  private static final Pattern COMPILER = Pattern.compile("Cuda compilation tools, release [^\n]*, V([0-9.]+)");

  static Stream<Path> compiled() {
    return PtxFiles.files(PtxFiles.COMPILED, ".ptx").stream();
  }

  @Test
  void everySourceHasItsCodeAndTheOtherWayRound() {
    List<String> sources = PtxFiles.files(PtxFiles.SOURCES, ".cu").stream().map(PtxFiles::stem).toList();
    assertThat(compiled().map(PtxFiles::stem)).isNotEmpty().containsExactlyElementsOf(sources);
  }

  @ParameterizedTest
  @MethodSource("compiled")
  void namesTheSourcesItWasMadeFrom(Path ptx) {
    Matcher stated = SOURCES.matcher(PtxFiles.text(ptx));
    assertThat(stated.find()).as("%s states the digest of its sources", ptx).isTrue();
    assertThat(stated.group(1))
        .as("%s was made from older sources: run kernels/compile-ptx and commit the result", ptx)
        .isEqualTo(digestOfSources(PtxFiles.stem(ptx)));
  }

  @ParameterizedTest
  @MethodSource("compiled")
  void suitsEveryDriverFromCuda12On(Path ptx) {
    assertThat(PtxFiles.text(ptx)).contains("\n.version 8.0\n", "\n.target sm_80\n", "\n.address_size 64\n");
  }

  /**
   * Where the compiler that made the shipped code is at hand, its output must be that code, byte for byte. On systems
   * that do not let memory be placed alike in every run, it now and then orders equal choices otherwise, so a file that
   * differs is compiled again.
   */
  @Test
  void isWhatTheCompilerMakes(@TempDir Path folder) throws Exception {
    String nvcc = System.getenv().getOrDefault("NVCC", "nvcc");
    String here = versionOf(nvcc);
    Assumptions.assumeTrue(here != null, "skipped: there is no nvcc to compile the CUDA sources with");
    String there = first(COMPILER, PtxFiles.text(compiled().findFirst().orElseThrow()));
    Assumptions.assumeTrue(here.equals(there), "skipped: nvcc is " + here + ", the shipped code was made by " + there);
    compile(folder, List.of());
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      List<String> others = differing(folder);
      if (others.isEmpty()) {
        return;
      }
      compile(folder, others.stream().map(stem -> stem + ".cu").toList());
    }
    assertThat(differing(folder)).as("code that compile-ptx does not make of its sources").isEmpty();
  }

  private static void compile(Path folder, List<String> sources) throws Exception {
    List<String> command = new ArrayList<>(List.of("./compile-ptx"));
    command.addAll(sources);
    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("OUT", folder.toAbsolutePath().toString());
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
  }

  private static List<String> differing(Path folder) {
    return compiled()
        .filter(ptx -> !PtxFiles.text(ptx).equals(PtxFiles.text(folder.resolve(ptx.getFileName()))))
        .map(PtxFiles::stem)
        .toList();
  }

  private static String versionOf(String nvcc) throws InterruptedException {
    try {
      Process process = new ProcessBuilder(nvcc, "--version").redirectErrorStream(true).start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return process.waitFor(1, TimeUnit.MINUTES) && process.exitValue() == 0 ? first(COMPILER, output) : null;
    } catch (IOException e) {
      return null;
    }
  }

  private static String first(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    return matcher.find() ? matcher.group(1) : null;
  }

  private static String digestOfSources(String stem) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (Path header : PtxFiles.files(PtxFiles.SOURCES, ".cuh")) {
        digest.update(Files.readAllBytes(header));
      }
      digest.update(Files.readAllBytes(PtxFiles.SOURCES.resolve(stem + ".cu")));
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException | IOException e) {
      throw new AssertionError(e);
    }
  }
}
