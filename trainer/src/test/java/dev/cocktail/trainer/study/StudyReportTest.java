package dev.cocktail.trainer.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.testing.Browser;
import dev.cocktail.trainer.config.StudySection.Control;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xml.sax.InputSource;

/** The report of a study whose answers were written by hand. */
class StudyReportTest {
  private static final List<String> FILES =
      List.of(
          "report.html",
          "report.md",
          "report.json",
          "runs.csv",
          "scores.csv",
          "comparisons.csv",
          "transfer.csv",
          "recommendations.csv",
          "interactions.csv",
          "additive.csv",
          "best_of.csv",
          "losses.csv",
          "leaks.csv");

  @TempDir private Path temporary;

  private static void write(HandMadeStudy study) {
    StudyResults results = study.results();
    StudyReport.write(results, StudyVerdict.of(results));
  }

  private String text(String file) throws IOException {
    return Files.readString(temporary.resolve("study").resolve(file));
  }

  private HandMadeStudy study() {
    return study(1);
  }

  private HandMadeStudy study(int seeds) {
    return HandMadeStudy.ofThree(temporary.resolve("study"), seeds).trained();
  }

  /** All but certain: everything is right with all tasks, and nothing otherwise. */
  private void writeWhatIsShown(int seeds) {
    try (HandMadeStudy study = study(seeds)) {
      Arm control = study.plan().control("a", Control.SAME_STEPS).orElseThrow();
      study.right("a", 0, "a").right("a", 10, "a", "b", "c").right("a", 0, "a", "c").right("a", 0, control);
      write(study);
    }
  }

  @Test
  void allFilesSayWhatWasFoundAndNothingOfPlacesAndTimes() throws IOException {
    try (HandMadeStudy study = study()) {
      write(study);
    }
    for (String file : FILES) {
      assertThat(text(file)).as(file).doesNotContain(temporary.toString(), "NaN", "Infinity", "null to");
    }
    assertThat(text("report.md"))
        .startsWith(
            "# Does mixing help a, b?\n\n"
                + "8 runs of 8 arms, with one seed.\n\n"
                + "## The answer\n\n"
                + "**Of 2 targets: held against the target alone, the mixture that validation chose is not shown to"
                + " differ")
        .contains("all less a alone on a's test set: +40.0 points")
        .contains("One seed: intervals and p are about these very models")
        .contains("No held-out example is among training examples")
        .contains("a: how the best of as many trials of it alone would do; no rivals were planned.")
        .contains("- b: whether a+b and b differ. Seen: +0.0 points");
    assertThat(text("transfer.csv"))
        .startsWith("helper,target,basis,with,without,difference,low,high,lookahead,gradient_cosine,embedding_cosine\n")
        .contains("b,a,pair,a+b,a,0.1999", "c,b,pair,b+c,b,-0.1000", ",0.04,0.1,0.5\n");
    assertThat(text("scores.csv"))
        .contains("validation,a,accuracy,base,,10,0.1,0.1,0.4\n", "test,b,accuracy,all,42,10,0.2,0.2,0.0\n");
    assertThat(text("runs.csv")).containsPattern("\nall/seed-42,all,mixture,a\\+b\\+c,42,2,80,16,[0-9a-f]{64},done,\n");
    assertThat(text("comparisons.csv")).contains("targets,a,all,a,0.4,");
    assertThat(text("recommendations.csv")).startsWith("target,advice,reason\na,").contains("\nb,not_enough_evidence,");
    assertThat(text("interactions.csv")).contains("\na,b,c,0.1000", "\nb,a,c,");
    assertThat(text("additive.csv")).contains("\na,4,0.475", ",b,0.25,");
    assertThat(text("best_of.csv")).contains("\na,mixtures,3,0.9\n", "\na,alone,1,0.5\n");
    assertThat(text("losses.csv")).contains("\nall/seed-42,a,training,1,1.5\n", "\nall/seed-42,c,validation,2,1.5\n");
    assertThat(text("leaks.csv")).isEqualTo("held_out,set,training_set_of,examples,same_text,same_source,either\n");
  }

  @Test
  void whatIsShownIsSaidFirst() throws IOException {
    writeWhatIsShown(2);
    assertThat(text("report.md"))
        .contains(
            "**Of 2 targets: held against the target alone, the mixture that validation chose is better for a; not"
                + " shown to differ for b.**")
        .contains(
            "**The largest difference that was shown is all less a alone on a's test set: +100.0 points,",
            "; it is better than every control too.**")
        .contains("- a: train on the mixture; all is better than all it was compared with: a, a.same\\_steps.")
        .doesNotContain("- a: whether all");
    assertThat(text("comparisons.csv")).containsPattern("targets,a,all,a,1.0,.*,better,");
  }

  @Test
  void oneSeedDoesNotSayWhatToTrain() throws IOException {
    writeWhatIsShown(1);
    assertThat(text("report.md"))
        .contains("- a: the mixture helps, which may have a simpler reason; all against a alone: better, as these very")
        .doesNotContain("train on the mixture");
  }

  /** Controls have the budget of the mixture of all, which is asked about in any case; else choosing counts. */
  @Test
  void controlsMeetTheMixtureWhoseBudgetTheyHave() {
    try (HandMadeStudy study = study(2)) {
      StudyVerdict verdict = StudyVerdict.of(study.results());
      assertThat(verdict.on("a"))
          .extracting(one -> one.arm().name(), one -> one.control().name(), one -> one.comparison().choices())
          .containsExactly(tuple("all", "a", 1), tuple("all", "a.same_steps", 1));
      assertThat(verdict.on("b"))
          .extracting(one -> one.arm().name(), one -> one.control().name(), one -> one.comparison().choices())
          .containsExactly(tuple("a+b", "b", 3), tuple("all", "b", 1), tuple("all", "b.same_steps", 1));
    }
  }

