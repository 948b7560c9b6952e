package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.trainer.config.TaskSection;
import dev.cocktail.trainer.data.DataPart;
import dev.cocktail.trainer.data.LeakAudit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs on data of other forms than messages in JSON lines. */
class TaskDataRunTest {
  private static final String TEMPLATE_RUN =
      """
      model: model
      adapter: {r: 2, lora_alpha: 4}
      tasks:
        - name: mood
          train: mood.csv
          validation: mood.validation.tsv
          template:
            user: "Mood? {{ text }}"
            assistant: "{{ label }}"
            labels: {0: bad, 1: good}
            document: text
      training: {max_steps: 2, max_length: 32, tokens_per_step: 64, on_too_long: cut}
      output: out
      """;

  @TempDir private Path path;
  private TinyFolder folder;

  @BeforeEach
  void write() {
    folder = TinyFolder.write(path);
    folder.write("run.yaml", TEMPLATE_RUN);
    folder.write(
        "mood.csv", "text,label\n\"rain, {{ label }}\",0\nsun,1\n" + "all day long it rains ".repeat(9) + ",0\n");
    folder.write("mood.validation.tsv", "label\ttext\n1\tlight\n");
  }

  @Test
  void trainsAndScoresOnTableOfFields() {
    CommandRun run = folder.train().done();
    assertThat(run.err())
        .contains("task mood: 3 examples")
        .contains("cut the documents of 1 by")
        .containsPattern("mean \\d+, median \\d+, 95 % up to \\d+, longest 32")
        .containsPattern("packing: \\d+ micro-batches of up to 32 tokens, \\d+\\.\\d % full");

    CommandRun scored =
        CommandRun.of(
            "eval",
            "--device",
            "cpu",
            "--run",
            folder.path("run.yaml").toString(),
            "--labels",
            "bad,good",
            "--method",
            "likelihood",
            "--items",
            folder.path("items.jsonl").toString());
    scored.done();
    assertThat(folder.text("items.jsonl")).contains("\"gold\":\"good\"").contains("Mood? light");
  }

  @Test
  void samplesAreShownWithoutWeightsAndNothingIsTrained() throws IOException {
    Files.delete(folder.path("model").resolve("model.safetensors"));
    Map<String, String> before = folder.contents();
    CommandRun run = CommandRun.of("train", "--show-sample=2", folder.path("run.yaml").toString()).done();
    assertThat(run.out().lines().filter(line -> line.startsWith("--- task mood, " + folder.path("mood.csv") + ":")))
        .hasSize(2);
    assertThat(run.out()).contains("⟦").doesNotContain("{{ text }}");
    assertThat(folder.contents()).isEqualTo(before);

    assertThat(CommandRun.of("train", "--show-sample", folder.path("run.yaml").toString()).done().out().lines())
        .filteredOn(line -> line.startsWith("--- task"))
        .hasSize(1);
    assertThat(CommandRun.of("train", "--show-sample=0", folder.path("run.yaml").toString()).exitCode()).isEqualTo(2);
  }

  @Test
  void whatIsWrongWithTemplatesIsSaidWithItsPlace() {
    for (var wrong :
        List.of(
            List.of("{{ text }}\"", "{{ txt }}\"", "document: no text of the template names the field 'text'"),
            List.of("{{ text }}\"", "{{ text \"", "run.yaml:8: tasks[0].template.user: the template"),
            List.of("assistant: \"{{ label }}\"", "", "assistant: is missing"),
            List.of("labels: {0: bad, 1: good}", "labels: {0: bad}", "mood.validation.tsv:2: '1' of the field 'label'"),
            List.of("{{ label }}\"", "{{ lable }}\"", "names the field 'lable'", "nearest is 'label'"),
            List.of("document: text", "document: text2", "document: no text of the template"),
            List.of("      document: text\n", "", "training.on_too_long: cuts documents, but no task"),
            List.of(
                "document: text\n", "document: text\n    format: {delimiter: abc}\n", "run.yaml:12", "one character"),
            List.of("document: text\n", "document: text\n    format: {charset: nonsense}\n", "no charset"),
            List.of(
                "document: text\n",
                "document: text\n    format: {delimiter: tab}\n",
                "mood.csv:2: not valid CSV",
                "format.delimiter, which is a tab"))) {
      folder.write("run.yaml", TEMPLATE_RUN);
      folder.edit("run.yaml", wrong.getFirst(), wrong.get(1));
      CommandRun run = folder.train();
      assertThat(run.exitCode()).as(run.err()).isEqualTo(2);
      assertThat(run.err()).contains(wrong.subList(2, wrong.size()));
      assertThat(folder.path("out")).doesNotExist();
    }
  }

  @Test
  void fingerprintsSayWhatIsLeftOut() {
    folder.write("held.csv", "text,label\nSun,0\n");
    TaskSection held = TaskSection.described(heldOut(), folder.path("."), Optional.of(folder.path("held.csv")));
    var sets = List.of(new LeakAudit.DataSet("held", DataPart.Kind.TEST, held.trainSource()));
    LeakAudit.of(sets, _ -> {}).heldOut().write(folder.path("leave-out.txt"));

    folder.edit("run.yaml", "on_too_long: cut", "on_too_long: cut, leave_out: leave-out.txt");
    assertThat(folder.train().done().err()).contains("task mood: 1 of 3 training examples left out");

    folder.write("leave-out.txt", "nonsense\n");
    folder.edit("run.yaml", "output: out", "output: other");
    CommandRun refused = folder.train();
    assertThat(refused.exitCode()).isEqualTo(2);
    assertThat(refused.err()).contains("leave-out.txt:1: no fingerprint");
  }

  /** The template of the run's task, as a description. */
  private String heldOut() {
    folder.write("held.yaml", "name: held\ntemplate: {user: \"Mood? {{ text }}\", assistant: \"{{ label }}\"}\n");
    return folder.path("held.yaml").toString();
  }

  @Test
  void validationExamplesThatAreTrainedOn() {
    folder.write("mood.validation.tsv", "label\ttext\n1\tlight\n1\t SUN \n0\tdark\n");
    CommandRun warned = folder.train().done();
    assertThat(warned.err())
        .contains(
            "warning: task mood: of its 3 validation examples, some are training examples too: 1 as the same text in"
                + " task mood, such as "
                + folder.path("mood.validation.tsv")
                + ":3 and "
                + folder.path("mood.csv")
                + ":3");

    folder.edit("run.yaml", "on_too_long: cut", "on_too_long: cut, on_shared_examples: error");
    folder.edit("run.yaml", "output: out", "output: other");
    CommandRun refused = folder.train();
    assertThat(refused.exitCode()).isEqualTo(2);
    assertThat(refused.err()).contains("1 as the same text").contains("on_shared_examples: exclude");
    assertThat(folder.path("other")).doesNotExist();

    folder.edit("run.yaml", "on_shared_examples: error", "on_shared_examples: exclude");
    CommandRun without = folder.train().done();
    assertThat(without.err())
        .contains("task mood: 1 of 3 training examples left out, which are held out for validation or tests")
        .doesNotContain("warning");
  }
}
