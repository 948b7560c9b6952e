package dev.cocktail.transformer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.testing.SharedFiles;
import dev.cocktail.transformer.testing.Golden;
import dev.cocktail.transformer.testing.ModelRuns;
import dev.cocktail.transformer.testing.TestDevice;
import dev.cocktail.transformer.testing.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Continuations against another implementation's, against full recomputation, and against each other. */
class GenerationTest {
  private static final List<int[]> PROMPTS =
      List.of(
          new int[] {7, 301, 45},
          new int[] {460, 49, 217, 136, 312, 241},
          new int[] {5},
          new int[] {9, 8, 7, 6, 5, 4, 3, 2, 11},
          new int[] {100, 200});

  @TempDir Path temporary;

  private static GenerationSettings greedy(int tokens) {
    return GenerationSettings.greedy(tokens, Set.of());
  }

  @ParameterizedTest
  @CsvSource({
    "bundled, REFERENCE",
    "bundled, CPU",
    "phi3_gqa_tiny, CPU",
    "phi3_mini_tiny, REFERENCE",
    "phi3_mini_tiny, CPU",
    "phi35_longrope_tiny, REFERENCE",
    "phi35_longrope_tiny, CPU"
  })
  void greedyIdsMatchTheReference(String name, TestDevice kind) {
    Golden golden = name.equals("bundled") ? Golden.bundled(temporary) : Golden.shared(name);
    JsonNode expected = golden.json("generation.json");
    try (Device device = kind.open();
        Phi3Model model = Phi3Model.load(golden.model(), device)) {
      var generator = new Generator(model, LinearTransform.BASE);
      List<Generated> generated =
          generator.generate(
              List.of(Golden.ints(expected.path("prompt"))),
              greedy(expected.path("new_tokens").intValue()),
              GenerationListener.NONE);
      assertThat(generated).hasSize(1);
      assertThat(generated.getFirst().ids()).containsExactly(Golden.ints(expected.path("base")));
      assertThat(generated.getFirst().finish()).isEqualTo(Generated.Finish.LENGTH);
    }
  }

  @Test
  void pretrainedModelTellsItsStory() throws IOException {
    Path folder = SharedFiles.require("data/weights/stories260K-phi3");
    JsonNode expected =
        JsonMapper.builder().build().readTree(Files.readAllBytes(folder.resolve("expected-greedy.json")));
    int[] story = Golden.ints(expected.path("greedy_ids"));
    try (Device device = TestDevice.CPU.open();
        Phi3Model model = Phi3Model.load(folder, device)) {
      List<Generated> generated =
          new Generator(model, LinearTransform.BASE)
              .generate(
                  List.of(Golden.ints(expected.path("prompt_ids"))), greedy(story.length), GenerationListener.NONE);
      assertThat(generated.getFirst().ids()).containsExactly(story);
    }
  }

