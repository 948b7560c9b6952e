package dev.cocktail.tensor.testing;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Finds files that lie outside the repository, in a folder {@code shared} beside or above the checkout: reference
 * numbers, data. A clone without them still builds; the tests that need them are skipped and say what is absent.
 *
 * <p>The folder is the system property {@code cocktail.shared} where that is set, otherwise the first {@code shared}
 * holding {@code reference/README.md} in the working directory or any folder above it.
 */
public final class SharedFiles {
  private static final String PROPERTY = "cocktail.shared";

  private SharedFiles() {}

  /** The file or folder {@code shared/<relative>}; skips the running test, naming the path, where it does not exist. */
  public static Path require(String relative) {
    Optional<Path> found = find(relative);
    assumeTrue(
        found.isPresent(),
        () ->
            "needs shared/"
                + relative
                + ", which is "
                + root()
                    .map(root -> "absent from " + root)
                    .orElse("absent: no folder 'shared' at or above the working directory")
                + " (set -D"
                + PROPERTY
                + "=FOLDER to name another)");
    return found.orElseThrow();
  }

  /** The file or folder {@code shared/<relative>}, if it exists. */
  public static Optional<Path> find(String relative) {
    return root().map(root -> root.resolve(relative)).filter(Files::exists);
  }

  private static Optional<Path> root() {
    String property = System.getProperty(PROPERTY);
    if (property != null) {
      return Optional.of(Path.of(property).toAbsolutePath().normalize());
    }
    for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
      Path shared = folder.resolve("shared");
      if (Files.isRegularFile(shared.resolve("reference").resolve("README.md"))) {
        return Optional.of(shared);
      }
    }
    return Optional.empty();
  }
}
