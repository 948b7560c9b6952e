package dev.cocktail.trainer.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.lora.AdaptedModel;
import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.trainer.cli.TinyFolder;
import dev.cocktail.trainer.config.StudyFile;
import dev.cocktail.trainer.data.ExampleEncoder;
import dev.cocktail.trainer.data.TaskData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TaskAffinityTest {
  @TempDir private Path temporary;

  @Test
  void cosinesOfKnownVectors() {
    assertThat(TaskAffinity.cosine(new double[] {1, 0}, new double[] {2, 2})).isCloseTo(Math.sqrt(.5), within(1e-15));
    assertThat(TaskAffinity.cosine(new double[] {1, 0}, new double[] {-3, 0})).isEqualTo(-1);
    assertThat(TaskAffinity.cosine(new double[] {1, 0}, new double[] {0, 0})).isZero();
  }

  @Test
  void whatIsTheSameIsMostAlikeAndHelpsItself() throws IOException {
    TinyFolder folder = TinyFolder.write(temporary);
    // Prompts and answers without a letter in common with the colours'.
    String others = "{\"prompt\": \"7%d1: \", \"completion\": \"%d00\"}\n";
    StringBuilder numbers = new StringBuilder();
    for (int i = 0; i < 6; i++) {
      numbers.append(others.formatted(i, i));
    }
    Files.writeString(folder.path("numbers.jsonl"), numbers);
    String task = "  - {name: %s, train: %s, validation: %s, test: %s, metric: exact_match}\n";
    StudyFile study =
        StudyFile.parse(
            "model: model\nadapter: {r: 2, lora_dropout: 0.5}\ntasks:\n"
                + task.formatted("colours", "train.jsonl", "train.jsonl", "validation.jsonl")
                + task.formatted("numbers", "numbers.jsonl", "numbers.jsonl", "validation.jsonl")
                + "training: {max_length: 64, learning_rate: 1.0e-2}\n",
            "study.yaml",
            folder.path("."),
            "study");
    try (var device = new CpuDevice(2);
        AdaptedModel model = AdaptedModel.open(study.model(), Optional.empty(), device)) {
      var encoder = new ExampleEncoder(model.encoder(), 64, ExampleEncoder.TooLong.ERROR);
      List<TaskData> data =
          study.tasks().stream().map(each -> TaskData.load(each.name(), each.trainSource(), encoder)).toList();
      TaskAffinity affinity = TaskAffinity.measure(study, model.model(), data, data, 4, () -> {});
      for (String name : List.of("colours", "numbers")) {
        String other = name.equals("colours") ? "numbers" : "colours";
        assertThat(affinity.gradientCosine().get(name).get(name)).isCloseTo(1, within(1e-9));
        assertThat(affinity.embeddingCosine().get(name).get(name)).isCloseTo(1, within(1e-9));
        assertThat(affinity.gradientCosine().get(name).get(other)).isLessThan(0.99).isGreaterThan(-1);
        assertThat(affinity.embeddingCosine().get(name).get(other)).isLessThan(0.9999).isGreaterThan(-1);
        assertThat(affinity.lookahead().get(name).get(name)).isPositive();
        assertThat(affinity.lookahead().get(name).get(name)).isGreaterThan(affinity.lookahead().get(name).get(other));
      }
      Map<String, Map<String, Double>> cosine = affinity.gradientCosine();
      assertThat(cosine.get("colours").get("numbers")).isCloseTo(cosine.get("numbers").get("colours"), within(1e-12));
      assertThat(TaskAffinity.measure(study, model.model(), data, data, 4, () -> {})).isEqualTo(affinity);
    }
  }
}
