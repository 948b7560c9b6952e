package dev.cocktail.kernels.blas;

import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.kernels.driver.GpuException;
import dev.cocktail.kernels.driver.NativeLibrary;
import dev.cocktail.kernels.driver.NativeLibrary.UnavailableException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Loads the first cuBLAS that can be loaded: CUDA 12's through JCublas, which is made for it, any other through the
 * JDK's foreign-function interface.
 */
public final class CublasLoader {
  /** The CUDA whose cuBLAS JCublas is linked with. */
  private static final int CUDA_OF_JCUBLAS = 12;

  private static final int FIRST_PLACES = 12;

  /**
   * The outcome of loading: a library, or none.
   *
   * @param library null when no candidate could be loaded
   * @param path of the library, or an empty string
   * @param refusals what was refused before it, or all, each with its reason
   * @param places where it was looked
   */
  record Loaded(CublasLibrary library, String path, List<String> refusals, List<String> places) {}

  private CublasLoader() {}

  static Loaded load(CublasLocator.Found found) {
    List<String> refusals = new ArrayList<>();
    for (CublasLocator.Candidate candidate : found.candidates()) {
      String reason = candidate.refusal();
      if (reason.isEmpty()) {
        try {
          return new Loaded(load(candidate, refusals), candidate.file().toString(), refusals, found.places());
        } catch (UnavailableException e) {
          reason = e.getMessage();
        }
      }
      refusals.add("%s (%s): %s".formatted(candidate.file(), candidate.place(), reason));
    }
    return new Loaded(null, "", refusals, found.places());
  }

  private static CublasLibrary load(CublasLocator.Candidate candidate, List<String> notes) throws UnavailableException {
    Path beside = lightweight(candidate.file());
    if (Files.exists(beside)) {
      NativeLibrary.open(beside.toString()); // The library needs it by name, and finds it loaded.
    }
    NativeLibrary library = NativeLibrary.open(candidate.file().toString());
    if (candidate.cuda() == CUDA_OF_JCUBLAS) {
      try {
        return new JCublas(library);
      } catch (UnavailableException e) {
        notes.add("JCublas with %s: %s".formatted(candidate.file(), e.getMessage()));
      }
    }
    return new ForeignCublas(library);
  }

  /** The library that cuBLAS rests on, where it lies beside: {@code libcublasLt.so.12}. */
  private static Path lightweight(Path file) {
    String name = file.getFileName().toString().replace("libcublas.", "libcublasLt.");
    return file.resolveSibling(name);
  }

  /**
   * Products on a GPU.
   *
   * @throws GpuException when there is no library that loads and starts, with all that was refused and why
   */
  public static Blas open(CublasLocator.Found found, GpuDriver driver) {
    Loaded loaded = load(found);
    if (loaded.library == null) {
      throw new GpuException(missing(found, loaded.refusals));
    }
    try {
      return new Cublas(loaded.library, loaded.path, driver);
    } catch (GpuException e) {
      throw new GpuException(
          "cuBLAS %s does not start on cuda:%d: %s".formatted(loaded.path, driver.info().ordinal(), e.getMessage()), e);
    }
  }

  /** What to tell when no candidate can even be tried; an empty string when one can. */
  public static String unavailableReason(CublasLocator.Found found) {
    if (!found.usable().isEmpty()) {
      return "";
    }
    List<String> refusals =
        found.candidates().stream()
            .map(candidate -> "%s (%s): %s".formatted(candidate.file(), candidate.place(), candidate.refusal()))
            .toList();
    return missing(found, refusals);
  }

  private static String missing(CublasLocator.Found found, List<String> refusals) {
    String what =
        refusals.isEmpty()
            ? "no cuBLAS (libcublas.so.12 or newer) was found; looked in: " + places(found)
            : "no cuBLAS can be used: " + String.join("; ", refusals);
    return what
        + "; get it with 'pip install nvidia-cublas-cu12' (for CUDA 13: nvidia-cublas) or 'mvn -N -Pcuda-libraries"
        + " generate-resources', or if it is elsewhere name it by -D"
        + CublasLocator.PROPERTY
        + "=FILE_OR_FOLDER (in COCKTAIL_OPTS)";
  }

  private static String places(CublasLocator.Found found) {
    List<String> places = found.places();
    if (places.size() <= FIRST_PLACES) {
      return places.isEmpty() ? "nowhere" : String.join(", ", places);
    }
    int more = places.size() - FIRST_PLACES;
    return String.join(", ", places.subList(0, FIRST_PLACES)) + " and %d more folders".formatted(more);
  }

  /** Loads, to say which library would be used and which were refused: one line each, for people. */
  public static List<String> explain(CublasLocator.Found found) {
    Loaded loaded = load(found);
    List<String> lines = new ArrayList<>();
    if (loaded.library != null) {
      lines.add("cuBLAS: %s through %s".formatted(loaded.path, loaded.library.provider()));
      loaded.refusals.forEach(refusal -> lines.add("cuBLAS refused: " + refusal));
    } else {
      lines.add("cuBLAS: " + missing(found, loaded.refusals));
    }
    return lines;
  }
}
