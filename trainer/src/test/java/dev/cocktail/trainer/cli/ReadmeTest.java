package dev.cocktail.trainer.cli;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.trainer.config.KeyInfo;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.StudyFile;
import dev.cocktail.trainer.config.TaskSection;
import dev.cocktail.trainer.data.SourceRecord;
import dev.cocktail.trainer.example.FineTuneAndAsk;
import dev.cocktail.transformer.testing.Golden;
import dev.cocktail.transformer.text.Message;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/**
 * What README.md shows is what the program does. With {@code -Dreadme=update} the parts that are made from the sources
 * are written into it instead of compared.
 */
class ReadmeTest {
  private static final Path ROOT = root();
  private static final Path README = ROOT.resolve("README.md");
  private static final Path EXAMPLE =
      ROOT.resolve("trainer/src/test/java/dev/cocktail/trainer/example/FineTuneAndAsk.java");

  @Test
  void tableOfKeysIsThatOfTheRunFile() throws IOException {
    assertGenerated("keys", keys(RunFile.keys()));
  }

  @Test
  void tableOfStudyKeysIsThatOfTheStudyFile() throws IOException {
    assertGenerated("study keys", keys(StudyFile.keys()));
  }

  @Test
  void studyFileOfTheReadmeIsValid() throws IOException {
    String section = section(Files.readString(README), "Compare mixtures");
    String yaml = section.substring(section.indexOf("```yaml\n") + "```yaml\n".length());
    StudyFile study = StudyFile.parse(yaml.substring(0, yaml.indexOf("```")), "README.md", ROOT, "readme");
    assertThat(study.targets()).containsExactly("sentiment", "headline");
  }

  @Test
  void exampleIsTheClassThatIsTested() throws IOException {
    String source = Files.readString(EXAMPLE);
    assertGenerated("example", "```java\n" + source.substring(source.indexOf("import ")) + "```\n");
  }

  @Test
  void exampleRuns(@TempDir Path folder) throws IOException {
    FineTuneAndAsk.main(new String[] {smallRun(folder).toString(), "Who is there?"});

    assertThat(folder.resolve("runs/run/adapter/adapter_model.safetensors")).isNotEmptyFile();
    assertThat(folder.resolve("runs/run/adapter/adapter_config.json")).isNotEmptyFile();
    assertThat(Files.readAllLines(folder.resolve("runs/run/metrics.jsonl"))).hasSizeGreaterThan(2);
  }

  @Test
  void everyCommandAndOptionIsListed() throws IOException {
    String section = section(Files.readString(README), "Commands");
    CommandLine program = Cocktail.commandLine();
    for (OptionSpec shared : program.getSubcommands().get("doctor").getCommandSpec().options()) {
      assertThat(section).as("options of all commands").contains("`" + shared.longestName());
    }
    for (Map.Entry<String, CommandLine> command : program.getSubcommands().entrySet()) {
      if (command.getKey().equals("help")) {
        continue;
      }
      assertThat(section).as(command.getKey()).contains("| `" + command.getKey());
      String rows = section.lines().filter(line -> line.startsWith("| `" + command.getKey())).collect(joining("\n"));
      for (OptionSpec option : command.getValue().getCommandSpec().options()) {
        boolean isShared =
            program.getSubcommands().get("doctor").getCommandSpec().findOption(option.longestName()) != null;
        assertThat(isShared || rows.contains("`" + option.longestName()))
            .as("%s %s is in the table of commands", command.getKey(), option.longestName())
            .isTrue();
      }
    }
  }

  @Test
  void runFileOfTheReadmeIsValid() throws IOException {
    String section = section(Files.readString(README), "The run file");
    String yaml = section.substring(section.indexOf("```yaml\n") + "```yaml\n".length());
    RunFile run = RunFile.parse(yaml.substring(0, yaml.indexOf("```")), "README.md", ROOT, "readme");
    assertThat(run.tasks()).hasSizeGreaterThan(1);
  }

  static Stream<Path> runFiles() throws IOException {
    try (Stream<Path> files = Files.list(ROOT.resolve("examples"))) {
      return files.filter(file -> file.toString().endsWith(".yaml")).sorted().toList().stream();
    }
  }

