package dev.cocktail.trainer.demo;

import dev.cocktail.trainer.data.DataSource;
import dev.cocktail.trainer.data.SourceRecord;
import dev.cocktail.transformer.Generated;
import dev.cocktail.transformer.GenerationListener;
import dev.cocktail.transformer.GenerationSettings;
import dev.cocktail.transformer.Generator;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.StopIds;
import dev.cocktail.transformer.text.ChatEncoder;
import dev.cocktail.transformer.text.Message;
import dev.cocktail.transformer.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a model answers to a task's validation questions.
 *
 * @param answers one for each question, in the file's order
 */
record TaskAnswers(List<Answer> answers) {
  /** A question, what the model answered, and what was expected. */
  record Answer(String prompt, String given, String expected) {
    boolean isRight() {
      return given.strip().equals(expected);
    }
  }

  private static final int LONGEST_ANSWER = 16;
  private static final int BATCH = 32;

  /** Number of answers that are exactly what was expected. */
  int right() {
    return (int) answers.stream().filter(Answer::isRight).count();
  }

  /** The answers to all validation questions of the demo's tasks, by task. */
  static Map<String, TaskAnswers> of(Phi3Model model, LinearTransform transform, Path folder) {
    Map<String, TaskAnswers> byTask = new LinkedHashMap<>();
    Path modelFolder = model.folder().orElseThrow();
    try (Tokenizer tokenizer = Tokenizer.load(modelFolder)) {
      var settings =
          GenerationSettings.greedy(LONGEST_ANSWER, StopIds.read(modelFolder, model.config())).withMaxBatch(BATCH);
      for (String task : DemoMaterial.TASKS) {
        byTask.put(
            task,
            answer(new Generator(model, transform), settings, tokenizer, folder.resolve(task + ".validation.jsonl")));
      }
    }
    return byTask;
  }

  private static TaskAnswers answer(
      Generator generator, GenerationSettings settings, Tokenizer tokenizer, Path questions) {
    ChatEncoder encoder = ChatEncoder.of(tokenizer);
    List<Message> asked = new ArrayList<>();
    List<Message> expected = new ArrayList<>();
    DataSource.of(questions)
        .read(record -> {
          var messages = ((SourceRecord.Conversation) record).messages();
          asked.add(messages.get(0));
          expected.add(messages.get(1));
        });
    List<int[]> prompts = asked.stream().map(question -> encoder.encodePrompt(List.of(question))).toList();
    List<Generated> results = generator.generate(prompts, settings, GenerationListener.NONE);
    List<Answer> answers = new ArrayList<>();
    for (int i = 0; i < results.size(); i++) {
      answers.add(
          new Answer(
              asked.get(i).content(), tokenizer.decode(results.get(i).answerIds(), true), expected.get(i).content()));
    }
    return new TaskAnswers(answers);
  }
}