  /** Without a control of its own budget, nobody is told to train on what was chosen. */
  @Test
  void aMixtureThatNoControlHasTheBudgetOfIsUnproven() throws IOException {
    try (HandMadeStudy study = study(2)) {
      study.right("a", 0, "a").right("a", 10, "a", "b").right("a", 0, "a", "c").right("a", 0, "a", "b", "c");
      write(study);
    }
    assertThat(text("report.md"))
        .contains(
            "- a: the mixture helps, which may have a simpler reason; a+b is better than a, but a alone was not trained"
                + " with its budget; 'controls\\_of: a + b' plans that in the same folder.");
  }

  @Test
  void ofEqualsTheFirstThatWasPlannedIsChosen() {
    try (HandMadeStudy study = study()) {
      study.right("a", 9, "a", "b");
      assertThat(study.results().selected().getFirst().mixture().name()).isEqualTo("a+b");
    }
  }

  /** Better than the target alone, and worse than it with as many steps: nobody should mix for that. */
  @Test
  void aControlThatIsBetterIsWhatToTrain() throws IOException {
    try (HandMadeStudy study = study(2)) {
      Arm control = study.plan().control("a", Control.SAME_STEPS).orElseThrow();
      study.wide("a", 0, "a").wide("a", 12, "a", "b", "c").wide("a", 0, "a", "c").wide("a", 0, "a", "b");
      study.wide("a", 40, control);
      Recommendation advice = StudyVerdict.of(study.results()).recommendations().getFirst();
      assertThat(advice.advice()).isEqualTo(Recommendation.Advice.ALONE);
      assertThat(advice.reason()).startsWith("all is better than a").endsWith("but worse than a.same_steps");
      write(study);
    }
    assertThat(text("report.md"))
        .contains("The largest difference that was shown is all less a.same\\_steps on a's test set: -70.0 points");
  }

  @Test
  void aPlanThatChangedAfterTestsWereReadIsTold() throws IOException {
    try (HandMadeStudy study = study()) {
      write(study.asked("margin: 0.02").asked("margin: 0.05"));
    }
    assertThat(text("report.md"))
        .contains("- After test answers had been read, the plan was changed: study.margin was 0.02 and is 0.05.");
  }

  @Test
  void thePageIsWellFormedAndShowsEveryNumberAsText() throws Exception {
    try (HandMadeStudy study = study()) {
      write(study);
    }
    String page = text("report.html");
    var factory = DocumentBuilderFactory.newInstance();
    factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
    var document = factory.newDocumentBuilder().parse(new InputSource(new StringReader(page)));
    assertThat(document.getElementsByTagName("section").getLength()).isEqualTo(13);
    assertThat(page).contains(">+20.0<small>", ">-10.0<small>", "<svg");
  }

  /** Where there is a Chromium, it shows every section and reports no error. */
  @Test
  void aBrowserOpensThePage(@TempDir Path folder) throws Exception {
    try (HandMadeStudy study = study(2)) {
      write(study);
    }
    Browser seen = Browser.open(temporary.resolve("study").resolve("report.html"), folder);
    assertThat(seen.document().split("<section>")).hasSize(14);
    assertThat(seen.document()).contains("<h1>Does mixing help a, b?</h1>", "<svg");
    assertThat(seen.errors()).doesNotContain("CONSOLE");
  }

  @Test
  void programsGetEverything() throws IOException {
    try (HandMadeStudy study = study()) {
      write(study);
    }
    JsonNode json = new ObjectMapper().readTree(text("report.json"));
    assertThat(json.at("/study/targets/0").asText()).isEqualTo("a");
    assertThat(json.at("/headline")).hasSize(3);
    assertThat(json.at("/verdict/comparisons/0/comparison/difference/value").asDouble()).isEqualTo(0.4);
    assertThat(json.at("/verdict/comparisons/0/arm").asText()).isEqualTo("all");
    assertThat(json.at("/findings/transfers/0/basis").asText()).isEqualTo("pair");
    assertThat(json.at("/findings/scores/a/0/summary/deviation").isNull()).isTrue();
    assertThat(json.at("/findings/predictors/2/correlation").isNull()).isTrue();
    assertThat(json.at("/runs/0/examples").size()).isPositive();
    JsonNode curve = json.at("/losses/0");
    assertThat(curve.at("/set").asText()).isEqualTo("training");
    assertThat(curve.at("/steps")).hasSize(2);
    assertThat(curve.at("/losses/0").asDouble()).isEqualTo(1.5);
  }

  @Test
  void aFailedRunIsTold() throws IOException {
    try (HandMadeStudy study = study()) {
      write(study.failed("a+b/seed-42", "step 2: the loss is <NaN> | \"infinite\""));
    }
    assertThat(text("report.md"))
        .contains("- Failed, and not replaced: one run.")
        .contains("| failed: step 2: the loss is \\<NaN\\> \\| \"infinite\" |")
        .contains("- Anything of a+b, of which a run failed.")
        .contains("of all");
    assertThat(text("report.html")).contains("failed: step 2: the loss is &lt;NaN&gt;");
    assertThat(text("runs.csv")).contains("failed,\"step 2: the loss is <NaN> | \"\"infinite\"\"\"\n");
    assertThat(text("scores.csv")).doesNotContain(",a+b,");
  }
}
