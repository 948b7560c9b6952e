package dev.cocktail.kernels.blas;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Looks for cuBLAS where people have it: named outright by system property {@code cocktail.cublas} (a file or a
 * folder), on the library path, in the CUDA toolkit, unpacked beside this program by the build's profile {@code
 * cuda-libraries}, in the system's folders, or among Python's packages.
 */
public final class CublasLocator {
  static final String PROPERTY = "cocktail.cublas";

  /** The library as its files are named, with the number of CUDA's major version behind {@code .so} or none. */
  private static final Pattern FILE = Pattern.compile("libcublas\\.so(?:\\.(\\d+)(?:\\.\\d+)*)?");

  private static final int OLDEST_CUDA = 12;
  private static final int UNKNOWN = 0;

  /**
   * A file that may be cuBLAS.
   *
   * @param file the library
   * @param place where it was found, for people
   * @param cuda the major version of CUDA it belongs to, 0 when its name does not tell
   * @param refusal why it is of no use here, or an empty string
   */
  public record Candidate(Path file, String place, int cuda, String refusal) {
    Candidate refused(String reason) {
      return new Candidate(file, place, cuda, reason);
    }
  }

  /**
   * What was found.
   *
   * @param candidates in the order they should be tried, refused ones among them
   * @param places all folders that were looked into, and the named file or folder
   */
  public record Found(List<Candidate> candidates, List<String> places) {
    public Found {
      candidates = List.copyOf(candidates);
      places = List.copyOf(places);
    }

    /** Those that can be tried. */
    public List<Candidate> usable() {
      return candidates.stream().filter(candidate -> candidate.refusal().isEmpty()).toList();
    }
  }

  private final String named;
  private final Map<String, String> environment;
  private final Path root;
  private final Path program;

  /**
   * A locator on a machine whose file system begins at {@code root}.
   *
   * @param named the value of the system property, or null
   * @param program a folder or file of this program, or null; {@code cuda-libraries} is looked for above it
   */
  CublasLocator(String named, Map<String, String> environment, Path root, Path program) {
    this.named = named;
    this.environment = environment;
    this.root = root;
    this.program = program;
  }

  /** The locator of this machine. */
  public static CublasLocator ofThisMachine() {
    return new CublasLocator(System.getProperty(PROPERTY), System.getenv(), Path.of("/"), programFolder());
  }

  private static Path programFolder() {
    try {
      return Path.of(CublasLocator.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (java.net.URISyntaxException | RuntimeException e) {
      return null; // Classes that come from nowhere on the disk have nothing beside them.
    }
  }

  /**
   * Looks.
   *
   * @param driverCuda the major version of CUDA that the driver is for
   */
  public Found find(int driverCuda) {
    List<Candidate> candidates = new ArrayList<>();
    List<String> places = new ArrayList<>();
    if (named != null && !named.isBlank()) {
      places.add("-D" + PROPERTY + "=" + named);
      Path path = Path.of(named);
      if (Files.isDirectory(path)) {
        candidates.addAll(libraries(path, "-D" + PROPERTY));
      } else if (Files.isRegularFile(path)) {
        candidates.add(new Candidate(path.toAbsolutePath(), "-D" + PROPERTY, cuda(path), ""));
      } else {
        candidates.add(new Candidate(path, "-D" + PROPERTY, UNKNOWN, "there is no such file or folder"));
      }
    } else {
      for (Place place : places()) {
        places.add(place.folder().toString());
        candidates.addAll(libraries(place.folder(), place.origin()));
      }
    }
    return new Found(judge(candidates, driverCuda), places);
  }

  /** A folder to look into, and whose it is. */
  private record Place(Path folder, String origin) {}

  private Set<Place> places() {
    Set<Place> places = new LinkedHashSet<>();
    for (String folder : environment.getOrDefault("LD_LIBRARY_PATH", "").split(":")) {
      add(places, folder, "LD_LIBRARY_PATH");
    }
    for (String variable : List.of("CUDA_HOME", "CUDA_PATH")) {
      String home = environment.getOrDefault(variable, "");
      if (!home.isBlank()) {
        addToolkit(places, Path.of(home), variable);
      }
    }
    for (Path above = program; above != null; above = above.getParent()) {
      addIfThere(places, above.resolve("cuda-libraries"), "the profile cuda-libraries");
      addIfThere(places, above.resolve("target/cuda-libraries"), "the profile cuda-libraries");
    }
    addToolkit(places, root.resolve("usr/local/cuda"), "CUDA toolkit");
    for (Path toolkit : matching(root.resolve("usr/local"), "cuda-*")) {
      addToolkit(places, toolkit, "CUDA toolkit");
    }
    addToolkit(places, root.resolve("opt/cuda"), "CUDA toolkit");
    for (String folder :
        List.of("usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/lib", "usr/local/lib")) {
      addIfThere(places, root.resolve(folder), "system");
    }
    pythonPrefixes().forEach(prefix -> addPython(places, prefix));
    return places;
  }

  private List<Path> pythonPrefixes() {
    List<Path> prefixes = new ArrayList<>();
    for (String variable : List.of("VIRTUAL_ENV", "CONDA_PREFIX")) {
      String prefix = environment.getOrDefault(variable, "");
      if (!prefix.isBlank()) {
        prefixes.add(Path.of(prefix));
      }
    }
    String home = environment.getOrDefault("HOME", "");
    if (!home.isBlank()) {
      for (String folder : List.of(".local", "miniconda3", "anaconda3", "miniforge3")) {
        prefixes.add(Path.of(home).resolve(folder));
      }
      prefixes.addAll(matching(Path.of(home).resolve(".pyenv/versions"), "*"));
    }
    for (String folder : List.of("usr/local", "usr", "opt/conda", "opt/venv")) {
      prefixes.add(root.resolve(folder));
    }
    return prefixes;
  }

  private static void addPython(Set<Place> places, Path prefix) {
    if (Files.isDirectory(prefix.resolve("conda-meta"))) {
      addIfThere(places, prefix.resolve("lib"), "conda");
    }
    for (String lib : List.of("lib", "lib64")) {
      for (Path python : matching(prefix.resolve(lib), "python3*")) {
        for (String packages : List.of("site-packages", "dist-packages")) {
          for (Path nvidia : matching(python.resolve(packages).resolve("nvidia"), "*")) {
            addIfThere(places, nvidia.resolve("lib"), "Python's packages");
          }
        }
      }
    }
  }

  private static void addToolkit(Set<Place> places, Path home, String origin) {
    for (String lib : List.of("lib64", "lib", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib")) {
      addIfThere(places, home.resolve(lib), origin);
    }
  }

  private static void add(Set<Place> places, String folder, String origin) {
    if (!folder.isBlank()) {
      addIfThere(places, Path.of(folder), origin);
    }
  }

  private static void addIfThere(Set<Place> places, Path folder, String origin) {
    if (Files.isDirectory(folder)) {
      places.add(new Place(folder.toAbsolutePath().normalize(), origin));
    }
  }

  /** Folders of a name, higher versions first; none where the folder above cannot be read. */
  private static List<Path> matching(Path above, String glob) {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> folders = Files.newDirectoryStream(above, glob)) {
      folders.forEach(found::add);
    } catch (IOException | java.nio.file.DirectoryIteratorException e) {
      return List.of();
    }
    found.sort(Comparator.comparing((Path path) -> path.getFileName().toString(), new VersionOrder()).reversed());
    return found;
  }

  /** The libraries in a folder, of the newest CUDA first; of several names of one file, the shortest with a number. */
  private static List<Candidate> libraries(Path folder, String origin) {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> FILE.matcher(file.getFileName().toString()).matches() && Files.isRegularFile(file))
          .map(file -> new Candidate(file.toAbsolutePath(), origin, cuda(file), ""))
          .sorted(
              Comparator.comparingInt((Candidate candidate) -> -candidate.cuda())
                  .thenComparingInt(candidate -> candidate.file().toString().length()))
          .toList();
    } catch (IOException | UncheckedIOException e) {
      return List.of(); // A folder that cannot be read has no library for us.
    }
  }

