package dev.cocktail.eval.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.eval.report.LineChart.Point;
import dev.cocktail.eval.report.LineChart.Series;
import dev.cocktail.eval.statistics.Interval;
import dev.cocktail.tensor.testing.Browser;
import java.io.StringReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

class HtmlPageTest {
  /** Texts that would end an element, an attribute, a style or a script, or that no document may hold. */
  private static final List<String> HOSTILE =
      List.of(
          "<script>document.title='broken'</script>",
          "</td></table></style><img src=x onerror=\"document.title='broken'\">",
          "\" onmouseover=\"document.title='broken'",
          "'><svg/onload=document.title='broken'>",
          "&lt;b&gt; &amp; ]]> <!-- -->",
          "\u0000\u0008\u001b[31m\ud800 alone \ufffe\u0085",
          "\u202eright to left\u2066 漢字 🙂",
          "{{title}} ${title} %s");

  private static HtmlPage page(String text) {
    var table = new HtmlTable(text, List.of("a", text)).row(text, List.of(text)).withLongHeadings();
    Html attributes = Html.of("td", text).with("title", text).with("class", "value").with("aria-label", text);
    return new HtmlPage(text, text)
        .section(text, table.element(), Html.of("table").add(Html.of("tr").add(attributes)))
        .section(
            "charts",
            new LineChart(text, text, List.of(new Series(text, List.of(new Point(0, 1), new Point(5, 0.2))))).figure(),
            new IntervalChart(
                    text, text, text, List.of(new IntervalChart.Row(text, 1, new Interval(-1, 2, 0.95), text)))
                .figure(),
            new LineChart(
                    text,
                    text,
                    List.of(new Series(text, List.of(new Point(1, 3)), List.of(new LineChart.Range(1, 2, 4)))),
                    false)
                .figure(),
            new HeatMap(
                    text,
                    List.of(text, text),
                    List.of(new HeatMap.Row(text, List.of(Optional.of(new HeatMap.Cell(-0.5, text, true))))),
                    true)
                .element(),
            new ShareChart(text, List.of(text, text), List.of(new ShareChart.Bar(text, List.of(0.25, 0.75)))).figure());
  }

  private static Document parse(String html) throws Exception {
    var factory = DocumentBuilderFactory.newInstance();
    factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
    return factory.newDocumentBuilder().parse(new InputSource(new StringReader(html)));
  }

  @Test
  void whateverTheDataHoldsStaysText() throws Exception {
    List<String> plain = elements(parse(page("plain").render()));
    for (String text : HOSTILE) {
      Document document = parse(page(text).render());

      assertThat(elements(document)).as(text).isEqualTo(plain);
      String shown = document.getElementsByTagName("h1").item(0).getTextContent();
      assertThat(shown).hasSameSizeAs(text);
      assertThat(shown.replace('\ufffd', '?')).isEqualTo(text.replaceAll("[\\x00-\\x08\\x1b\\x85\\ufffe\\ud800]", "?"));
    }
  }

  /** All elements in order, with the names of their attributes. */
  private static List<String> elements(Document document) {
    NodeList all = document.getElementsByTagName("*");
    List<String> names = new ArrayList<>();
    for (int i = 0; i < all.getLength(); i++) {
      Node element = all.item(i);
      var name = new StringBuilder(element.getNodeName());
      for (int k = 0; k < element.getAttributes().getLength(); k++) {
        name.append(' ').append(element.getAttributes().item(k).getNodeName());
      }
      names.add(name.toString());
    }
    return names;
  }

