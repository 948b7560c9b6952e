package dev.cocktail.transformer.text;

import dev.cocktail.tensor.InvalidInputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Finds which characters of a rendered conversation are the assistant's, by rendering alone: no text is searched for.
 *
 * <ol>
 *   <li>A template with {@code {% generation %}} says it itself.
 *   <li>Otherwise a turn begins where the rendering of the messages before it, with a generation prompt, ends: there
 *       the model begins to write. That rendering must be the beginning of the whole, character for character.
 *   <li>The content ends where a mark put behind it comes out, if the whole without the mark is unchanged.
 *   <li>The text after the content belongs to the turn as far as it does not depend on what follows: the rendering that
 *       stops after the turn, with and without a generation prompt, and one that goes on, must agree with the whole up
 *       to there.
 * </ol>
 *
 * Where a step cannot be proven the next weaker proof is tried, and where none is left the template is refused.
 */
final class AssistantSpans {
  private static final char BEGIN = TemplateRuntime.MARK_BEGIN;
  private static final char END = TemplateRuntime.MARK_END;

  private AssistantSpans() {}

  /**
   * The turn of one assistant message, as character indices into the rendered text.
   *
   * @param start where the model begins to write
   * @param contentEnd the index after the last character of the content
   * @param commonEnd the furthest index to which the text after the content is the same whatever follows the turn; the
   *     end of turn lies before it
   * @param last whether the conversation ends with this turn
   */
  record Turn(int start, int contentEnd, int commonEnd, boolean last) {}

  /** A rendered conversation and its assistant turns, in order. */
  record Marked(String text, List<Turn> turns, boolean exactEnds) {}

  static Marked find(ChatTemplate template, List<Message> messages) {
    for (var message : messages) {
      if (message.content().indexOf(BEGIN) >= 0 || message.content().indexOf(END) >= 0) {
        throw new InvalidInputException(
            "A message holds U+FDD0 or U+FDD1, which Unicode forbids in text that is exchanged; remove them");
      }
    }
    var text = template.render(messages, false);
    if (template.marksGeneration()) {
      return new Marked(text, generated(template, messages, text), true);
    }
    var turns = new ArrayList<Turn>();
    var from = 0;
    for (var i = 0; i < messages.size(); i++) {
      if (!messages.get(i).isAssistant()) {
        continue;
      }
      var turn = turn(template, messages, text, i, from);
      turns.add(turn);
      from = turn.contentEnd();
    }
    return new Marked(text, turns, false);
  }

  private static List<Turn> generated(ChatTemplate template, List<Message> messages, String text) {
    var marked = template.render(messages, false, true);
    if (!without(marked).equals(text)) {
      throw unproven(template, "its {% generation %} blocks change what is rendered");
    }
    var turns = new ArrayList<Turn>();
    var start = -1;
    var at = 0;
    for (var i = 0; i < marked.length(); i++) {
      switch (marked.charAt(i)) {
        case BEGIN -> {
          if (start >= 0) {
            throw unproven(template, "its {% generation %} blocks lie within each other");
          }
          start = at;
        }
        case END -> {
          turns.add(new Turn(start, at, at, false));
          start = -1;
        }
        default -> at++;
      }
    }
    return turns;
  }

  private static Turn turn(ChatTemplate template, List<Message> messages, String text, int index, int from) {
    var isLast = index == messages.size() - 1;
    var content = content(template, messages, text, index);
    var start = prompt(template, messages.subList(0, index), text);
    if (content != null && start.isPresent() && start.getAsInt() > content[0]) {
      start = OptionalInt.empty(); // the prompt brings text that the template puts into the turn only sometimes
    }
    if (start.isEmpty() && content == null) {
      throw unproven(
          template,
          "the text before assistant message %d changes with what follows, and so does the ".formatted(index)
              + "message itself");
    }
    var first = Math.max(from, start.isPresent() ? start.getAsInt() : content[0]);
    var stops = stops(template, messages.subList(0, index + 1), isLast);
    if (content == null) {
      var end = isLast ? OptionalInt.of(text.length()) : end(stops, text);
      if (end.isEmpty() || end.getAsInt() < first) {
        throw unproven(
            template,
            "assistant message %d is not rendered as it stands, and its end depends on what follows".formatted(index));
      }
      return new Turn(first, end.getAsInt(), end.getAsInt(), isLast);
    }
    if (first > content[1]) {
      throw unproven(template, "assistant message %d is not rendered in its place".formatted(index));
    }
    var common = stops.isEmpty() ? content[1] : text.length();
    for (var stop : stops) {
      common = Math.min(common, commonPrefix(stop, text));
    }
    return new Turn(first, content[1], Math.max(common, content[1]), isLast);
  }