  private static int cuda(Path file) {
    Path name = file.getFileName();
    Matcher matcher = FILE.matcher(name == null ? "" : name.toString());
    if (matcher.matches() && matcher.group(1) != null) {
      return Integer.parseInt(matcher.group(1));
    }
    Path real = real(file);
    return real.equals(file.toAbsolutePath()) ? UNKNOWN : cuda(real);
  }

  private static Path real(Path file) {
    try {
      return file.toRealPath();
    } catch (IOException e) {
      return file.toAbsolutePath();
    }
  }

  /** Refuses what cannot work, and drops further names of a file. */
  private static List<Candidate> judge(List<Candidate> candidates, int driverCuda) {
    Set<Path> seen = new HashSet<>();
    List<Candidate> judged = new ArrayList<>();
    for (Candidate candidate : candidates) {
      if (seen.add(real(candidate.file()))) {
        judged.add(candidate.refusal().isEmpty() ? candidate.refused(refusal(candidate, driverCuda)) : candidate);
      }
    }
    return judged;
  }

  private static String refusal(Candidate candidate, int driverCuda) {
    int cuda = candidate.cuda();
    if (cuda != UNKNOWN && cuda < OLDEST_CUDA) {
      return "it belongs to CUDA %d, and 12 or newer is needed".formatted(cuda);
    }
    if (cuda > driverCuda) {
      return "it belongs to CUDA %d, and the driver is for CUDA %d: update the driver".formatted(cuda, driverCuda);
    }
    return "";
  }

  /** Orders names by the numbers in them: cuda-12.10 after cuda-12.9. */
  private static final class VersionOrder implements Comparator<String> {
    private static final Pattern PART = Pattern.compile("\\d+|\\D+");

    @Override
    public int compare(String a, String b) {
      Matcher left = PART.matcher(a);
      Matcher right = PART.matcher(b);
      while (left.find()) {
        if (!right.find()) {
          return 1;
        }
        int order = comparePart(left.group(), right.group());
        if (order != 0) {
          return order;
        }
      }
      return right.find() ? -1 : 0;
    }

    private static int comparePart(String a, String b) {
      if (Character.isDigit(a.charAt(0)) && Character.isDigit(b.charAt(0))) {
        return new java.math.BigInteger(a).compareTo(new java.math.BigInteger(b));
      }
      return a.compareTo(b);
    }
  }
}