  @Test
  void aPageLoadsNothing() {
    String html = page("plain").render();

    assertThat(html).doesNotContain("http:", "https:", "src=", "href=", "@import", "url(", "<script");
    assertThatThrownBy(() -> Html.of("script")).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Html.of("p").with("onclick", "x")).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Html.of("a").with("href", "javascript:x")).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Html.of("img").with("src", "x.png")).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void chartsOfNothingOrOfWhatIsNoNumberAreWhole() throws Exception {
    var nothing = new LineChart("nothing", "step", List.of(new Series("a", List.of(new Point(0, Double.NaN)))));
    assertThat(nothing.figure().toString()).contains("no numbers to show");
    String one =
        new HtmlPage("one", "")
            .section(
                "one",
                new LineChart("one", "step", List.of(new Series("a", List.of(new Point(3, 0))))).figure(),
                new IntervalChart("zero", "-", "+", List.of(new IntervalChart.Row("a", 0, new Interval(0, 0, 0.9), "")))
                    .figure())
            .render();
    parse(one);
    assertThat(one).doesNotContain("NaN", "Infinity");
  }

  @Test
  void marksAreRoundNumbersInTheRange() {
    assertThat(Numbers.marks(0, 1, 5)).containsExactly(0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0);
    assertThat(Numbers.marks(-70, 70, 6)).containsExactly(-50.0, 0.0, 50.0);
    assertThat(Numbers.plain(-0.001)).isEqualTo("0");
    assertThat(Numbers.plain(1.50)).isEqualTo("1.5");
    assertThat(Numbers.plain(100)).isEqualTo("100");
  }

  @Test
  void colouredCellsSayTheirNumbers() {
    var rows =
        List.of(
            new HeatMap.Row("x", List.of(Optional.of(new HeatMap.Cell(0.2, "0 to 40", true)), Optional.empty())),
            new HeatMap.Row(
                "y",
                List.of(Optional.of(new HeatMap.Cell(-0.1, "", false)), Optional.of(new HeatMap.Cell(0, "", false)))));
    List<String> columns = List.of("", "a", "b");
    String differences = new HeatMap("t", columns, rows, true).element().toString();
    assertThat(differences)
        .contains(
            "<td class=\"value heat4 own\">+20.0<small>0 to 40</small></td><td class=\"value\">\u2013</td>",
            "<td class=\"value cool2\">-10.0</td><td class=\"value heat0\">+0.0</td>");
    assertThat(new HeatMap("t", columns, rows.subList(0, 1), false).element().toString())
        .contains("<td class=\"value heat1 own\">20.0<small>");
  }

  @Test
  void partsOfMoreThanFiveHaveNumbersAndLongNamesStandAbove() {
    List<String> parts = List.of("one", "two", "three", "four", "five", "six");
    List<Double> shares = List.of(0.0, 0.5, 0.3, 0.1, 0.05, 0.05);
    String chart =
        new ShareChart("t", parts, List.of(new ShareChart.Bar("a long name of an arm", shares))).figure().toString();
    assertThat(chart).contains(">6 six<", ">2: 50 %<", ">3: 30 %<", ">4<", "x=\"4\" y=\"37\"");
    assertThat(chart).doesNotContain(">6: ", ">1: ");
    assertThat(
            new ShareChart("t", List.of("one"), List.of(new ShareChart.Bar("short", List.of(1.0)))).figure().toString())
        .contains(">100 %<", "text-anchor=\"end\">short<");
  }

  @Test
  void anAxisMayBeginBelowTheLowestValue() {
    var line = new Series("a", List.of(new Point(1, 80), new Point(2, 82)), List.of(new LineChart.Range(1, 79, 81)));
    assertThat(new LineChart("t", "x", List.of(line), false).figure().toString())
        .contains("class=\"band fill0\"", ">80<", ">82<")
        .doesNotContain(">50<", ">1.2<");
    assertThat(new LineChart("t", "x", List.of(line)).figure().toString()).contains(">50<");
  }

  @Test
  void aTableWithoutACellIsRefused() {
    assertThatThrownBy(() -> new HtmlTable("t", List.of("a", "b")).row("x", List.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /** Where there is a Chromium, it shows hostile text as text, and reports no error. */
  @Test
  void aBrowserOpensIt(@TempDir Path folder) throws Exception {
    String all = String.join("\n", HOSTILE);
    Path file = folder.resolve("report.html");
    page(all).write(file);

    Browser seen = Browser.open(file, folder);

    assertThat(seen.document()).contains("&lt;script&gt;document.title='broken'&lt;/script&gt;");
    assertThat(seen.document()).doesNotContain("<img", "<title>broken");
    assertThat(seen.document().split("<section>")).hasSize(3);
    assertThat(seen.errors()).doesNotContain("CONSOLE");
  }
}
