import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.spi.ToolProvider;

/**
 * Formats the project's Java sources with google-java-format, or checks that they are formatted.
 *
 * <p>Run by the build through {@code java FormatSources.java MODE ROOT}, where the mode is {@code check} (fails when a
 * file is not formatted), {@code report} (only says so) or {@code fix} (rewrites the files).
 */
public final class FormatSources {
  private static final String MAX_LINE_LENGTH = "120";

  private FormatSources() {}

  public static void main(String[] arguments) throws IOException {
    String mode = arguments[0];
    Path root = Path.of(arguments[1]);
    if (!List.of("check", "report", "fix").contains(mode)) {
      System.err.println("-Dformat=" + mode + " is not known; use check, report or fix");
      System.exit(2);
    }
    List<String> command = new ArrayList<>(List.of("--max-line-length", MAX_LINE_LENGTH));
    command.addAll(mode.equals("fix") ? List.of("--replace") : List.of("--dry-run", "--set-exit-if-changed"));
    command.addAll(sources(root));

    ToolProvider formatter = ToolProvider.findFirst("google-java-format").orElseThrow();
    PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    int status = formatter.run(out, err, command.toArray(String[]::new));
    if (status != 0 && !mode.equals("fix")) {
      System.err.println("The files above are not formatted; `mvn -q -N verify -Dformat=fix` formats them.");
    }
    System.exit(mode.equals("report") ? 0 : status);
  }

  /** All Java files below the root, but not those in hidden folders or among build products. */
  private static List<String> sources(Path root) throws IOException {
    List<String> files = new ArrayList<>();
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            String name = folder.getFileName().toString();
            boolean skipped = !folder.equals(root) && (name.startsWith(".") || name.equals("target"));
            return skipped ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (file.toString().endsWith(".java")) {
              files.add(file.toString());
            }
            return FileVisitResult.CONTINUE;
          }
        });
    Collections.sort(files);
    return files;
  }
}