  @ParameterizedTest
  @EnumSource(TestDevice.class)
  void batchEqualsSingleEqualsRecomputed(TestDevice kind) {
    // A window shorter than the sequences, so that the cache's window is exercised too.
    Path windowed =
        TinyModels.withConfig(
            Golden.bundled(temporary).model(),
            temporary.resolve("windowed"),
            config -> config.put("sliding_window", 5));
    for (Path folder : List.of(Golden.bundled(temporary).model(), windowed)) {
      try (Device device = kind.open();
          Phi3Model model = Phi3Model.load(folder, device)) {
        var generator = new Generator(model, LinearTransform.BASE);
        List<int[]> recomputed = PROMPTS.stream().map(prompt -> recompute(model, prompt, 12)).toList();
        for (int maxBatch : new int[] {1, 2, 5}) {
          List<Generated> generated =
              generator.generate(PROMPTS, greedy(12).withMaxBatch(maxBatch), GenerationListener.NONE);
          for (int p = 0; p < PROMPTS.size(); p++) {
            assertThat(generated.get(p).promptIds()).containsExactly(PROMPTS.get(p));
            assertThat(generated.get(p).ids()).as("prompt %d of %s", p, folder).containsExactly(recomputed.get(p));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(TestDevice.class)
  void longropeBatchesCrossTheBoundaryOneByOne(TestDevice kind) {
    Golden golden = Golden.shared("phi35_longrope_tiny");
    try (Device device = kind.open();
        Phi3Model model = Phi3Model.load(golden.model(), device)) {
      List<Generated> generated =
          new Generator(model, LinearTransform.BASE)
              .generate(PROMPTS, greedy(20).withMaxBatch(3), GenerationListener.NONE);
      for (int p = 0; p < PROMPTS.size(); p++) {
        assertThat(generated.get(p).ids()).as("prompt %d", p).containsExactly(recompute(model, PROMPTS.get(p), 20));
      }
    }
  }

  private static int[] recompute(Phi3Model model, int[] prompt, int tokens) {
    int[] ids = prompt;
    for (int i = 0; i < tokens; i++) {
      Tensor logits = ModelRuns.logits(model, List.of(TokenSequence.of(ids)));
      int vocabulary = model.config().vocabSize();
      long row = (long) (ids.length - 1) * vocabulary;
      int best = 0;
      for (int v = 1; v < vocabulary; v++) {
        if (logits.get(row + v) > logits.get(row + best)) {
          best = v;
        }
      }
      ids = Arrays.copyOf(ids, ids.length + 1);
      ids[ids.length - 1] = best;
    }
    return Arrays.copyOfRange(ids, prompt.length, ids.length);
  }

  @Test
  void stopTokensEndASequenceAndAreNotStreamed() {
    Golden golden = Golden.bundled(temporary);
    int[] expected = Golden.ints(golden.json("generation.json").path("base"));
    List<int[]> prompts = List.of(Golden.ints(golden.json("generation.json").path("prompt")), new int[] {3, 4});
    List<Integer> streamed = new ArrayList<>();
    List<Integer> finished = new ArrayList<>();
    GenerationListener listener =
        new GenerationListener() {
          @Override
          public void token(int prompt, int id) {
            if (prompt == 0) {
              streamed.add(id);
            }
          }

          @Override
          public void finished(int prompt, Generated result) {
            finished.add(prompt);
          }
        };
    try (Device device = TestDevice.REFERENCE.open();
        Phi3Model model = Phi3Model.load(golden.model(), device)) {
      List<Generated> generated =
          new Generator(model, LinearTransform.BASE)
              .generate(prompts, GenerationSettings.greedy(9, Set.of(expected[4], 511)), listener);
      assertThat(generated.getFirst().ids()).containsExactly(Arrays.copyOf(expected, 5));
      assertThat(generated.getFirst().answerIds()).containsExactly(Arrays.copyOf(expected, 4));
      assertThat(generated.getFirst().finish()).isEqualTo(Generated.Finish.STOP);
      assertThat(streamed).containsExactly(expected[0], expected[1], expected[2], expected[3]);
      assertThat(finished).containsExactlyInAnyOrder(0, 1);
    }
  }

  @Test
  void contextEndsASequenceAndBoundsThePrompt() {
    Path small =
        TinyModels.withConfig(
            Golden.bundled(temporary).model(),
            temporary.resolve("small"),
            config -> config.put("max_position_embeddings", 8));
    try (Device device = TestDevice.REFERENCE.open();
        Phi3Model model = Phi3Model.load(small, device)) {
      var generator = new Generator(model, LinearTransform.BASE);
      List<Generated> generated =
          generator.generate(List.of(new int[] {1, 2, 3}, new int[7]), greedy(100), GenerationListener.NONE);
      assertThat(generated.get(0).ids()).hasSize(5);
      assertThat(generated.get(1).ids()).hasSize(1);
      assertThat(generated.get(0).finish()).isEqualTo(Generated.Finish.LENGTH);
      assertThatThrownBy(() -> generator.generate(List.of(new int[8]), greedy(1), GenerationListener.NONE))
          .isInstanceOf(InvalidInputException.class)
          .hasMessageContaining("prompt 0 is longer than the context")
          .hasMessageContaining("8 tokens");
      assertThatThrownBy(() -> generator.generate(List.of(new int[0]), greedy(1), GenerationListener.NONE))
          .isInstanceOf(InvalidInputException.class)
          .hasMessageContaining("empty");
      assertThatThrownBy(() -> generator.generate(List.of(new int[] {512}), greedy(1), GenerationListener.NONE))
          .isInstanceOf(InvalidInputException.class)
          .hasMessageContaining("vocabulary of 512");
      assertThat(generator.generate(List.of(), greedy(1), GenerationListener.NONE)).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource(TestDevice.class)
  void drawsDependOnSeedPromptAndPositionOnly(TestDevice kind) {
    try (Device device = kind.open();
        Phi3Model model = Phi3Model.load(Golden.bundled(temporary).model(), device)) {
      var generator = new Generator(model, LinearTransform.BASE);
      var settings = GenerationSettings.sampling(10, 0.8, 50, 0.95, 17, Set.of());
      List<Generated> together = generator.generate(PROMPTS, settings.withMaxBatch(5), GenerationListener.NONE);
      List<Generated> oneByOne = generator.generate(PROMPTS, settings.withMaxBatch(1), GenerationListener.NONE);
      var otherSeed = GenerationSettings.sampling(10, 0.8, 50, 0.95, 18, Set.of());
      List<Generated> others = generator.generate(PROMPTS, otherSeed, GenerationListener.NONE);
      for (int p = 0; p < PROMPTS.size(); p++) {
        assertThat(together.get(p).ids()).containsExactly(oneByOne.get(p).ids());
        assertThat(together.get(p).ids()).isNotEqualTo(others.get(p).ids());
      }
      var onlyBest = GenerationSettings.sampling(6, 1.3, 1, 1, 3, Set.of());
      var tinyNucleus = GenerationSettings.sampling(6, 1.3, 0, 1e-9, 4, Set.of());
      List<Generated> best = generator.generate(PROMPTS, greedy(6), GenerationListener.NONE);
      List<Generated> fromBestOnly = generator.generate(PROMPTS, onlyBest, GenerationListener.NONE);
      List<Generated> fromTinyNucleus = generator.generate(PROMPTS, tinyNucleus, GenerationListener.NONE);
      for (int p = 0; p < PROMPTS.size(); p++) {
        assertThat(fromBestOnly.get(p).ids()).containsExactly(best.get(p).ids());
        assertThat(fromTinyNucleus.get(p).ids()).containsExactly(best.get(p).ids());
      }
    }
  }

  @Test
  void stopIdsComeFromTheGenerationConfiguration() throws IOException {
    Path folder = Golden.bundled(temporary).model();
    Phi3Config config = Phi3Config.read(folder);
    assertThat(StopIds.read(folder, config)).containsExactly(2);
    Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": [32000, 32001, 32007]}");
    assertThat(StopIds.read(folder, config)).containsExactlyInAnyOrder(32000, 32001, 32007);
    Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": 7}");
    assertThat(StopIds.read(folder, config)).containsExactly(7);
    Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": \"x\"}");
    assertThatThrownBy(() -> StopIds.read(folder, config))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("generation_config.json")
        .hasMessageContaining("eos_token_id");
  }
}
