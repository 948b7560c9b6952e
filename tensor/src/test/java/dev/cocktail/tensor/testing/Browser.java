package dev.cocktail.tensor.testing;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A page as a real browser sees it, a headless Chromium; a test that needs one is skipped where there is none.
 *
 * @param document the page's elements once it is loaded
 * @param errors what the browser said meanwhile; a message of the page itself has the word CONSOLE
 */
public record Browser(String document, String errors) {
  private static final long LONGEST_SECONDS = 120;

  /**
   * Opens a page.
   *
   * @param folder an empty one, for what the browser writes
   */
  public static Browser open(Path page, Path folder) throws IOException, InterruptedException {
    Path program =
        Stream.of("chromium", "chromium-browser", "google-chrome")
            .flatMap(
                name -> Stream.of(System.getenv().getOrDefault("PATH", "").split(":")).map(at -> Path.of(at, name)))
            .filter(Files::isExecutable)
            .findFirst()
            .orElse(null);
    assumeTrue(program != null, "skipped: no chromium, chromium-browser or google-chrome on the PATH");
    Path out = folder.resolve("out.html");
    Path errors = folder.resolve("errors.txt");
    Process process =
        new ProcessBuilder(
                program.toString(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--enable-logging=stderr",
                "--user-data-dir=" + folder.resolve("profile"),
                "--dump-dom",
                page.toUri().toString())
            .redirectOutput(out.toFile())
            .redirectError(errors.toFile())
            .start();
    boolean ended = process.waitFor(LONGEST_SECONDS, TimeUnit.SECONDS);
    process.destroyForcibly();
    if (!ended) {
      throw new AssertionError("the browser does not end");
    }
    return new Browser(Files.readString(out), Files.readString(errors));
  }
}
