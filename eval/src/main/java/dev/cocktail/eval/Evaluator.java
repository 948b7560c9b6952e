package dev.cocktail.eval;

import static java.util.Objects.requireNonNull;

import dev.cocktail.eval.EvaluationItem.Chat;
import dev.cocktail.eval.EvaluationItem.Plain;
import dev.cocktail.eval.EvaluationSettings.Method;
import dev.cocktail.eval.answer.AnswerForm;
import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.answer.LabelForm;
import dev.cocktail.eval.metric.Outcome;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.transformer.Generated;
import dev.cocktail.transformer.GenerationSettings;
import dev.cocktail.transformer.Generator;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.TokenSequence;
import dev.cocktail.transformer.text.ChatEncoder;
import dev.cocktail.transformer.text.EncodedChat;
import dev.cocktail.transformer.text.Message;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Lets a model answer the items of tasks. Prompts of similar length run together; never are more tokens computed or
 * cached at once than the settings say. What comes out of an item does not depend on the others, but for rounding.
 *
 * <pre>{@code
 * var settings = EvaluationSettings.generation(model.stopIds());
 * var evaluator = new Evaluator(model.model(), model.transform(), model.encoder(), settings);
 * var form = new LabelForm(List.of("negative", "neutral", "positive"));
 * Evaluation evaluation = evaluator.evaluate(new EvaluationTask("news", items, form, List.of(Metric.ACCURACY)));
 * double accuracy = evaluation.value(Metric.ACCURACY, Reading.STRICT).orElseThrow();
 * }</pre>
 */
public final class Evaluator {
  /** Items whose labels are scored in one go; bounds what waits on the host. */
  private static final int ITEMS_AT_ONCE = 256;

  private final Phi3Model model;
  private final LinearTransform transform;
  private final ChatEncoder encoder;
  private final EvaluationSettings settings;
  private final SequenceLosses losses;

  /**
   * An evaluator of one model.
   *
   * @param transform what stands in the place of the linear projections: {@link LinearTransform#BASE} or an adapter's
   * @param encoder that of the model's own tokenizer
   */
  public Evaluator(Phi3Model model, LinearTransform transform, ChatEncoder encoder, EvaluationSettings settings) {
    this.model = requireNonNull(model, "model");
    this.transform = requireNonNull(transform, "transform");
    this.encoder = requireNonNull(encoder, "encoder");
    this.settings = requireNonNull(settings, "settings");
    this.losses = new SequenceLosses(model, transform, settings.batchTokens());
  }

  /** An answer on its way to being read. */
  private record Answer(String text, String finish, Map<String, Double> scores) {}

  /**
   * Scores a task.
   *
   * @throws InvalidInputException naming an item that is longer than the context or than the tokens at once; or when
   *     likelihood is asked for and the task has no labels
   */
  public Evaluation evaluate(EvaluationTask task) {
    return evaluate(task, () -> {});
  }

  /**
   * As {@link #evaluate(EvaluationTask)}, and can be given up.
   *
   * @param between called before each batch and after each token; what it throws ends the evaluation
   */
  public Evaluation evaluate(EvaluationTask task, Runnable between) {
    List<TokenSequence> right = new ArrayList<>();
    for (EvaluationItem item : task.items()) {
      right.add(answered(item, item.gold()));
    }
    List<Answer> answers =
        settings.method() == Method.GENERATION
            ? generate(task.items(), between)
            : choose(task.items(), labels(task), between);
    double[] loss = losses.of(right, between);
    List<ItemResult> results = new ArrayList<>();
    for (int i = 0; i < loss.length; i++) {
      EvaluationItem item = task.items().get(i);
      Answer answer = answers.get(i);
      double probability = tokenProbability(loss[i], right.get(i).targetCount());
      results.add(
          new ItemResult(
              item,
              answer.text(),
              answer.finish(),
              outcome(task.form(), item, answer.text(), Reading.STRICT, probability),
              outcome(task.form(), item, answer.text(), Reading.LENIENT, probability),
              loss[i],
              right.get(i).targetCount(),
              answer.scores()));
    }
    return new Evaluation(task, results);
  }

