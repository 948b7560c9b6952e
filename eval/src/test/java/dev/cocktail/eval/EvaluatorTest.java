package dev.cocktail.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.eval.EvaluationItem.Chat;
import dev.cocktail.eval.EvaluationItem.Plain;
import dev.cocktail.eval.EvaluationSettings.Method;
import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.answer.LabelForm;
import dev.cocktail.eval.answer.NumberForm;
import dev.cocktail.eval.answer.TextForm;
import dev.cocktail.eval.metric.Metric;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.transformer.Generated;
import dev.cocktail.transformer.GenerationListener;
import dev.cocktail.transformer.GenerationSettings;
import dev.cocktail.transformer.Generator;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.TokenSequence;
import dev.cocktail.transformer.testing.Golden;
import dev.cocktail.transformer.testing.ModelRuns;
import dev.cocktail.transformer.testing.TestDevice;
import dev.cocktail.transformer.text.ChatEncoder;
import dev.cocktail.transformer.text.Message;
import dev.cocktail.transformer.text.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Evaluations of a tiny model, against its logits and against one prompt at a time. */
class EvaluatorTest {
  /** Of a relative difference; sums are rounded to F32 and come in another order in other batches. */
  private static final double SINGLE = 1e-5;

  private static final List<String> LABELS = List.of("up", "down", "down a lot");

  @TempDir private Path temporary;
  private Device device;
  private Phi3Model model;
  private Tokenizer tokenizer;
  private ChatEncoder encoder;

