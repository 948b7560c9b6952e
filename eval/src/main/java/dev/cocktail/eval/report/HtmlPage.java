package dev.cocktail.eval.report;

import dev.cocktail.tensor.safetensors.AtomicFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A page that holds all it needs: it loads nothing, runs nothing, follows the reader's light or dark setting, and suits
 * a desk, a phone and paper.
 */
public final class HtmlPage {
  private final String title;
  private final String subtitle;
  private final List<Html> sections = new ArrayList<>();

  /** An empty page in English. */
  public HtmlPage(String title, String subtitle) {
    this.title = title;
    this.subtitle = subtitle;
  }

  /** Adds a section. */
  public HtmlPage section(String heading, Html... content) {
    return section(heading, List.of(content));
  }

  /** Adds a section. */
  public HtmlPage section(String heading, List<Html> content) {
    sections.add(Html.of("section").add(Html.of("h2", heading)).add(content));
    return this;
  }

  /** Elements beside each other where there is room, below each other where not. */
  public static Html beside(List<Html> elements) {
    return Html.of("div").with("class", "beside").add(elements);
  }

  /** The page's text. */
  public String render() {
    var out = new StringBuilder("<!DOCTYPE html>\n<html lang=\"en\">\n<head>");
    Html.of("meta").with("charset", "utf-8").write(out);
    Html.of("meta").with("name", "viewport").with("content", "width=device-width, initial-scale=1").write(out);
    Html.of("meta").with("name", "color-scheme").with("content", "light dark").write(out);
    // Whatever might slip in could neither run nor load anything.
    Html.of("meta")
        .with("http-equiv", "Content-Security-Policy")
        .with("content", "default-src 'none'; style-src 'unsafe-inline'")
        .write(out);
    Html.of("title", title).write(out);
    out.append("<style>").append(style()).append("</style></head>\n<body>");
    Html.of("header").add(Html.of("h1", title), Html.of("p", subtitle)).write(out);
    Html.of("main").add(sections).write(out);
    return out.append("</body>\n</html>\n").toString();
  }

  /**
   * Writes the page; it is there whole or not at all.
   *
   * @throws UncheckedIOException when it cannot be written
   */
  public void write(Path target) {
    ByteBuffer bytes = ByteBuffer.wrap(render().getBytes(StandardCharsets.UTF_8));
    AtomicFile.write(
        target,
        channel -> {
          while (bytes.hasRemaining()) {
            channel.write(bytes);
          }
        });
  }

  private static String style() {
    try (InputStream in = HtmlPage.class.getResourceAsStream("report.css")) {
      if (in == null) {
        throw new IllegalStateException("this build lacks report.css");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
