package dev.cocktail.trainer.study;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.cocktail.eval.report.Html;
import dev.cocktail.eval.report.HtmlPage;
import dev.cocktail.tensor.safetensors.AtomicFile;
import dev.cocktail.trainer.study.ReportBlock.Answer;
import dev.cocktail.trainer.study.ReportBlock.Charts;
import dev.cocktail.trainer.study.ReportBlock.Note;
import dev.cocktail.trainer.study.ReportBlock.Points;
import dev.cocktail.trainer.study.ReportBlock.Section;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A study's report: {@code report.html}, a page that needs nothing else, {@code report.md}, {@code report.json} with
 * everything, and {@code runs.csv}, {@code scores.csv}, {@code comparisons.csv} and {@code transfer.csv}. It says
 * nothing of places and times, so that the same study always gives the same files.
 *
 * <pre>{@code
 * StudyResults results = Study.of(file, device).run();
 * Path page = StudyReport.write(results, StudyVerdict.of(results));
 * }</pre>
 */
public final class StudyReport {
  private final StudyResults results;
  private final StudyVerdict verdict;
  private final StudyFindings findings;
  private final StudyPlan plan;
  private final List<ReportedRun> runs;
  private final ReportWords words;
  private final ReportTables tables;
  private final ReportCharts charts;

  private StudyReport(StudyResults results, StudyVerdict verdict) {
    this.results = results;
    this.verdict = verdict;
    this.findings = StudyFindings.of(results);
    this.plan = results.plan();
    this.runs = ReportedRun.of(results);
    this.words = new ReportWords(results, verdict, findings);
    this.tables = new ReportTables(results, verdict, findings);
    this.charts = new ReportCharts(results);
  }

  /**
   * Writes the report into the study's folder, over an earlier one.
   *
   * @return the page
   * @throws java.io.UncheckedIOException when it cannot be written
   */
  public static Path write(StudyResults results, StudyVerdict verdict) {
    return new StudyReport(results, verdict).write();
  }

  private Path write() {
    Path folder = results.path();
    List<Section> sections = sections();
    String title = "Does mixing help " + String.join(", ", plan.sets().targets()) + "?";
    String subtitle =
        "%s runs of %s arms, with %s."
            .formatted(
                ReportWords.count(runs.size()),
                ReportWords.count(plan.arms().size()),
                plan.seeds().size() == 1 ? "one seed" : plan.seeds().size() + " seeds");
    var page = new HtmlPage(title, subtitle);
    sections.forEach(
        section -> page.section(section.heading(), section.blocks().stream().map(ReportBlock::html).toList()));
    AtomicFile.writeText(
        folder.resolve("report.md"),
        "# "
            + title
            + "\n\n"
            + subtitle
            + "\n\n"
            + sections.stream().map(Section::markdown).collect(Collectors.joining("\n\n"))
            + "\n");
    AtomicFile.writeText(folder.resolve("report.json"), json());
    new ReportCsv(results, verdict, findings).write(folder, runs);
    Path file = folder.resolve("report.html");
    page.write(file);
    return file;
  }

  private List<Section> sections() {
    List<Section> sections = new ArrayList<>();
    List<ReportBlock> answer = new ArrayList<>(List.of(new Answer(words.headline())));
    if (!verdict.recommendations().isEmpty()) {
      answer.add(
          new Points(
              verdict.recommendations().stream()
                  .map(one -> "%s: %s; %s.".formatted(one.target(), advice(one), one.reason()))
                  .toList()));
    }
    sections.add(new Section("The answer", answer));
    sections.add(new Section("Its limits", List.of(new Points(words.limits()))));
    sections.add(new Section("Mixtures against controls, on test sets", comparisons()));
    sections.add(new Section("Which task helps which (exploratory)", transfer()));
    bestOf(sections);
    sections.add(
        new Section("What was guessed before anything was trained", List.of(tables.guesses(), tables.predictors())));
    sections.add(
        new Section(
            "The mixtures",
            List.of(
                new Note("Shares of what the first run of each mixture drew."), new Charts(charts.mixtureShares()))));
    sections.add(new Section("How they learnt", losses()));
    sections.add(new Section("Examples in two places", List.of(tables.leaks(), validationAmongTests())));
    List<ReportBlock> scores = new ArrayList<>();
    findings.scores().keySet().forEach(task -> scores.add(tables.everyArm(task)));
    sections.add(new Section("Every arm on validation sets (exploratory)", scores));
    sections.add(new Section("The runs", List.of(tables.runs(runs))));
    List<String> open = words.notShown();
    sections.add(
        new Section(
            "What is not shown", List.of(open.isEmpty() ? new Note("Nothing that was asked.") : new Points(open))));
    sections.add(new Section("How it was done", List.of(new Points(words.method()))));
    return sections;
  }

  private static String advice(Recommendation one) {
    return switch (one.advice()) {
      case MIX -> "train on the mixture";
      case MIX_UNPROVEN -> "the mixture helps, which may have a simpler reason";
      case ALONE -> "train on the target alone";
      case NOT_ENOUGH_EVIDENCE -> "not enough evidence";
    };
  }