  @BeforeEach
  void open() throws IOException {
    Path folder = Golden.bundled(temporary).model();
    for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
      try (InputStream in = Golden.class.getResourceAsStream("/dev/cocktail/transformer/text/tiny/" + file)) {
        Files.copy(in, folder.resolve(file));
      }
    }
    device = TestDevice.CPU.open();
    model = Phi3Model.load(folder, device);
    tokenizer = Tokenizer.load(folder);
    encoder = ChatEncoder.of(tokenizer);
  }

  @AfterEach
  void close() {
    tokenizer.close();
    model.close();
    device.close();
  }

  private static EvaluationItem plain(int line, String prompt, String gold) {
    return new EvaluationItem("data.jsonl:" + line, new Plain(prompt), gold, Optional.of("page " + line / 2));
  }

  private static EvaluationItem chat(int line, String question, String gold) {
    return new EvaluationItem("data.jsonl:" + line, new Chat(List.of(Message.user(question))), gold, Optional.empty());
  }

  private static List<EvaluationItem> items() {
    return List.of(
        plain(1, "gold: ", "up"),
        chat(2, "oil?", "down a lot"),
        plain(3, "prices of grain: ", "Down"),
        chat(4, "tin", "up"),
        plain(5, "s: ", "up"));
  }

  private static EvaluationTask task(List<EvaluationItem> items) {
    return new EvaluationTask(
        "moves", items, new LabelForm(LABELS), List.of(Metric.ACCURACY, Metric.MATTHEWS_CORRELATION));
  }

  private Evaluation evaluate(EvaluationSettings settings, EvaluationTask task) {
    return new Evaluator(model, LinearTransform.BASE, encoder, settings).evaluate(task);
  }

  @Test
  void generatedAnswersAreThoseOfOnePromptAtATime() {
    Evaluation together = evaluate(EvaluationSettings.generation(Set.of()).withMaxNewTokens(6), task(items()));
    Evaluation tight =
        evaluate(EvaluationSettings.generation(Set.of()).withMaxNewTokens(6).withBatchTokens(60), task(items()));

    var generator = new Generator(model, LinearTransform.BASE);
    for (int i = 0; i < items().size(); i++) {
      int[] prompt =
          switch (items().get(i).prompt()) {
            case Chat chat -> encoder.encodePrompt(chat.messages());
            case Plain plain -> encoder.encodePrompt(plain.text());
          };
      Generated alone =
          generator
              .generate(List.of(prompt), GenerationSettings.greedy(6, Set.of()), GenerationListener.NONE)
              .getFirst();
      String expected = tokenizer.decode(alone.answerIds(), true);
      assertThat(together.items().get(i).answer()).isEqualTo(expected);
      assertThat(tight.items().get(i).answer()).isEqualTo(expected);
      assertThat(together.items().get(i).finish()).isEqualTo("length");
    }
    assertThat(together.cut()).isEqualTo(items().size());
    assertThat(tight.loss().orElseThrow()).isCloseTo(together.loss().orElseThrow(), within(SINGLE));
  }

  @Test
  void anAnswerEndsAtAStopToken() {
    EvaluationTask task = task(List.of(plain(1, "gold: ", "up")));
    var open = EvaluationSettings.generation(Set.of()).withMaxNewTokens(4);
    int[] ids =
        new Generator(model, LinearTransform.BASE)
            .generate(
                List.of(encoder.encodePrompt("gold: ")),
                GenerationSettings.greedy(4, Set.of()),
                GenerationListener.NONE)
            .getFirst()
            .ids();
    var stopped = new EvaluationSettings(Method.GENERATION, open.maxNewTokens(), open.batchTokens(), Set.of(ids[0]));

    ItemResult result = evaluate(stopped, task).items().getFirst();

    assertThat(result.finish()).isEqualTo("stop");
    assertThat(result.answer()).isEmpty();
    assertThat(result.strict().read()).isEmpty();
    assertThat(evaluate(stopped, task).unreadable(Reading.LENIENT)).hasValue(1);
  }

  /** Minus the log-likelihood of what follows a prompt, from logits of all tokens, in double precision. */
  private double loss(int[] whole, int promptTokens) {
    Tensor logits = ModelRuns.logits(model, List.of(TokenSequence.of(whole)));
    double sum = 0;
    for (int t = promptTokens; t < whole.length; t++) {
      double exponentials = 0;
      long row = (t - 1L) * model.config().vocabSize();
      for (int v = 0; v < model.config().vocabSize(); v++) {
        exponentials += Math.exp(logits.get(row + v));
      }
      sum += Math.log(exponentials) - logits.get(row + whole[t]);
    }
    return sum;
  }

  @ParameterizedTest
  @EnumSource(value = Method.class, names = "GENERATION", mode = EnumSource.Mode.EXCLUDE)
  void labelsAreScoredByTheirLogLikelihood(Method method) {
    var settings = new EvaluationSettings(method, 1, 100, Set.of());

    Evaluation evaluation = evaluate(settings, task(items()));

    for (ItemResult result : evaluation.items()) {
      String best = null;
      for (String label : LABELS) {
        int[] whole;
        int prompt;
        switch (result.item().prompt()) {
          case Chat chat -> {
            List<Message> messages = new ArrayList<>(chat.messages());
            messages.add(Message.assistant(label));
            whole = encoder.encode(messages).ids();
            prompt = encoder.encodePrompt(chat.messages()).length;
          }
          case Plain plain -> {
            whole = encoder.encodeCompletion(plain.text(), label).ids();
            prompt = encoder.encodePrompt(plain.text()).length;
          }
        }
        double loss = loss(whole, prompt);
        double expected = -loss / (method == Method.MEAN_LIKELIHOOD ? whole.length - prompt : 1);
        assertThat(result.scores().get(label)).isCloseTo(expected, within(SINGLE * Math.abs(expected)));
        if (label.equals(result.item().gold())) {
          assertThat(result.loss()).isCloseTo(loss, within(SINGLE * loss));
          assertThat(result.lossTokens()).isEqualTo(whole.length - prompt);
          double probability = Math.exp(-loss / (whole.length - prompt));
          assertThat(result.lenient().tokenProbability()).isCloseTo(probability, within(SINGLE));
        }
        if (best == null || result.scores().get(label) > result.scores().get(best)) {
          best = label;
        }
      }
      assertThat(result.answer()).isEqualTo(best);
      assertThat(result.strict()).isEqualTo(result.lenient());
      assertThat(result.strict().read()).hasValue(best);
    }
    assertThat(evaluation.unreadable(Reading.STRICT)).hasValue(0);
  }

  @Test
  void theFirstOfEquallyLikelyLabelsIsChosen() {
    assertThat(Evaluator.best(new LinkedHashMap<>(Map.of("b", -1.0)))).isEqualTo("b");
    var scores = new LinkedHashMap<String, Double>();
    scores.put("b", -2.0);
    scores.put("a", -1.0);
    scores.put("c", -1.0);
    assertThat(Evaluator.best(scores)).isEqualTo("a");
    scores.replaceAll((label, score) -> Double.NaN);
    assertThat(Evaluator.best(scores)).isEmpty();
  }

  @Test
  void onlyTheLastTurnIsTheAnswer() {
    List<Message> asked = List.of(Message.user("gold?"), Message.assistant("down"), Message.user("oil?"));
    var item = new EvaluationItem("data.jsonl:1", new Chat(asked), "up", Optional.empty());
    List<Message> whole = new ArrayList<>(asked);
    whole.add(Message.assistant("up"));

    ItemResult result = evaluate(EvaluationSettings.likelihood(), task(List.of(item))).items().getFirst();

    int prompt = encoder.encodePrompt(asked).length;
    assertThat(result.lossTokens()).isEqualTo(encoder.encode(whole).length() - prompt);
    double expected = loss(encoder.encode(whole).ids(), prompt);
    assertThat(result.loss()).isCloseTo(expected, within(SINGLE * expected));
  }

  @Test
  void neverMoreTokensThanAllowedAreComputedAtOnce() {
    long[] most = new long[1];
    LinearTransform watching =
        (tape, module, x) -> {
          most[0] = Math.max(most[0], x.value().dim(0));
          return LinearTransform.BASE.apply(tape, module, x);
        };
    int budget = 50;
    for (var settings :
        List.of(
            EvaluationSettings.generation(Set.of()).withMaxNewTokens(5).withBatchTokens(budget),
            EvaluationSettings.likelihood().withBatchTokens(budget))) {
      most[0] = 0;
      new Evaluator(model, watching, encoder, settings).evaluate(task(items()));
      assertThat(most[0]).isBetween(budget / 2L, (long) budget);
    }
  }

  @Test
  void itemsThatAreTooLongAreNamed() {
    EvaluationTask task = task(List.of(plain(1, "a: ", "up"), plain(2, "b".repeat(40) + ": ", "up")));

    assertThatThrownBy(() -> evaluate(EvaluationSettings.likelihood().withBatchTokens(30), task))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContainingAll("data.jsonl:2", "more than the 30");
    assertThatThrownBy(
            () -> evaluate(EvaluationSettings.generation(Set.of()).withBatchTokens(60).withMaxNewTokens(50), task))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContainingAll("data.jsonl:2", "more than the 60");
    int context = model.config().maxPositions();
    EvaluationTask endless = task(List.of(plain(3, "word ".repeat(context), "up")));
    assertThatThrownBy(() -> evaluate(EvaluationSettings.generation(Set.of()).withBatchTokens(1 << 20), endless))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContainingAll("data.jsonl:3", "context");

    var evaluator =
        new Evaluator(model, LinearTransform.BASE, encoder, EvaluationSettings.likelihood().withBatchTokens(30));
    assertThat(evaluator.fitting(task).items()).containsExactly(task.items().getFirst());
    EvaluationTask brief = task(List.of(task.items().getFirst()));
    assertThat(evaluator.fitting(brief)).isSameAs(brief);
    assertThatThrownBy(() -> evaluator.fitting(task(List.of(task.items().getLast()))))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContainingAll("no item fits", "data.jsonl:2", "more than the 30");
  }

  @Test
  void likelihoodNeedsLabels() {
    var task = new EvaluationTask("text", List.of(plain(1, "a: ", "b")), new TextForm(), List.of(Metric.EXACT_MATCH));
    assertThatThrownBy(() -> evaluate(EvaluationSettings.likelihood(), task))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContainingAll("task text", "labels");
  }

  @Test
  void rightAnswersThatTheTaskDoesNotKnowAreNamedWithTheirLinesAndCounts() {
    List<EvaluationItem> items =
        List.of(plain(1, "a", "up"), plain(7, "a", "upp"), plain(8, "a", "upp"), plain(9, "a", "left"));
    assertThatThrownBy(() -> task(items))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContainingAll(
            "task moves",
            "'upp' (data.jsonl:7, 2 times)",
            "'left' (data.jsonl:9, 1 time)",
            "up, down, down a lot",
            "the nearest is 'up'");
    assertThatThrownBy(() -> new EvaluationTask("sums", List.of(plain(2, "a", "many")), new NumberForm(), List.of()))
        .hasMessageContainingAll("'many' (data.jsonl:2, 1 time)", "a number, yes or no");
  }

  @Test
  void metricsThatDoNotFitAreRefused() {
    assertThatThrownBy(
            () -> new EvaluationTask("sums", List.of(plain(2, "a", "4")), new NumberForm(), List.of(Metric.MACRO_F1)))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContainingAll("task sums", "macro_f1 is for labels", "answers are numbers");
  }

  @Test
  void noItemsGiveNoValues() {
    Evaluation evaluation = evaluate(EvaluationSettings.generation(Set.of()), task(List.of()));
    assertThat(evaluation.items()).isEmpty();
    assertThat(evaluation.loss()).isEmpty();
    assertThat(evaluation.value(Metric.ACCURACY, Reading.STRICT)).isEmpty();
  }

  @Test
  void itemsAreWrittenOneALine() throws IOException {
    Path file = temporary.resolve("new/items.jsonl");
    Evaluation evaluation = evaluate(EvaluationSettings.likelihood(), task(items()));

    ItemsFile.write(file, List.of(evaluation));

    List<String> lines = Files.readAllLines(file);
    assertThat(lines).hasSize(items().size());
    for (int i = 0; i < lines.size(); i++) {
      JsonNode row = new ObjectMapper().readTree(lines.get(i));
      ItemResult result = evaluation.items().get(i);
      assertThat(row.path("task").asText()).isEqualTo("moves");
      assertThat(row.path("item").intValue()).isEqualTo(i);
      assertThat(row.path("origin").asText()).isEqualTo("data.jsonl:" + (i + 1));
      assertThat(row.has("cluster")).isEqualTo(result.item().cluster().isPresent());
      assertThat(row.path("answer").asText()).isEqualTo(result.answer());
      assertThat(row.path("read_strict").asText()).isEqualTo(result.answer());
      assertThat(row.path("gold").asText()).isEqualTo(result.strict().gold());
      assertThat(row.path("right_strict").booleanValue()).isEqualTo(result.strict().right());
      assertThat(row.path("right_lenient").booleanValue()).isEqualTo(result.lenient().right());
      assertThat(row.at("/scores/down a lot").doubleValue()).isEqualTo(result.scores().get("down a lot"));
    }
    assertThat(new ObjectMapper().readTree(lines.get(1)).at("/prompt/0/content").asText()).isEqualTo("oil?");
    assertThat(new ObjectMapper().readTree(lines.get(2)).path("gold").asText()).isEqualTo("down");

    List<AnsweredItem> read = ItemsFile.read(file).get("moves");
    assertThat(read).hasSameSizeAs(lines);
    for (int i = 0; i < read.size(); i++) {
      ItemResult result = evaluation.items().get(i);
      assertThat(read.get(i).origin()).isEqualTo("data.jsonl:" + (i + 1));
      assertThat(read.get(i).cluster()).isEqualTo(result.item().cluster());
      assertThat(read.get(i).outcome(Reading.STRICT)).isEqualTo(result.strict());
      assertThat(read.get(i).outcome(Reading.LENIENT)).isEqualTo(result.lenient());
      assertThat(read.get(i).loss()).isEqualTo(result.loss());
      assertThat(read.get(i).lossTokens()).isEqualTo(result.lossTokens());
    }
    Path cut = temporary.resolve("cut.jsonl");
    Files.writeString(cut, lines.get(0) + "\n" + lines.get(1).substring(0, 40) + "\n");
    assertThatThrownBy(() -> ItemsFile.read(cut))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(cut + ":2: expected one answered item");
    for (List<String> wrong : List.of(lines.subList(1, 2), List.of(lines.get(0), lines.get(0)))) {
      Files.write(cut, wrong);
      assertThatThrownBy(() -> ItemsFile.read(cut))
          .isInstanceOf(InvalidInputException.class)
          .hasMessageStartingWith(cut + ":" + wrong.size() + ": expected item ")
          .hasMessageEndingWith("lines are missing or there twice");
    }

    Path taken = Files.createDirectories(temporary.resolve("taken/inside")).getParent();
    assertThatThrownBy(() -> ItemsFile.write(taken, List.of(evaluation))).isInstanceOf(UncheckedIOException.class);
    try (var left = Files.list(temporary)) {
      assertThat(left.filter(path -> path.toString().endsWith(".tmp"))).isEmpty();
    }
  }
}
