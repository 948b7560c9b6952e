package dev.cocktail.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.safetensors.Checkpoint;
import dev.cocktail.tensor.testing.SharedFiles;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.TokenSequence;
import dev.cocktail.transformer.testing.Difference;
import dev.cocktail.transformer.testing.Golden;
import dev.cocktail.transformer.testing.ModelRuns;
import dev.cocktail.transformer.testing.TestDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MergeTest {
  private static final Merge.Progress SILENT = (tensor, done, total) -> {};
  private static final OptionalLong LIKE_BASE = OptionalLong.empty();

  @TempDir Path folder;
  private Golden golden;

  @BeforeEach
  void unpack() {
    golden = AdapterSetting.bundled(folder);
  }

  @ParameterizedTest
  @CsvSource({"false, false", "false, true", "true, false", "true, true"})
  void theMergedModelAnswersAsTheAdapterDoes(boolean dora, boolean rankStabilised) {
    List<TokenSequence> tokens = golden.inputs().sequences();
    Path adapterFolder = folder.resolve("made");
    Path merged = folder.resolve("merged");
    try (AdapterSetting setting = AdapterSetting.open(TestDevice.CPU, golden)) {
      AdapterConfig config =
          AdapterConfig.lora(3, 6, TargetModules.allLinear()).withDora(dora).withRankStabilised(rankStabilised);
      LoraAdapter adapter = setting.createMoved(config, 3);
      adapter.save(adapterFolder);
      Tensor expected = ModelRuns.logits(setting.model(), tokens, adapter);
      Tensor base = ModelRuns.logits(setting.model(), tokens);
      Merge.Result result = Merge.merge(golden.model(), adapterFolder, merged, LIKE_BASE, SILENT);
      assertThat(result.mergedModules()).isEqualTo(4 * setting.model().config().layers());
      try (Phi3Model model = Phi3Model.load(merged, setting.device())) {
        Tensor found = ModelRuns.logits(model, tokens);
        Difference.of(found, expected).assertWithin("merged logits", Golden.LOGITS_L2, Golden.LOGITS_MAX);
        assertThat(Difference.of(base, expected).relativeL2()).isGreaterThan(0.01);
      }
    }
  }

  @Test
  void everythingElseIsCopiedAndWeightsAreNot() throws IOException {
    Path model = golden.model();
    Files.writeString(model.resolve("chat_template.jinja"), "{{ x }}");
    Files.writeString(model.resolve("pytorch_model.bin"), "old");
    Files.writeString(model.resolve("pytorch_model.bin.index.json"), "old");
    Files.writeString(model.resolve("other.safetensors"), "old");
    Files.writeString(Files.createDirectories(model.resolve("additional_chat_templates")).resolve("a.jinja"), "a");
    List<String> told = new ArrayList<>();
    Path merged = folder.resolve("merged");
    Merge.Result result =
        Merge.merge(
            model,
            model.resolve("adapter"),
            merged,
            LIKE_BASE,
            (tensor, done, total) -> told.add(tensor + " " + done + "/" + total));
    assertThat(told).hasSize(result.tensors());
    assertThat(told.getLast()).endsWith(" " + result.bytes() + "/" + result.bytes());
    assertThat(merged.resolve("chat_template.jinja")).hasContent("{{ x }}");
    assertThat(merged.resolve("additional_chat_templates/a.jinja")).hasContent("a");
    assertThat(merged.resolve("config.json")).hasSameBinaryContentAs(model.resolve("config.json"));
    try (Stream<Path> files = Files.list(merged)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .contains("model.safetensors")
          .doesNotContain("pytorch_model.bin", "pytorch_model.bin.index.json", "other.safetensors", "adapter");
    }
  }

  @Test
  void shardsAsLargeAsAsked() throws IOException {
    Path merged = folder.resolve("merged");
    Merge.merge(golden.model(), golden.model().resolve("adapter"), merged, OptionalLong.of(300_000), SILENT);
    try (Checkpoint shards = Checkpoint.open(merged);
        Checkpoint base = Checkpoint.open(golden.model())) {
      assertThat(shards.files()).hasSizeGreaterThan(4);
      assertThat(shards.names()).containsExactlyInAnyOrderElementsOf(base.names());
      assertThat(shards.totalBytes()).isEqualTo(base.totalBytes());
    }
  }

  @Test
  void shardsAndBfloat16StayAsTheyWere() {
    Path reference = SharedFiles.require("reference/phi3_mini_tiny");
    Path model = reference.resolve("model_bf16");
    Path merged = folder.resolve("merged");
    Merge.merge(model, reference.resolve("adapter_dora"), merged, LIKE_BASE, SILENT);
    try (Checkpoint found = Checkpoint.open(merged);
        Checkpoint base = Checkpoint.open(model)) {
      assertThat(found.files()).hasSize(2);
      for (String name : base.names()) {
        assertThat(found.fileOf(name).getFileName()).isEqualTo(base.fileOf(name).getFileName());
        assertThat(found.tensor(name).dtype()).isEqualTo(DType.BF16);
        boolean same = found.tensor(name).segment().mismatch(base.tensor(name).segment()) == -1;
        assertThat(same).as(name).isEqualTo(!name.contains("_proj"));
      }
    }
  }

  @Test
  void overwritesNothingAndLeavesNothingBehind() throws IOException {
    Path model = golden.model();
    Path adapter = model.resolve("adapter");
    assertThatThrownBy(() -> Merge.merge(model, adapter, model, LIKE_BASE, SILENT))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("exists and is not empty");
    Path file = Files.writeString(folder.resolve("file"), "x");
    assertThatThrownBy(() -> Merge.merge(model, adapter, file, LIKE_BASE, SILENT))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("is a file");
    Path target = folder.resolve("merged");
    assertThatThrownBy(() ->
            Merge.merge(
                model,
                adapter,
                target,
                LIKE_BASE,
                (tensor, done, total) -> {
                  throw new IllegalStateException("stopped");
                }))
        .hasMessage("stopped");
    assertThat(target).doesNotExist();
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.map(path -> path.getFileName().toString())).containsExactlyInAnyOrder("phi3_gqa_tiny", "file");
    }
    Merge.merge(model, adapter, Files.createDirectory(target), LIKE_BASE, SILENT);
    assertThat(target.resolve("model.safetensors")).exists();
  }
}
