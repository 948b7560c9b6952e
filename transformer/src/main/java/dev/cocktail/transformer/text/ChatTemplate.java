package dev.cocktail.transformer.text;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A model's chat template: Jinja source that turns messages into the text the model was trained on. What it renders is,
 * character for character, what Transformers renders; a template that uses something of which this is not known is
 * refused, naming the construct and its line. Text of messages is only ever text. Safe for use by several threads.
 */
public final class ChatTemplate {
  private static final int MAX_SOURCE = 1 << 20;

  private final String name;
  private final TemplateRuntime.Parsed template;
  private final boolean marksGeneration;
  private final boolean mentionsNull;
  private final Map<String, String> specialTokens;

  private ChatTemplate(String name, String source, Map<String, String> specialTokens) {
    this.name = name;
    this.specialTokens = Map.copyOf(specialTokens);
    if (source.length() > MAX_SOURCE) {
      throw new InvalidInputException(
          "%s: the chat template has %,d characters; expected at most %,d"
              .formatted(name, source.length(), MAX_SOURCE));
    }
    var rewritten = TemplateRewriter.rewrite(subject(name), source);
    this.marksGeneration = rewritten.marksGeneration();
    this.mentionsNull =
        mentionsNull(source) || this.specialTokens.values().stream().anyMatch(ChatTemplate::mentionsNull);
    try {
      this.template = TemplateRuntime.parse(rewritten.source());
    } catch (RuntimeException e) {
      throw new InvalidInputException("%s: the chat template cannot be parsed: %s".formatted(name, e.getMessage()), e);
    }
  }

  /**
   * Reads a template.
   *
   * @param name where it comes from, for messages
   * @param specialTokens {@code bos_token}, {@code eos_token} and so on, as the template may name them
   * @throws InvalidInputException when it uses what is not supported
   */
  public static ChatTemplate of(String name, String source, Map<String, String> specialTokens) {
    return new ChatTemplate(requireNonNull(name, "name"), requireNonNull(source, "source"), specialTokens);
  }

  /**
   * The text of a conversation.
   *
   * @param addGenerationPrompt whether to end where the assistant's next turn begins
   * @throws InvalidInputException when the template refuses the messages, or reaches what is not supported
   */
  public String render(List<Message> messages, boolean addGenerationPrompt) {
    return render(messages, addGenerationPrompt, false);
  }

  /** Whether the template itself says what the assistant generates, with {@code {% generation %}}. */
  boolean marksGeneration() {
    return marksGeneration;
  }

  String name() {
    return name;
  }

  String render(List<Message> messages, boolean addGenerationPrompt, boolean marks) {
    var list = new ArrayList<Object>(messages.size());
    var standsIn = false;
    for (var message : messages) {
      var map = new LinkedHashMap<String, Object>();
      map.put("role", message.role());
      var content = StandIns.put(message.content());
      map.put("content", content);
      standsIn |= !content.equals(message.content());
      list.add(map);
    }
    var bindings = new HashMap<String, Object>(specialTokens);
    bindings.put("messages", list);
    bindings.put("add_generation_prompt", addGenerationPrompt);
    var outcome = TemplateRuntime.render(template, bindings, marks, mentionsNull);
    if (outcome.raised() != null) {
      throw new InvalidInputException(
          "%s: the chat template refuses these messages (roles %s): %s"
              .formatted(name, messages.stream().map(Message::role).toList(), outcome.raised()));
    }
    if (outcome.refused() != null) {
      throw new InvalidInputException(unsupportedText(subject(name), outcome.refused()));
    }
    return standsIn ? StandIns.restore(outcome.text()) : outcome.text();
  }

  private static String subject(String name) {
    return name + ": the chat template";
  }

  static InvalidInputException unsupported(String name, int line, String what) {
    return new InvalidInputException(unsupportedText(name, "line " + line + ": " + what));
  }

  private static String unsupportedText(String name, String what) {
    return "%s uses what is not supported: %s. Nothing is rendered rather than something else than Jinja"
            .formatted(name, what)
        + " renders; simplify the template";
  }

  private static boolean mentionsNull(String text) {
    return text.contains("null");
  }
}
