package dev.cocktail.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.Variable;
import dev.cocktail.tensor.safetensors.SafetensorsFile;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.TokenSequence;
import dev.cocktail.transformer.testing.Difference;
import dev.cocktail.transformer.testing.Golden;
import dev.cocktail.transformer.testing.ModelRuns;
import dev.cocktail.transformer.testing.TestDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class LoraAdapterTest {
  private static final AdapterConfig LORA = AdapterConfig.lora(3, 6, TargetModules.allLinear());
  private static final List<TokenSequence> TOKENS =
      List.of(TokenSequence.of(5, 9, 2, 300, 41, 7, 8), TokenSequence.of(11), TokenSequence.of(1, 2, 3));

  @TempDir static Path temporary;
  private static Golden golden;

  @BeforeAll
  static void unpack() {
    golden = AdapterSetting.bundled(temporary);
  }

  @ParameterizedTest
  @CsvSource({"REFERENCE, false", "REFERENCE, true", "CPU, false", "CPU, true"})
  void aNewAdapterChangesNotOneBit(TestDevice kind, boolean dora) {
    try (AdapterSetting setting = AdapterSetting.open(kind, golden)) {
      LoraAdapter adapter = setting.create(LORA.withDora(dora), 7);
      Tensor base = ModelRuns.logits(setting.model(), TOKENS);
      for (LinearTransform transform : List.of(adapter, adapter.inference())) {
        Tensor adapted = ModelRuns.logits(setting.model(), TOKENS, transform);
        for (long i = 0; i < base.elements(); i++) {
          assertThat(adapted.get(i) == base.get(i)).isTrue();
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(TestDevice.class)
  void initialisationIsPeftsAndDecidedByTheKey(TestDevice kind) {
    try (AdapterSetting setting = AdapterSetting.open(kind, golden)) {
      Map<String, Variable> first = setting.create(LORA, 7).parameters();
      Map<String, Variable> again = setting.create(LORA, 7).parameters();
      Map<String, Variable> other = setting.create(LORA, 8).parameters();
      first.forEach((name, parameter) -> {
        Tensor value = parameter.value();
        assertThat(value.segment().mismatch(again.get(name).value().segment())).isEqualTo(-1);
        if (name.endsWith("lora_A.weight")) {
          double bound = 1 / Math.sqrt(value.dim(1));
          double sumOfSquares = 0;
          for (long i = 0; i < value.elements(); i++) {
            assertThat(Math.abs(value.get(i))).isLessThanOrEqualTo(bound * (1 + 0x1p-23));
            sumOfSquares += value.get(i) * value.get(i);
          }
          // The variance of U(-b, b) is b^2 / 3; the mean of n squares strays by b^2 sqrt(4 / 45 / n).
          double n = value.elements();
          assertThat(Math.abs(sumOfSquares / n - bound * bound / 3))
              .isLessThan(5 * bound * bound * Math.sqrt(4.0 / 45 / n));
          assertThat(value.segment().mismatch(other.get(name).value().segment())).isNotEqualTo(-1);
        } else {
          assertThat(Difference.of(value, value).relativeMax()).isZero();
          assertThat(value.get(0)).isZero();
        }
        assertThat(parameter.gradient().get(0)).isZero();
      });
      assertThat(first.keySet()).hasSize(2 * 4 * setting.model().config().layers());
    }
  }

  @ParameterizedTest
  @CsvSource({"REFERENCE, false, false", "REFERENCE, true, true", "CPU, false, true", "CPU, true, false"})
  void whatIsSavedComesBack(TestDevice kind, boolean dora, boolean rankStabilised, @TempDir Path folder) {
    try (AdapterSetting setting = AdapterSetting.open(kind, golden)) {
      AdapterConfig config =
          LORA.withDora(dora)
              .withRankStabilised(rankStabilised)
              .withTargets(TargetModules.named("qkv_proj", "down_proj"));
      LoraAdapter adapter = setting.createMoved(config, 3);
      Path target = folder.resolve("made/adapter");
      adapter.save(target);
      adapter.save(target);
      assertThat(target.getParent()).isDirectoryNotContaining("glob:**.tmp");
      LoraAdapter loaded = setting.load(target, false);
      assertThat(loaded.config()).isEqualTo(config);
      assertThat(loaded.parameters().keySet()).isEqualTo(adapter.parameters().keySet());
      adapter
          .parameters()
          .forEach((name, parameter) -> {
            assertThat(loaded.parameters().get(name).requiresGradient()).isFalse();
            for (long i = 0; i < parameter.value().elements(); i++) {
              assertThat(loaded.parameters().get(name).value().get(i)).isEqualTo((float) parameter.value().get(i));
            }
          });
      try (var file = SafetensorsFile.open(target.resolve(AdapterFile.FILE))) {
        assertThat(file.metadata()).isEqualTo(Map.of("format", "pt"));
        assertThat(file.names()).allMatch(name -> file.describe(name).startsWith("F32"));
      }
    }
  }

  @Test
  void peftsFileIsWrittenBackByteForByteInItsTensors(@TempDir Path folder) {
    try (AdapterSetting setting = AdapterSetting.open(TestDevice.CPU, golden)) {
      Path original = golden.model().resolve("adapter");
      setting.load(original, true).save(folder.resolve("again"));
      try (var before = SafetensorsFile.open(original.resolve(AdapterFile.FILE));
          var after = SafetensorsFile.open(folder.resolve("again").resolve(AdapterFile.FILE))) {
        assertThat(after.names()).containsExactlyInAnyOrderElementsOf(before.names());
        before
            .names()
            .forEach(
                name -> assertThat(after.tensor(name).segment().mismatch(before.tensor(name).segment())).isEqualTo(-1));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"REFERENCE, false", "REFERENCE, true", "CPU, false", "CPU, true"})
  void dropoutIsDecidedByItsKey(TestDevice kind, boolean dora) {
    try (AdapterSetting setting = AdapterSetting.open(kind, golden)) {
      LoraAdapter adapter = setting.createMoved(LORA.withDora(dora).withDropout(0.3), 3);
      var model = setting.model();
      Tensor once = ModelRuns.logits(model, TOKENS, adapter.training(new RandomKey(1, 2)));
      Tensor again = ModelRuns.logits(model, TOKENS, adapter.training(new RandomKey(1, 2)));
      Tensor other = ModelRuns.logits(model, TOKENS, adapter.training(new RandomKey(1, 3)));
      Tensor without = ModelRuns.logits(model, TOKENS, adapter);
      assertThat(again.segment().mismatch(once.segment())).isEqualTo(-1);
      assertThat(Difference.of(other, once).relativeL2()).isGreaterThan(1e-4);
      assertThat(Difference.of(without, once).relativeL2()).isGreaterThan(1e-4);
      // Nothing is dropped while the adapter is not learning, and nothing when there is no dropout.
      assertThat(Difference.of(ModelRuns.logits(model, TOKENS, adapter.inference()), without).relativeL2())
          .isLessThan(1e-6);
    }
  }

  @ParameterizedTest
  @CsvSource({"REFERENCE, false", "REFERENCE, true", "CPU, false", "CPU, true"})
  void recomputedLayersGiveTheSameGradientsUnderDropout(TestDevice kind, boolean dora) {
    try (AdapterSetting setting = AdapterSetting.open(kind, golden)) {
      LoraAdapter adapter = setting.createMoved(LORA.withDora(dora).withDropout(0.3), 3);
      List<TokenSequence> tokens = golden.inputs().sequences();
      ModelRuns.lossAndGradients(setting.model(), tokens, adapter.training(new RandomKey(1, 2)), false);
      Map<String, Tensor> stored = new LinkedHashMap<>();
      adapter.parameters().forEach((name, parameter) -> stored.put(name, Golden.copy(parameter.gradient())));
      AdapterSetting.clearGradients(setting, adapter);
      ModelRuns.lossAndGradients(setting.model(), tokens, adapter.training(new RandomKey(1, 2)), true);
      adapter
          .parameters()
          .forEach((name, parameter) ->
              assertThat(Golden.copy(parameter.gradient()).segment().mismatch(stored.get(name).segment()))
                  .as(name)
                  .isEqualTo(-1));
    }
  }

  @Test
  void refusesTargetsAndInitialisationsItCannotMake() throws IOException {
    try (AdapterSetting setting = AdapterSetting.open(TestDevice.CPU, golden)) {
      assertThatThrownBy(() -> setting.create(LORA.withTargets(TargetModules.named("gate_proj")), 1))
          .isInstanceOf(InvalidInputException.class)
          .hasMessageContaining("the nearest is 'gate_up_proj'");
      Path file =
          Files.writeString(
              temporary.resolve("other.json"),
              "{\"peft_type\":\"LORA\",\"target_modules\":\"all-linear\",\"init_lora_weights\":false}");
      assertThatThrownBy(() -> setting.create(AdapterConfig.read(file), 1))
          .isInstanceOf(InvalidInputException.class)
          .hasMessageContaining("init_lora_weights");
    }
  }
}