  @ParameterizedTest
  @MethodSource("runFiles")
  void exampleRunFileIsValidAndBeginsWithItsCommand(Path file) throws IOException {
    RunFile run = RunFile.read(file);

    assertThat(run.tasks()).isNotEmpty();
    assertThat(Files.readAllLines(file))
        .first()
        .asString()
        .isEqualTo("# ./cocktail train examples/" + file.getFileName());
  }

  @Test
  void tablesOfTheExampleAreReadAsItSays() {
    RunFile run = RunFile.read(ROOT.resolve("examples/csv-and-template.yaml"));

    assertThat(messages(run.tasks().getFirst()))
        .hasSize(6)
        .first()
        .isEqualTo(
            List.of(
                Message.system("You judge company news for an investor. Answer with one word."),
                Message.user(
                    "Is this news negative, neutral or positive?\n"
                        + "Brindle Foods lowered its outlook for the year, citing \"weaker demand\"."),
                Message.assistant("negative")));
    assertThat(messages(run.tasks().get(1)))
        .hasSize(3)
        .last()
        .isEqualTo(
            List.of(
                Message.user(
                    "Pe\u00f1a y Hijos paid a dividend of 0.40 per share, twice that of the year before.\n\n"
                        + "What was the dividend of the year before?"),
                Message.assistant("0.20")));
  }

  private static List<List<Message>> messages(TaskSection task) {
    List<List<Message>> messages = new ArrayList<>();
    task.trainSource().read(record -> messages.add(((SourceRecord.Conversation) record).messages()));
    return messages;
  }

  private static String keys(List<KeyInfo> keys) {
    String rows = keys.stream().map(ReadmeTest::row).collect(joining("\n", "", "\n"));
    return "| key | value | default | meaning |\n|---|---|---|---|\n" + rows;
  }

  private static String row(KeyInfo key) {
    return "| `%s` | %s | %s | %s |"
        .formatted(key.path(), key.type(), key.defaultText(), key.meaning().replace("|", "\\|"));
  }

  private static void assertGenerated(String name, String expected) throws IOException {
    String begin = "<!-- " + name + ": made from the sources, see CONTRIBUTING.md -->\n";
    String end = "<!-- end of " + name + " -->";
    String readme = Files.readString(README);
    int from = readme.indexOf(begin) + begin.length();
    int to = readme.indexOf(end);
    assertThat(readme).contains(begin, end);
    if ("update".equals(System.getProperty("readme"))) {
      Files.writeString(README, readme.substring(0, from) + expected + readme.substring(to));
      return;
    }
    assertThat(readme.substring(from, to))
        .as("README.md; CONTRIBUTING.md says how to bring it up to date")
        .isEqualTo(expected);
  }

  private static String section(String readme, String title) {
    String heading = "\n## " + title + "\n";
    assertThat(readme).contains(heading);
    String rest = readme.substring(readme.indexOf(heading) + heading.length());
    int next = rest.indexOf("\n## ");
    return next < 0 ? rest : rest.substring(0, next);
  }

  /** A model with three layers, a tokenizer and a run of two steps. */
  private static Path smallRun(Path folder) throws IOException {
    Path model = Golden.bundled(folder).model();
    for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
      try (InputStream in = Golden.class.getResourceAsStream("/dev/cocktail/transformer/text/tiny/" + file)) {
        Files.copy(in, model.resolve(file));
      }
    }
    String line =
        """
        {"messages": [{"role": "user", "content": "Who is there?"}, {"role": "assistant", "content": "It is me."}]}
        """;
    Files.writeString(folder.resolve("greetings.jsonl"), line.repeat(4));
    return Files.writeString(
        folder.resolve("run.yaml"),
        """
        model: %s
        tasks:
          - {name: greetings, train: greetings.jsonl, validation: greetings.jsonl}
        training: {max_steps: 2, max_length: 64, tokens_per_step: 64}
        """
            .formatted(model.getFileName()));
  }

  private static Path root() {
    for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
      if (Files.isRegularFile(folder.resolve("README.md")) && Files.isRegularFile(folder.resolve("cocktail"))) {
        return folder;
      }
    }
    throw new IllegalStateException("README.md is at or above no folder of " + Path.of("").toAbsolutePath());
  }
}