  /**
   * Checks all that {@link #evaluate} would refuse, without computing anything.
   *
   * @throws InvalidInputException as {@link #evaluate} does
   */
  public void requireFits(EvaluationTask task) {
    List<String> labels = settings.method() == Method.GENERATION ? List.of() : labels(task);
    task.items().forEach(item -> requireFits(item, labels));
  }

  /**
   * A task without the items that {@link #requireFits} would refuse.
   *
   * @throws InvalidInputException when none is left, saying why the first was refused
   */
  public EvaluationTask fitting(EvaluationTask task) {
    List<String> labels = settings.method() == Method.GENERATION ? List.of() : labels(task);
    List<EvaluationItem> fitting = new ArrayList<>();
    InvalidInputException first = null;
    for (EvaluationItem item : task.items()) {
      try {
        requireFits(item, labels);
        fitting.add(item);
      } catch (InvalidInputException e) {
        first = first == null ? e : first;
      }
    }
    if (first != null && fitting.isEmpty()) {
      throw new InvalidInputException("task " + task.name() + ": no item fits: " + first.getMessage(), first);
    }
    return first == null ? task : new EvaluationTask(task.name(), fitting, task.form(), task.metrics());
  }

  private void requireFits(EvaluationItem item, List<String> labels) {
    answered(item, item.gold());
    labels.forEach(label -> answered(item, inPlaceOf(item.gold(), label)));
    if (settings.method() == Method.GENERATION) {
      requireRoom(item, prompt(item).length);
    }
  }

  /** {@link Outcome#tokenProbability} of a sum of losses in nats. */
  static double tokenProbability(double loss, int tokens) {
    return Math.exp(-loss / tokens);
  }

  private static Outcome outcome(
      AnswerForm form, EvaluationItem item, String answer, Reading reading, double probability) {
    String gold = form.gold(item.gold()).orElseThrow();
    Optional<String> read = form.read(answer, reading);
    return new Outcome(gold, read, read.isPresent() && form.isRight(gold, read.get(), reading), probability);
  }

  // Generation

  private List<Answer> generate(List<EvaluationItem> items, Runnable between) {
    List<int[]> prompts = new ArrayList<>();
    int[] rooms = new int[items.size()];
    for (int i = 0; i < rooms.length; i++) {
      int[] ids = prompt(items.get(i));
      rooms[i] = requireRoom(items.get(i), ids.length);
      prompts.add(ids);
    }
    Answer[] answers = new Answer[rooms.length];
    Generator generator = new Generator(model, transform);
    for (PromptBatch batch : PromptBatch.of(rooms, settings.batchTokens())) {
      between.run();
      List<Generated> results =
          generator.generate(
              batch.prompts().stream().map(prompts::get).toList(),
              GenerationSettings.greedy(settings.maxNewTokens(), settings.stopIds()).withMaxBatch(batch.slots()),
              (_, _) -> between.run());
      for (int b = 0; b < results.size(); b++) {
        Generated result = results.get(b);
        String text = encoder.tokenizer().decode(result.answerIds(), true);
        answers[batch.prompts().get(b)] = new Answer(text, result.finish().label(), Map.of());
      }
    }
    return List.of(answers);
  }

  private int[] prompt(EvaluationItem item) {
    return named(
        item,
        () ->
            switch (item.prompt()) {
              case Chat chat -> encoder.encodePrompt(chat.messages());
              case Plain plain -> encoder.encodePrompt(plain.text());
            });
  }

  /** The most tokens that a prompt and its answer can have together. */
  private int requireRoom(EvaluationItem item, int promptTokens) {
    int context = model.config().maxPositions();
    if (promptTokens == 0) {
      throw new InvalidInputException(item.origin() + ": no token comes out of this prompt; it needs at least one");
    }
    if (promptTokens >= context) {
      throw new InvalidInputException(
          "%s: the prompt has %,d tokens, and the model's context of %,d must also hold the answer; shorten it"
              .formatted(item.origin(), promptTokens, context));
    }
    int room = (int) Math.min(context, (long) promptTokens + settings.maxNewTokens());
    requireWithinBudget(item, room, "prompt and answer may have");
    return room;
  }