  /** Where the rendering of the messages with a generation prompt ends, if the whole begins with it. */
  private static OptionalInt prompt(ChatTemplate template, List<Message> before, String text) {
    var prompt = attempt(template, before, true);
    return prompt.isPresent() && text.startsWith(prompt.get())
        ? OptionalInt.of(prompt.get().length())
        : OptionalInt.empty();
  }

  /** The conversation stopped after the turn, in the ways it can be stopped; after the last turn, also continued. */
  private static List<String> stops(ChatTemplate template, List<Message> upTo, boolean isLast) {
    var stops = new ArrayList<String>();
    attempt(template, upTo, false).ifPresent(stops::add);
    attempt(template, upTo, true).ifPresent(stops::add);
    if (isLast && !stops.isEmpty()) {
      var continued = new ArrayList<>(upTo);
      continued.add(Message.user("x"));
      attempt(template, continued, false).ifPresent(stops::add);
    }
    return stops;
  }

  private static Optional<String> attempt(ChatTemplate template, List<Message> messages, boolean prompt) {
    try {
      return Optional.of(template.render(messages, prompt));
    } catch (InvalidInputException e) {
      return Optional.empty(); // such a conversation cannot be
    }
  }

  private static OptionalInt end(List<String> stops, String text) {
    return stops.stream().filter(text::startsWith).mapToInt(String::length).max();
  }

  /** Start and end of a message's content in the whole, or null when a mark changes more than itself. */
  private static int[] content(ChatTemplate template, List<Message> messages, String text, int index) {
    var original = messages.get(index).content();
    var whole = marks(template, messages, text, index, BEGIN + original + END);
    if (whole != null) {
      return whole;
    }
    // Templates that strip white space around the content: the marks go inside of it.
    var stripped = PythonText.strip(original, null, true, true);
    if (stripped.isEmpty() || stripped.length() == original.length()) {
      return null;
    }
    var at = original.indexOf(stripped);
    return marks(
        template,
        messages,
        text,
        index,
        original.substring(0, at) + BEGIN + stripped + END + original.substring(at + stripped.length()));
  }

  private static int[] marks(
      ChatTemplate template, List<Message> messages, String text, int index, String markedContent) {
    var marked = new ArrayList<>(messages);
    marked.set(index, Message.assistant(markedContent));
    var attempt = attempt(template, marked, false);
    if (attempt.isEmpty()) {
      return null;
    }
    var rendered = attempt.get();
    var begin = rendered.indexOf(BEGIN);
    var end = rendered.indexOf(END);
    var once =
        begin >= 0 && end > begin && rendered.indexOf(BEGIN, begin + 1) < 0 && rendered.indexOf(END, end + 1) < 0;
    return once && without(rendered).equals(text) ? new int[] {begin, end - 1} : null;
  }

  private static String without(String marked) {
    return marked.replace(String.valueOf(BEGIN), "").replace(String.valueOf(END), "");
  }

  private static int commonPrefix(String a, String b) {
    var length = Math.min(a.length(), b.length());
    for (var i = 0; i < length; i++) {
      if (a.charAt(i) != b.charAt(i)) {
        return i;
      }
    }
    return length;
  }

  private static InvalidInputException unproven(ChatTemplate template, String why) {
    return new InvalidInputException(
        "%s: which tokens are the assistant's cannot be known from this chat template: %s. Mark them in the template with "
                .formatted(template.name(), why)
            + "{% generation %} ... {% endgeneration %}, or give prompt and completion as text");
  }
}
