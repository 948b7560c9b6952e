package dev.cocktail.trainer.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.eval.metric.Metric;
import dev.cocktail.tensor.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class DescriptionsTest {
  private static final Path FOLDER = Path.of("/runs").toAbsolutePath();

  @TempDir private Path folder;

  private static TaskSection task(String keys) {
    return RunFile.parse("model: m\ntasks:\n  - " + keys + "\n", "run.yaml", FOLDER, "run").tasks().getFirst();
  }

  static List<String> shipped() {
    return TaskSection.descriptions();
  }

  @ParameterizedTest
  @MethodSource("shipped")
  void everyShippedDescriptionIsATask(String name) {
    TaskSection task = task("{use: " + name + ", train: t}");
    assertThat(task.name()).isNotBlank();
    assertThat(task.cluster()).as("every task says what is independent").isNotEmpty();
    assertThat(task.train()).isEqualTo(FOLDER.resolve("t"));
    RunFile run = RunFile.parse("model: m\ntasks: [{use: " + name + ", train: t}]\n", "run.yaml", FOLDER, "run");
    assertThat(RunFile.parse(run.toYaml(), "again", FOLDER, "run")).as("the resolved run").isEqualTo(run);
    assertThat(run.toYaml()).doesNotContain("use:");
  }

  /** The paper's nine data sets: how many examples are kept, and which. */
  @ParameterizedTest
  @CsvSource({
    "headline,10000",
    "fpb,5000",
    "fin_ner_cls,5000",
    "convfinqa,2000",
    "twitter_topics,2500",
    "twitter_sa,5000",
    "finqa,2000",
    "open_orca,30376",
    "orca_math,15188",
  })
  void theNineKeepTheirNumberAndSeed(String name, int most) {
    TaskSection task = task("{use: " + name + ", train: t}");
    assertThat(task.name()).isEqualTo(name);
    assertThat(task.maxExamples()).hasValue(most);
    assertThat(task.seed()).hasValue(42);
  }

  @Test
  void labelsAreAsTheAuthorsHaveThem() {
    assertThat(task("{use: fpb, train: t}").template().labels().byValue())
        .isEqualTo(Map.of("0", "negative", "1", "neutral", "2", "positive"));
    assertThat(task("{use: twitter_sa, train: t}").template().labels().byValue())
        .isEqualTo(Map.of("0", "Bearish", "1", "Bullish", "2", "Neutral"));
    TaskSection topics = task("{use: twitter_topics, train: t}");
    assertThat(topics.template().labels().byValue()).hasSize(20).containsEntry("13", "M&A | Investments");
    assertThat(topics.template().labels().byValue().values()).containsExactlyElementsOf(topics.labels());
    assertThat(topics.template().user().orElseThrow()).contains(topics.labels());
  }

  @Test
  void keysOfTheTaskComeBeforeThoseOfItsDescription() {
    TaskSection task =
        task(
            "{use: fpb, name: news, train: t, metric: macro_f1, max_examples: null, seed: null, format: {charset:"
                + " utf-16}, template: {user: 'mood? {{ sentence }}'}}");
    assertThat(task.name()).isEqualTo("news");
    assertThat(task.metric()).contains(Metric.MACRO_F1);
    assertThat(task.maxExamples()).as("null takes a key away").isEmpty();
    assertThat(task.template().user()).contains("mood? {{ sentence }}");
    assertThat(task.template().assistant()).as("the rest of the section stays").contains("{{ label }}");
    assertThat(task.format().charset()).contains("utf-16");
  }

  @Test
  void descriptionsOfOnesOwnMayUseOthers() throws IOException {
    Files.createDirectory(folder.resolve("tasks"));
    Files.writeString(
        folder.resolve("tasks/own.yaml"), "use: fpb_sentences\nname: own\ntrain: data/a.txt\ntest: data/b.txt\n");
    Files.writeString(folder.resolve("run.yaml"), "model: m\ntasks:\n  - use: tasks/own.yaml\n    test: mine.txt\n");
    TaskSection task = RunFile.read(folder.resolve("run.yaml")).tasks().getFirst();
    assertThat(task.train()).as("from the description's folder").isEqualTo(folder.resolve("tasks/data/a.txt"));
    assertThat(task.test()).as("from the run's folder").contains(folder.resolve("mine.txt"));
    assertThat(task.format().columns()).containsExactly("sentence", "label");
    assertThat(task.template().labels().byValue()).containsOnlyKeys("negative", "neutral", "positive");
    assertThat(task.template().user().orElseThrow()).contains("Answer with one word only.");
  }

  @Test
  void faultsAreSaidWithTheFileThatHasThem() throws IOException {
    Path own = Files.writeString(folder.resolve("own.yaml"), "name: own\ntrain: t\nmetric: accurcy\n");
    refused("use: " + own).hasMessageStartingWith(own + ":3: tasks[0].metric: 'accurcy'");
    refused("use: " + own + "\n    metric: accuracy\n    seeds: 1").hasMessageStartingWith("run.yaml:5: unknown key");
    Files.writeString(own, "name: own\ntrain: t\ntemplate: {user: q, asistant: a}\n");
    refused("use: " + own).hasMessageStartingWith(own + ":3: unknown key 'asistant'");
    Files.writeString(own, "- a\n");
    refused("use: " + own).hasMessageContaining(own + ": found a list");
    Files.writeString(own, "use: own.yaml\nname: a\n");
    refused("use: " + own).hasMessageContaining("in a circle");
    refused("use: fpd")
        .hasMessageStartingWith("run.yaml:3: tasks[0].use: there is no description 'fpd'; the nearest is 'fpb'");
    refused("use: nowhere.yaml").hasMessageStartingWith("run.yaml:3: tasks[0].use: there is no description");
    refused("use: [a]").hasMessageStartingWith("run.yaml:3: tasks[0].use: expected");
    refused("use: fpb\n    use: finqa").hasMessageStartingWith("run.yaml:4: tasks[0].use: is given a second time");
    refused("use: fpb").hasMessageStartingWith("run.yaml:3: tasks[0].train: is missing");
  }

  private AbstractThrowableAssert<?, ?> refused(String keys) {
    return assertThatThrownBy(() -> RunFile.parse("model: m\ntasks:\n  - " + keys + "\n", "run.yaml", folder, "run"))
        .isInstanceOf(InvalidInputException.class);
  }

  @Test
  void aTaskOnOneFileNeedsNoRun() {
    TaskSection task = TaskSection.described("gsm8k", folder, Optional.of(folder.resolve("t.jsonl")));
    assertThat(task.testSource().orElseThrow().file()).isEqualTo(folder.resolve("t.jsonl"));
    assertThat(task.answerAfter()).contains("####");
    assertThatThrownBy(() -> TaskSection.described("gsm8k", folder, Optional.empty()))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("train: is missing");
  }

  @Test
  void partsOfOneFile() {
    TaskSection task = task("{use: fpb, train: t, split: {validation: 0.1, test: 0.2}}");
    assertThat(task.validation()).contains(task.train());
    assertThat(task.test()).contains(task.train());
    assertThat(task.testSource().orElseThrow().part()).isPresent();
    assertThat(task("{use: fpb, train: t}").trainSource().part()).isEmpty();
    TaskSection own = task("{use: fpb, train: t, validation: v, split: {test: 0.2}}");
    assertThat(own.validationSource().orElseThrow().part()).as("a file of its own is taken whole").isEmpty();
    assertThat(own.trainSource().part()).isPresent();

    refused("{name: a, train: t, validation: v, split: {validation: 0.1}}")
        .hasMessageContaining("tasks[0].split.validation: there is a file with validation examples too");
    refused("{name: a, train: t, split: {validation: 0.5, test: 0.5}}").hasMessageContaining("nothing is left");
    refused("{name: a, train: t, cluster: [x, x]}").hasMessageContaining("tasks[0].cluster[1]");
    refused("{name: a, train: t, format: {type: lines}}").hasMessageContaining("lines need a delimiter");
  }
}
