package dev.cocktail.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The PTX that ships is what {@code compile-ptx} makes of the sources beside it. */
class CompiledKernelsTest {
  private static final Pattern INSTRUCTION =
      Pattern.compile("^\\s+(?:\\{ *)?(?:@!?%p\\d+ +)?([a-z][\\w.:]*)", Pattern.MULTILINE);
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
   * Where the compiler that made the shipped code is at hand, it must make the same instructions. Their order may
   * differ: the compiler orders equal choices by, among other things, the path of the sources.
   */
  @Test
  void isWhatTheCompilerMakes(@TempDir Path folder) throws Exception {
    String nvcc = System.getenv().getOrDefault("NVCC", "nvcc");
    String here = versionOf(nvcc);
    Assumptions.assumeTrue(here != null, "skipped: there is no nvcc to compile the CUDA sources with");
    String there = first(COMPILER, PtxFiles.text(compiled().findFirst().orElseThrow()));
    Assumptions.assumeTrue(here.equals(there), "skipped: nvcc is " + here + ", the shipped code was made by " + there);
    compile(folder);
    for (Path ptx : compiled().toList()) {
      assertThat(instructions(folder.resolve(ptx.getFileName())))
          .as("%s has the instructions that compile-ptx makes of its source", ptx)
          .isEqualTo(instructions(ptx));
    }
  }

  /** How often each instruction occurs, its operands left out. */
  private static Map<String, Long> instructions(Path ptx) {
    return INSTRUCTION
        .matcher(PtxFiles.text(ptx))
        .results()
        .collect(Collectors.groupingBy(found -> found.group(1), TreeMap::new, Collectors.counting()));
  }

  private static void compile(Path folder) throws Exception {
    var builder = new ProcessBuilder("./compile-ptx").redirectErrorStream(true);
    // From here, not from the folder of the sources.
    builder.environment().put("OUT", Path.of("").toAbsolutePath().relativize(folder.toAbsolutePath()).toString());
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
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
