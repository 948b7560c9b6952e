package dev.cocktail.kernels.blas;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.kernels.testing.HostLibraries;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CublasLocatorTest {
  @TempDir private Path root;
  private final Map<String, String> environment = new LinkedHashMap<>();
  private String named;

  private Path file(String path) {
    try {
      Path file = root.resolve(path);
      Files.createDirectories(file.getParent());
      return Files.writeString(file, path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private CublasLocator.Found find(int driverCuda) {
    return new CublasLocator(named, environment, root, root.resolve("home/user/cocktail/lib/kernels.jar"))
        .find(driverCuda);
  }

  private static List<Path> files(CublasLocator.Found found) {
    return found.usable().stream().map(CublasLocator.Candidate::file).toList();
  }

  @Test
  void nothingAnywhere() {
    CublasLocator.Found found = find(13);
    assertThat(found.candidates()).isEmpty();
    assertThat(CublasLoader.unavailableReason(found))
        .contains(
            "no cuBLAS", "looked in: nowhere", "pip install nvidia-cublas", "-Pcuda-libraries", "-Dcocktail.cublas");
    assertThat(CublasLoader.explain(found)).singleElement().asString().startsWith("cuBLAS: no cuBLAS");
  }

  @Test
  void lookedIntoButEmpty() throws IOException {
    Files.createDirectories(root.resolve("usr/local/cuda/lib64"));
    file("usr/lib/x86_64-linux-gnu/libcublasLt.so.12");
    assertThat(CublasLoader.unavailableReason(find(13)))
        .contains(root.resolve("usr/local/cuda/lib64").toString(), root.resolve("usr/lib/x86_64-linux-gnu").toString());
  }

  @Test
  void everyPlaceInItsOrder() {
    environment.put("LD_LIBRARY_PATH", ":" + root.resolve("path") + ":" + root.resolve("missing"));
    environment.put("CUDA_HOME", root.resolve("toolkit").toString());
    environment.put("CUDA_PATH", root.resolve("windows-like").toString());
    environment.put("VIRTUAL_ENV", root.resolve("venv").toString());
    environment.put("CONDA_PREFIX", root.resolve("conda").toString());
    environment.put("HOME", root.resolve("home/user").toString());
    file("conda/conda-meta/history");
    List<Path> expected =
        List.of(
            file("path/libcublas.so.12"),
            file("toolkit/lib64/libcublas.so.13"),
            file("windows-like/targets/x86_64-linux/lib/libcublas.so.12"),
            file("home/user/cocktail/target/cuda-libraries/libcublas.so.12"),
            file("usr/local/cuda-12.10/lib64/libcublas.so.12"),
            file("usr/local/cuda-12.9/lib64/libcublas.so.12"),
            file("usr/lib/x86_64-linux-gnu/libcublas.so.12"),
            file("venv/lib/python3.12/site-packages/nvidia/cublas/lib/libcublas.so.12"),
            file("venv/lib/python3.12/site-packages/nvidia/cu13/lib/libcublas.so.13"),
            file("conda/lib/libcublas.so.12"),
            file("home/user/.local/lib/python3.11/site-packages/nvidia/cublas/lib/libcublas.so.12"),
            file("home/user/.pyenv/versions/3.11.7/lib/python3.11/site-packages/nvidia/cublas/lib/libcublas.so.12"),
            file("usr/local/lib/python3.10/dist-packages/nvidia/cublas/lib/libcublas.so.12"),
            file("usr/lib/python3/dist-packages/nvidia/cublas/lib/libcublas.so.12"));
    assertThat(files(find(13))).containsExactlyElementsOf(expected);
  }

  @Test
  void theNewestThatTheDriverIsFor() {
    Path twelve = file("usr/lib64/libcublas.so.12");
    Path thirteen = file("usr/lib64/libcublas.so.13");
    file("usr/lib64/libcublas.so.11");
    assertThat(files(find(13))).containsExactly(thirteen, twelve);

    CublasLocator.Found found = find(12);
    assertThat(files(found)).containsExactly(twelve);
    assertThat(found.candidates())
        .filteredOn(candidate -> candidate.cuda() == 13)
        .singleElement()
        .satisfies(candidate ->
            assertThat(candidate.refusal())
                .isEqualTo("it belongs to CUDA 13, and the driver is for CUDA 12: update the driver"));
    assertThat(found.candidates())
        .filteredOn(candidate -> candidate.cuda() == 11)
        .singleElement()
        .satisfies(
            candidate -> assertThat(candidate.refusal()).isEqualTo("it belongs to CUDA 11, and 12 or newer is needed"));
  }

  @Test
  void oneFileOfSeveralNamesIsOneCandidate() throws IOException {
    Path real = file("usr/lib64/libcublas.so.12.6.4.1");
    Files.createSymbolicLink(root.resolve("usr/lib64/libcublas.so.12"), real);
    Files.createSymbolicLink(root.resolve("usr/lib64/libcublas.so"), root.resolve("usr/lib64/libcublas.so.12"));
    Files.createSymbolicLink(root.resolve("usr/lib64/libcublas.so.13"), root.resolve("gone"));
    file("usr/lib64/libcublas.so.old");
    file("usr/lib64/libcublasXt.so.12");
    Files.createDirectories(root.resolve("usr/lib64/libcublas.so.14"));
    assertThat(find(14).candidates())
        .singleElement()
        .satisfies(candidate -> {
          assertThat(candidate.cuda()).isEqualTo(12);
          assertThat(candidate.file().toRealPath()).isEqualTo(real.toRealPath());
        });
  }

  @Test
  void aNamedFileOrFolderIsTheOnlyPlace() {
    file("usr/lib64/libcublas.so.12");
    Path mine = file("mine/libcublas.so.13");
    named = root.resolve("mine").toString();
    assertThat(files(find(13))).containsExactly(mine);
    named = mine.toString();
    assertThat(files(find(13))).containsExactly(mine);
    named = file("mine/renamed.so").toString();
    assertThat(files(find(13))).containsExactly(Path.of(named));
    named = root.resolve("nowhere").toString();
    assertThat(files(find(13))).isEmpty();
    assertThat(CublasLoader.unavailableReason(find(13)))
        .contains(named, "there is no such file or folder", "-Dcocktail.cublas");
    named = root.resolve("usr").toString();
    assertThat(CublasLoader.unavailableReason(find(13))).contains("looked in: -Dcocktail.cublas=" + named);
  }

  @Test
  void whatDoesNotLoadIsRefusedWithTheSystemsReasonAndTheNextIsTaken() throws IOException {
    environment.put("LD_LIBRARY_PATH", root.resolve("broken") + ":" + root.resolve("alone"));
    file("broken/libcublas.so.14");
    Files.createDirectories(root.resolve("alone"));
    Files.createDirectories(root.resolve("good"));
    // Without what it rests on, and with it.
    Path good = HostLibraries.cublas(Files.createDirectories(root.resolve("opt/cuda/lib64")), 15);
    Files.copy(HostLibraries.cublas(root.resolve("good"), 14), root.resolve("alone/libcublas.so.14"));

    CublasLoader.Loaded loaded = CublasLoader.load(find(15));

    assertThat(loaded.path()).isEqualTo(good.toString());
    assertThat(loaded.library().provider()).isEqualTo("foreign-function calls");
    assertThat(loaded.refusals()).hasSize(2);
    assertThat(loaded.refusals().getFirst()).contains("broken/libcublas.so.14 (LD_LIBRARY_PATH): ", "file too short");
    assertThat(loaded.refusals().getLast()).contains("alone/libcublas.so.14", "libcublasLt.so.14: cannot open");
    assertThat(CublasLoader.explain(find(15)))
        .hasSize(3)
        .first()
        .isEqualTo("cuBLAS: " + good + " through foreign-function calls");
  }
}