  private void requireWithinBudget(EvaluationItem item, int tokens, String what) {
    if (tokens > settings.batchTokens()) {
      throw new InvalidInputException(
          "%s: %s %,d tokens, more than the %,d that may be computed at once; raise that limit, or shorten the item"
              .formatted(item.origin(), what, tokens, settings.batchTokens()));
    }
  }

  // Likelihood

  private static List<String> labels(EvaluationTask task) {
    if (task.form() instanceof LabelForm form) {
      return form.labels();
    }
    throw new InvalidInputException(
        "task " + task.name() + ": answers are chosen by likelihood among labels, and this task has none; name them");
  }

  private List<Answer> choose(List<EvaluationItem> items, List<String> labels, Runnable between) {
    List<Answer> answers = new ArrayList<>();
    for (int from = 0; from < items.size(); from += ITEMS_AT_ONCE) {
      List<EvaluationItem> some = items.subList(from, Math.min(items.size(), from + ITEMS_AT_ONCE));
      List<TokenSequence> candidates = new ArrayList<>();
      for (EvaluationItem item : some) {
        labels.forEach(label -> candidates.add(answered(item, inPlaceOf(item.gold(), label))));
      }
      double[] loss = losses.of(candidates, between);
      for (int i = 0; i < some.size(); i++) {
        Map<String, Double> scores = new LinkedHashMap<>();
        for (int k = 0; k < labels.size(); k++) {
          int at = i * labels.size() + k;
          int tokens = settings.method() == Method.MEAN_LIKELIHOOD ? candidates.get(at).targetCount() : 1;
          scores.put(labels.get(k), -loss[at] / tokens);
        }
        answers.add(new Answer(best(scores), "likelihood", scores));
      }
    }
    return answers;
  }

  /** A label with the white space that stands around the data set's own answer, which may belong to its tokens. */
  private static String inPlaceOf(String gold, String label) {
    String stripped = gold.strip();
    if (stripped.isEmpty()) {
      return label;
    }
    int start = gold.indexOf(stripped);
    return gold.substring(0, start) + label + gold.substring(start + stripped.length());
  }

  /** The label with the largest score, the first among equals; nothing where no score is a number. */
  static String best(Map<String, Double> scores) {
    String best = "";
    double largest = Double.NEGATIVE_INFINITY;
    for (Map.Entry<String, Double> score : scores.entrySet()) {
      if (score.getValue() > largest) {
        largest = score.getValue();
        best = score.getKey();
      }
    }
    return best;
  }

  /** A prompt with an answer of which every token, and the end of the turn, is a target. */
  private TokenSequence answered(EvaluationItem item, String answer) {
    EncodedChat encoded =
        named(
            item,
            () ->
                switch (item.prompt()) {
                  case Chat chat -> {
                    List<Message> messages = new ArrayList<>(chat.messages());
                    messages.add(Message.assistant(answer));
                    yield encoder.encode(messages);
                  }
                  case Plain plain -> encoder.encodeCompletion(plain.text(), answer);
                });
    int length = encoded.length();
    if (length > model.config().maxPositions()) {
      throw new InvalidInputException(
          "%s: with the answer '%s' it has %,d tokens, and the model's context %,d; shorten it"
              .formatted(item.origin(), answer, length, model.config().maxPositions()));
    }
    requireWithinBudget(item, length, "it has with its answer");
    int[] ids = encoded.ids();
    int[] answerLabels = new int[length];
    // Earlier turns of the assistant belong to the prompt: only the last run of its tokens is the answer.
    boolean inAnswer = true;
    boolean seen = false;
    for (int t = length - 1; t >= 0; t--) {
      boolean assistant = encoded.assistant()[t];
      inAnswer &= assistant || !seen;
      seen |= assistant;
      answerLabels[t] = assistant && inAnswer ? ids[t] : TokenSequence.IGNORED_LABEL;
    }
    return TokenSequence.supervised(ids, answerLabels);
  }

  /** Does something about an item, naming it where that cannot be done. */
  private static <T> T named(EvaluationItem item, Supplier<T> work) {
    try {
      return work.get();
    } catch (InvalidInputException e) {
      throw new InvalidInputException(item.origin() + ": " + e.getMessage(), e);
    }
  }
}
