package dev.cocktail.trainer.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.data.LossRule;
import dev.cocktail.trainer.data.MixtureRule;
import dev.cocktail.trainer.data.StopRule;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MixtureKeysTest {
  private static final String TASKS =
      """
      model: phi
      tasks:
        - {name: news, train: news.jsonl}
        - {name: tweets, train: tweets.jsonl}
      """;

  private static RunFile parse(String yaml) {
    return RunFile.parse(TASKS + yaml, "run.yaml", Path.of("/data"), "run");
  }

  @Test
  void everyStrategyIsRead() {
    assertThat(rule("{}")).isEqualTo(MixtureRule.proportional());
    assertThat(rule("{strategy: uniform}")).isEqualTo(MixtureRule.uniform());
    assertThat(rule("{strategy: temperature, temperature: 2.5}")).isEqualTo(MixtureRule.temperature(2.5));
    assertThat(rule("{strategy: capped, cap: 2000}")).isEqualTo(MixtureRule.capped(2000, 1));
    assertThat(rule("{strategy: capped, cap: 2000, temperature: 3}")).isEqualTo(MixtureRule.capped(2000, 3));
    assertThat(rule("{strategy: weights, weights: {tweets: 2, news: 0}}"))
        .isEqualTo(MixtureRule.weights(List.of(0., 2.)));
    assertThat(rule("{strategy: sequential, replacement: true}")).isEqualTo(MixtureRule.sequential().withReplacement());
    assertThat(rule("{strategy: uniform, unit: supervised_tokens}"))
        .isEqualTo(MixtureRule.uniform().inSupervisedTokens());
  }

  private static MixtureRule rule(String mixture) {
    RunFile run = parse("mixture: " + mixture + "\n");
    assertThat(RunFile.parse(run.toYaml(), "again.yaml", Path.of("/"), "x")).isEqualTo(run);
    return run.mixture().rule(run.taskNames());
  }

  @Test
  void everyEndIsRead() {
    assertThat(stop("{}")).isEqualTo(StopRule.epochs(3));
    assertThat(stop("{epochs: 0.5}")).isEqualTo(StopRule.epochs(0.5));
    assertThat(stop("{epochs: 2, epochs_of: largest}")).isEqualTo(StopRule.epochsOfLargest(2));
    assertThat(stop("{epochs: 2, epochs_of: smallest}")).isEqualTo(StopRule.epochsOfSmallest(2));
    assertThat(stop("{epochs_of: smallest}")).isEqualTo(StopRule.epochsOfSmallest(3));
    assertThat(stop("{max_steps: 7}")).isEqualTo(StopRule.steps(7));
    assertThat(stop("{max_examples: 7_000}")).isEqualTo(StopRule.examples(7000));
    assertThat(stop("{max_supervised_tokens: 1e6}")).isEqualTo(StopRule.supervisedTokens(1_000_000));
  }

  private static StopRule stop(String training) {
    RunFile run = parse("training: " + training + "\n");
    assertThat(RunFile.parse(run.toYaml(), "again.yaml", Path.of("/"), "x")).isEqualTo(run);
    return run.training().stop();
  }

  @Test
  void lossesAndCapsAreRead() {
    assertThat(parse("").training().lossRule(List.of("news", "tweets"))).isEqualTo(LossRule.TOKENS);
    RunFile run = parse("training: {loss: tasks, loss_weights: {tweets: 0.5}}\n");
    assertThat(run.training().lossRule(run.taskNames())).isEqualTo(LossRule.ofTasks(List.of(1., .5)));
    TaskSection capped =
        RunFile.parse(
                "model: m\ntasks: [{name: a, train: a.jsonl, max_examples: 100, seed: 5}]", "r", Path.of("/"), "r")
            .tasks()
            .getFirst();
    assertThat(capped.maxExamples()).hasValue(100);
    assertThat(capped.seed()).hasValue(5);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "mixture: {strategy: weights} | mixture.weights: | needs a number for each task",
        "mixture: {strategy: weights, weights: {}} | mixture.weights: | needs a number for each task",
        "mixture: {weights: {news: 1, tweets: 1}} | mixture.weights: | the strategy is proportional",
        "mixture: {strategy: weights, weights: {news: 1}} | mixture.weights: | no weight for task 'tweets'",
        "mixture: {strategy: weights, weights: {news: 1, tweet: 1}} | mixture.weights.tweet: | 'tweets'",
        "mixture: {strategy: weights, weights: {news: -1, tweets: 1}} | mixture.weights.news: | at least 0",
        "mixture: {strategy: weights, weights: {news: x, tweets: 1}} | mixture.weights.news: | found 'x'",
        "mixture: {strategy: weights, weights: {news: [1], tweets: 1}} | mixture.weights.news: | found a list",
        "mixture: {strategy: weights, weights: {news: 0, tweets: 0}} | mixture.weights: | sum to zero",
        "mixture: {strategy: weights, weights: {news: 1, news: 1}} | mixture.weights.news: | second time",
        "mixture: {strategy: weights, weights: [1, 1]} | mixture.weights: | a number for each task",
        "mixture: {strategy: temperature} | mixture.temperature: | needs its T",
        "mixture: {strategy: temperature, temperature: 0} | mixture.temperature: | above 0",
        "mixture: {strategy: temperature, temperature: -1} | mixture.temperature: | above 0",
        "mixture: {strategy: uniform, temperature: 2} | mixture.temperature: | the strategy is uniform",
        "mixture: {strategy: capped} | mixture.cap: | needs a size",
        "mixture: {strategy: capped, cap: 0} | mixture.cap: | at least 1",
        "mixture: {strategy: temperature, temperature: 2, cap: 5} | mixture.cap: | the strategy is temperature",
        "mixture: {strategy: sequential, unit: supervised_tokens} | mixture.unit: | the strategy is sequential",
        "mixture: {strategy: equal} | mixture.strategy: | not one of: proportional, uniform",
        "mixture: {unit: tokens} | mixture.unit: | 'supervised_tokens'",
        "training: {loss_weights: {news: 2}} | training.loss_weights: | loss is tokens",
        "training: {loss: tasks, loss_weights: {news: 0}} | training.loss_weights.news: | above 0",
        "training: {loss: tasks, loss_weights: {new: 1}} | training.loss_weights.new: | 'news'",
        "training: {max_steps: 5, max_examples: 5} | training.max_examples: | max_steps is given too",
        "training: {epochs: 1, max_supervised_tokens: 5} | training.max_supervised_tokens: | epochs is given too",
        "training: {max_steps: 5, epochs_of: largest} | training.epochs_of: | max_steps ends the run",
        "training: {max_examples: 0} | training.max_examples: | at least 1",
        "training: {epochs_of: bigest} | training.epochs_of: | 'largest'",
      })
  void whatDoesNotFitIsNamed(String line, String key, String expected) {
    assertThatThrownBy(() -> parse(line + "\n"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith("run.yaml:5: " + key)
        .hasMessageContaining(expected);
  }

  @Test
  void keysOfSeveralSectionsMustFit() {
    assertThatThrownBy(() -> parse("mixture: {strategy: sequential}\ntraining: {epochs_of: largest}\n"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith("run.yaml:6: training.epochs_of: mixture.strategy is sequential");
    assertThatThrownBy(
            () -> RunFile.parse("model: m\ntasks:\n  - {name: a, train: b, seed: 1}", "r.yaml", Path.of("/"), "r"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith("r.yaml:3: tasks[0].seed: decides which examples max_examples keeps");
  }
}
