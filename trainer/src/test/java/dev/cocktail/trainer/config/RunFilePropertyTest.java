package dev.cocktail.trainer.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.InvalidInputException;
import java.nio.file.Path;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class RunFilePropertyTest {
  private static final Path FOLDER = Path.of("/data");

  private static final String FULL =
      """
      model: phi # the base
      adapter: {type: lora, r: 8, lora_alpha: 16.0, lora_dropout: 0.05, target_modules: [qkv_proj], use_dora: true}
      tasks:
        - {name: fpb, train: "fpb.jsonl", validation: ../val.jsonl}
        - name: news
          train: &file news.jsonl
          test: *file
          format: {type: csv, delimiter: tab, quote: none, charset: utf-16, columns: [a, "null", "b c"]}
          system: "be brief"
          learn: last
          template:
            user: |
              {{ fields['b c'] }}
              {{ a }}
            assistant: "{{ fields['null'] }}"
            labels: {0: no, "null": "true", "": 'ä "quoted"'}
            document: a
            turns: [{user: "{{ a }}?", assistant: "no"}, {user: b, assistant: c}]
            history: "earlier turns"
            fields: {"b c": "{{ a }}: 'x'", d: "e"}
            where: "a == 'b'"
          roles: {"function call": assistant, 1: user}
      mixture: {strategy: weights, weights: {fpb: 2, news: 1.5}, unit: supervised_tokens, seed: 7}
      training:
        max_steps: 10
        learning_rate: 2e-4
        schedule: linear
        warmup_steps: 3
        loss: tasks
        loss_weights: {news: 3}
        checkpoint_layers: true
      evaluation: {every: 0.25 epochs}
      output: out
      """;

  private static final List<String> FRAGMENTS =
      List.of(
          "\n",
          " ",
          "  ",
          ":",
          ": ",
          "- ",
          "[",
          "]",
          "{",
          "}",
          "\"",
          "'",
          "#",
          "&a ",
          "*a",
          "!!int ",
          "|",
          ">",
          "%YAML 1.1\n",
          "---\n",
          "...",
          "?",
          "<<: ",
          "null",
          "~",
          "true",
          "-1",
          "1e400",
          "0x1F",
          "2001-01-01",
          "\t",
          "\u0000",
          "\uFEFF",
          "\uD83D\uDE00",
          "\\",
          "!!javax.script.ScriptEngineManager ",
          "model",
          "tasks: ",
          "training",
          "9".repeat(50));

  /** A change of a text: what it cuts and what it puts there instead. */
  record Change(double place, int cut, String put) {
    String applyTo(String text) {
      int start = (int) (place * text.length());
      return text.substring(0, start) + put + text.substring(Math.min(text.length(), start + cut));
    }
  }

  @Provide
  Arbitrary<List<Change>> changes() {
    return Combinators.combine(
            Arbitraries.doubles().between(0, true, 1, false),
            Arbitraries.integers().between(0, 12),
            Arbitraries.oneOf(Arbitraries.of(FRAGMENTS), Arbitraries.strings().ofMaxLength(4)))
        .as(Change::new)
        .list()
        .ofMinSize(1)
        .ofMaxSize(4);
  }

  @Property(tries = 1500)
  void anyChangeIsReadOrRefusedWithAMessage(@ForAll("changes") List<Change> changes) {
    String text = FULL;
    for (Change change : changes) {
      text = change.applyTo(text);
    }
    try {
      assertThat(parse(text).tasks()).isNotEmpty();
    } catch (InvalidInputException e) {
      assertThat(e).hasMessageStartingWith("run.yaml:");
      assertThat(e.getMessage().lines()).hasSize(1);
    }
  }

  @Provide
  Arbitrary<RunFile> runs() {
    Arbitrary<Path> paths =
        Arbitraries.strings()
            .excludeChars('\u0000', '/')
            .ofMinLength(1)
            .ofMaxLength(12)
            .filter(name -> isWellFormed(name) && !name.startsWith("~"))
            .map(name -> FOLDER.resolve(name).normalize());
    RunFile base = parse(FULL);
    return Combinators.combine(
            paths, Arbitraries.longs(), Arbitraries.doubles().between(1e-12, 1e3).ofScale(15), targets())
        .as((path, seed, rate, targets) -> {
          RunFile run = base.withOutput(path).withSeed(seed);
          RunFile other = Sections.with(run, "model", path);
          other = Sections.with(other, "adapter", Sections.with(run.adapter(), "targetModules", targets));
          return Sections.with(other, "training", Sections.with(run.training(), "learningRate", rate));
        });
  }

  private static Arbitrary<TargetModules> targets() {
    return Arbitraries.of(
        TargetModules.of("all-linear"),
        TargetModules.of(".*\\.(qkv|o)_proj\""),
        TargetModules.of(List.of("a.b", "true", "1")));
  }

  private static boolean isWellFormed(String text) {
    return text.codePoints().noneMatch(c -> c >= 0xD800 && c <= 0xDFFF);
  }

  @Property(tries = 300)
  void whatIsWrittenIsReadBack(@ForAll("runs") RunFile run) {
    assertThat(RunFile.parse(run.toYaml(), "resolved.yaml", Path.of("/elsewhere"), "other")).isEqualTo(run);
  }

  private static RunFile parse(String yaml) {
    return RunFile.parse(yaml, "run.yaml", FOLDER, "run");
  }
}