  private List<ReportBlock> comparisons() {
    List<ReportBlock> blocks = new ArrayList<>();
    List<Html> forests = new ArrayList<>();
    for (String target : plan.sets().targets()) {
      if (!verdict.on(target).isEmpty()) {
        forests.add(charts.forest(target + ": difference in points, with 95 % intervals", verdict.on(target)));
      }
    }
    for (String probe : plan.study().study().probes()) {
      List<ArmComparison> lost = verdict.forgetting().stream().filter(one -> one.target().equals(probe)).toList();
      if (!lost.isEmpty()) {
        forests.add(charts.forest(probe + ", which no run learnt: difference in points", lost));
      }
    }
    blocks.add(new Charts(forests));
    blocks.add(tables.comparisons("Differences in points; all p are adjusted together", verdict.comparisons()));
    if (!verdict.forgetting().isEmpty()) {
      blocks.add(
          tables.comparisons("What was forgotten: mixtures less the model that learnt nothing", verdict.forgetting()));
    }
    plan.sets().targets().forEach(target -> blocks.add(tables.tested(target)));
    return blocks;
  }

  private List<ReportBlock> transfer() {
    List<ReportBlock> blocks = new ArrayList<>();
    blocks.add(
        new Note(
            "The mixture of the two less the target alone, where both are planned; else, marked \u201cof all\u201d, all"
                + " tasks less all but the added one. Of validation answers, and not adjusted for their number."));
    blocks.add(tables.transfer());
    blocks.add(tables.zeroShot());
    blocks.add(tables.mixtures());
    if (!findings.interactions().isEmpty()) {
      blocks.add(tables.interactions());
    }
    if (!findings.additive().isEmpty()) {
      blocks.add(tables.additive());
      blocks.add(
          new Note(
              "Left out: each mixture is predicted by a sum fitted to all others. Explained is the share of the"
                  + " scores' variation; 0 or less is as good as knowing nothing of mixtures."));
    }
    return blocks;
  }

  private void bestOf(List<Section> sections) {
    if (!findings.bestOf().isEmpty()) {
      sections.add(
          new Section(
              "The best of as many trials (exploratory)",
              List.of(
                  new Note(
                      "Who tries more finds more by luck alone, so that mixtures and trials of the target alone are"
                          + " compared at equal numbers of trials: the mean over all ways to take so many of those that"
                          + " were made."),
                  new Charts(findings.bestOf().stream().map(charts::bestOf).toList()))));
    }
  }

  private ReportBlock validationAmongTests() {
    List<String> found =
        results.leaks().validationAmongTests().stream()
            .map(pair ->
                String.format(
                    Locale.ROOT,
                    "%,d of the %,d test examples of %s are validation examples of %s, by which mixtures are chosen.",
                    pair.either(),
                    pair.records(),
                    pair.heldOut(),
                    pair.train()))
            .toList();
    return found.isEmpty()
        ? new Note("No test example of a target was seen to be a validation example, by which mixtures are chosen.")
        : new Points(found);
  }

  private List<ReportBlock> losses() {
    List<Html> figures = new ArrayList<>();
    plan.sets().targets().forEach(target -> figures.addAll(charts.losses(target)));
    return List.of(
        new Note("Mean cross-entropy of the answers' tokens, in nats, in each arm's first run."), new Charts(figures));
  }

  /** Everything, for programs. */
  private String json() {
    Map<String, Object> json = new LinkedHashMap<>();
    Map<String, Object> study = new LinkedHashMap<>();
    study.put("targets", plan.sets().targets());
    study.put("general", plan.sets().general());
    study.put("probes", plan.study().study().probes());
    study.put("seeds", plan.seeds());
    study.put("controls_of", plan.controlsOf().name());
    Map<String, Object> metrics = new LinkedHashMap<>();
    findings.scores().keySet().forEach(task -> metrics.put(task, results.metric(task).label()));
    study.put("metrics", metrics);
    json.put("study", study);
    json.put("headline", words.headline());
    json.put("limits", words.limits());
    json.put("not_shown", words.notShown());
    json.put("arms", plan.arms().stream().map(StudyReport::row).toList());
    json.put("selected", RecordTree.of(results.selected()));
    json.put("verdict", RecordTree.of(verdict));
    json.put("findings", RecordTree.of(findings));
    json.put("affinity", RecordTree.of(results.affinity()));
    json.put("leaks_excluded", results.leaks().excluded());
    json.put("leaks", results.leaks().pairs().stream().map(StudyReport::row).toList());
    json.put("validation_among_tests", results.leaks().validationAmongTests().stream().map(StudyReport::row).toList());
    json.put("runs", RecordTree.of(runs));
    json.put("losses", RecordTree.of(LossCurve.of(results)));
    try {
      return new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsString(json) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("maps and lists can be written as JSON", e);
    }
  }

  private static Map<String, Object> row(Arm arm) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("name", arm.name());
    row.put("kind", arm.kind().name().toLowerCase(Locale.ROOT));
    row.put("tasks", arm.tasks());
    row.put("target", arm.target().orElse(null));
    return row;
  }

  /** A pair of sets without the places of examples, which are this machine's. */
  private static Map<String, Object> row(dev.cocktail.trainer.data.LeakAudit.Pair pair) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("train", pair.train());
    row.put("held_out", pair.heldOut());
    row.put("kind", pair.kind().name().toLowerCase(Locale.ROOT));
    row.put("records", pair.records());
    row.put("same_text", pair.sameText());
    row.put("same_source", pair.sameSource());
    row.put("either", pair.either());
    return row;
  }
}
