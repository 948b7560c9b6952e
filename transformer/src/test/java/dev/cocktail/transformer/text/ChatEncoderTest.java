package dev.cocktail.transformer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.testing.SharedFiles;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChatEncoderTest {
  private static final List<Message> TURNS =
      List.of(
          Message.system("Be brief."),
          Message.user("Hello"),
          Message.assistant("Hi there"),
          Message.user("日本 🚀 <b>?"),
          Message.assistant("  naïve 🚀\nend  "));
  private static Tokenizer tiny;

  @BeforeAll
  static void load() throws URISyntaxException {
    tiny = Tokenizer.load(Path.of(ChatEncoderTest.class.getResource("tiny").toURI()));
  }

  @AfterAll
  static void close() {
    tiny.close();
  }

  @Test
  void whatTheAssistantSaysAndTheEndOfItsTurnIsItsOwn() {
    // The white space after <|assistant|> belongs to that token, as the tokenizer has it.
    assertThat(supervised(ChatEncoder.of(tiny), TURNS)).isEqualTo("Hi there<|end|>naïve 🚀\nend  <|end|><|endoftext|>");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "phi-3-mini   | \"Hi there<|end|>naïve 🚀\nend  <|end|><|endoftext|>\"",
        "phi-3-medium | \"Hi there<|end|>naïve 🚀\nend  <|end|>\"",
        "phi-3-ortx   | \"Hi there<|end|> naïve 🚀\nend  <|end|>\"",
        "phi-3-vision | \"Hi there<|end|>naïve 🚀\nend  <|end|>\""
      })
  void realPhiTokenizersAndTemplates(String name, String expected) {
    try (var tokenizer = Tokenizer.load(SharedFiles.require("data/tokenizer/" + name.strip()))) {
      var encoder = ChatEncoder.of(tokenizer);
      var turns = TURNS;
      assertThat(supervised(encoder, turns)).isEqualTo(expected);
      var prompt = encoder.encodePrompt(turns.subList(0, 2));
      var chat = encoder.encode(turns.subList(0, 3));
      assertThat(Arrays.copyOf(chat.ids(), chat.promptTokens()))
          .as("trained on what generation sees")
          .isEqualTo(prompt);
    }
  }

  /** The answer differs from template to template, but content and end of turn are never mistaken. */
  @Test
  void templatesOfManyKinds() {
    assertThat(withTemplate("{% for m in messages %}<|user|>{{ m.content | trim }}<|end|>{% endfor %}"))
        .isEqualTo("<|user|>Hi there<|end|><|user|>naïve 🚀\nend<|end|>");
    assertThat(
            withTemplate(
                "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
                    + "{% if add_generation_prompt %}assistant: {% endif %}"))
        .as("no special token ends a turn")
        .isEqualTo("Hi there  naïve 🚀\nend  ");
    assertThat(
            withTemplate(
                "{% for m in messages %}<|user|>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|end|>"
                    + "{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}{{ eos_token }}"))
        .as("the template says it")
        .isEqualTo("Hi there<|end|>naïve 🚀\nend  <|end|>");
    assertThat(
            withTemplate(
                "{% for m in messages %}<|user|>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<|user|>{%"
                    + " endif %}"))
        .as("a role token is no end of turn")
        .isEqualTo("Hi therenaïve 🚀\nend  ");
    assertThat(withTemplate("{% for m in messages %}<|user|>{{ m.content }}<|end|>{% endfor %}<|assistant|>"))
        .as("a prompt that is always there")
        .isEqualTo("Hi there<|end|>naïve 🚀\nend  <|end|>");
    assertThat(withTemplate("{% for m in messages %}<|user|>{{ m.content }}{% endfor %}<|assistant|>"))
        .as("a prompt that is always there is no end of turn")
        .isEqualTo("Hi therenaïve 🚀\nend  ");
  }

  @Test
  void aTemplateThatHidesTheTurnsIsRefusedByName() {
    assertThatThrownBy(() ->
            withTemplate(
                "{{ messages | length }}{% for m in messages %}{{ m.content|upper }}{% endfor %}"
                    + "{% for m in messages %}{{ m.content|length }}{% endfor %}"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("test template")
        .hasMessageContaining("cannot be known");
  }

  @Test
  void completionsContinueTheirPrompt() {
    var encoder = ChatEncoder.of(tiny);
    for (var pair :
        List.of(
            List.of("sentiment:", " positive"),
            List.of("sentiment: ", "positive"),
            List.of("a\n", "\nb"),
            List.of("", "x"),
            List.of("<|user|>\nq<|end|>\n<|assistant|>\n", "yes"),
            List.of("he", "llo 🚀"))) {
      var encoded = encoder.encodeCompletion(pair.get(0), pair.get(1));
      assertThat(Arrays.copyOf(encoded.ids(), encoded.promptTokens())).isEqualTo(encoder.encodePrompt(pair.get(0)));
      assertThat(encoded.ids()[encoded.length() - 1]).isEqualTo(tiny.eosId().getAsInt());
      assertThat(tiny.decode(encoded.ids(), true))
          .isEqualTo(tiny.decode(tiny.encode(pair.get(0) + pair.get(1), false), true));
      assertThat(encoded.assistantTokens()).isEqualTo(encoded.length() - encoded.promptTokens());
    }
    assertThat(encoder.encodeCompletion("q", "a<|endoftext|>").ids())
        .endsWith(tiny.eosId().getAsInt())
        .doesNotHaveDuplicates();
  }

  @Test
  void bosComesOnceAndEosNeverAfterAPrompt() {
    try (var tokenizer = Tokenizer.load(SharedFiles.require("data/tokenizer/phi-3-vision"))) {
      var encoder = ChatEncoder.of(tokenizer);
      assertThat(encoder.encodePrompt("Hello")).startsWith(1).doesNotContain(2, 32000);
      assertThat(encoder.encodePrompt("<s>Hello")).isEqualTo(encoder.encodePrompt("Hello"));
      assertThat(encoder.encodePrompt(List.of(Message.user("Hello")))).doesNotContain(1, 2, 32000);
      var encoded = encoder.encodeCompletion("2 + 2 =", " 4");
      assertThat(encoded.ids()).startsWith(encoder.encodePrompt("2 + 2 ="));
      assertThat(encoder.encodeText("Hello").assistantTokens()).isEqualTo(encoder.encodeText("Hello").length());
    }
  }

  @Test
  void withoutATemplateMessagesAreRefused() {
    var encoder = new ChatEncoder(tiny, Optional.empty());
    assertThatThrownBy(() -> encoder.encode(TURNS))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("chat template");
  }

  private static String withTemplate(String source) {
    var template = ChatTemplate.of("test template", source, Map.of("eos_token", "<|endoftext|>"));
    return supervised(new ChatEncoder(tiny, Optional.of(template)), TURNS);
  }

  private static String supervised(ChatEncoder encoder, List<Message> messages) {
    var encoded = encoder.encode(messages);
    var text = new StringBuilder();
    // Decoded run by run; a SentencePiece decoder drops one space at the start of each.
    for (var i = 0; i < encoded.length(); i++) {
      var from = i;
      while (i < encoded.length() && encoded.assistant()[i]) {
        i++;
      }
      text.append(encoder.tokenizer().decode(Arrays.copyOfRange(encoded.ids(), from, i), false));
    }
    return text.toString();
  }
}
