package dev.cocktail.transformer.text;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Turns conversations, and prompts with completions, into ids of which it is known exactly which the model is to
 * produce.
 *
 * <p>Conversations. The chat template renders them without a generation prompt; the text is tokenised once, as a whole,
 * without the tokenizer's own BOS (the template writes what it wants). A token is the assistant's when its first
 * character lies in an assistant turn: from where a generation prompt ends, to the end of the content, and on to the
 * special token that ends the turn ({@code <|end|>}), which the model has to learn to write. After the conversation's
 * last turn all that the template still writes up to an EOS ({@code <|endoftext|>}) is the assistant's too. A token
 * that begins before the turn and reaches into it is not: at generation time it belongs to the prompt.
 *
 * <p>Where no special token ends a turn, only its content is the assistant's. Safe for use by several threads.
 */
public final class ChatEncoder {
  private final Tokenizer tokenizer;
  private final Optional<ChatTemplate> template;

  public ChatEncoder(Tokenizer tokenizer, Optional<ChatTemplate> template) {
    this.tokenizer = requireNonNull(tokenizer, "tokenizer");
    this.template = requireNonNull(template, "template");
  }

  /** An encoder with the tokenizer's own chat template. */
  public static ChatEncoder of(Tokenizer tokenizer) {
    return new ChatEncoder(tokenizer, tokenizer.chatTemplate());
  }

  public Tokenizer tokenizer() {
    return tokenizer;
  }

  /**
   * A conversation to learn from.
   *
   * @throws InvalidInputException when the template refuses it, or what the assistant's tokens are cannot be proven
   */
  public EncodedChat encode(List<Message> messages) {
    var marked = AssistantSpans.find(template(), messages);
    var encoded = tokenizer.encodeWithSpans(marked.text(), false);
    var assistant = new boolean[encoded.length()];
    for (var turn : marked.turns()) {
      var end = marked.exactEnds() ? turn.contentEnd() : turnEnd(encoded, turn, marked.text());
      for (var i = 0; i < assistant.length; i++) {
        var start = encoded.starts()[i];
        assistant[i] |= start >= turn.start() && start < end && encoded.ends()[i] > turn.start();
      }
    }
    return new EncodedChat(encoded.ids(), assistant);
  }

  /** The ids of a conversation that the model is to continue: it ends where the assistant's next turn begins. */
  public int[] encodePrompt(List<Message> messages) {
    return tokenizer.encode(template().render(messages, true), false);
  }

  /** The ids of a plain prompt, with the BOS that the tokenizer puts before text, once. */
  public int[] encodePrompt(String prompt) {
    return tokenizer.encode(prompt, !beginsWithBos(prompt));
  }

  /**
   * A prompt and its completion: the ids of {@link #encodePrompt(String)}, the ids with which the completion continues
   * that very text, and the tokenizer's EOS unless the completion already ends with it. No token reaches over the
   * boundary, since none does when a model continues a prompt.
   */
  public EncodedChat encodeCompletion(String prompt, String completion) {
    var head = encodePrompt(prompt);
    var tail = continuation(prompt, head, completion);
    var eos = tokenizer.eosId();
    var addEos = eos.isPresent() && (tail.length == 0 || tail[tail.length - 1] != eos.getAsInt());
    var ids = Arrays.copyOf(head, head.length + tail.length + (addEos ? 1 : 0));
    System.arraycopy(tail, 0, ids, head.length, tail.length);
    if (addEos) {
      ids[ids.length - 1] = eos.getAsInt();
    }
    var assistant = new boolean[ids.length];
    Arrays.fill(assistant, head.length, ids.length, true);
    return new EncodedChat(ids, assistant);
  }

  /** Plain text of which every token is learnt, between the tokenizer's BOS and EOS. */
  public EncodedChat encodeText(String text) {
    var completion = encodeCompletion("", text);
    var assistant = new boolean[completion.length()];
    Arrays.fill(assistant, true);
    return new EncodedChat(completion.ids(), assistant);
  }

  private ChatTemplate template() {
    return template.orElseThrow(() ->
        new InvalidInputException(
            "The model's tokenizer has no chat template, so messages cannot be turned into text. Give prompt and"
                + " completion, or put a chat_template.jinja into the model's folder"));
  }

  /**
   * The index after the special token that ends a turn, if that token is there whatever follows; otherwise the
   * content's end. After the last turn, the index after the last EOS that the template writes.
   */
  private int turnEnd(EncodedText encoded, AssistantSpans.Turn turn, String text) {
    var end = turn.contentEnd();
    var sawSpecial = false;
    var eos = tokenizer.eosId();
    for (var i = 0; i < encoded.length(); i++) {
      var id = encoded.ids()[i];
      if (encoded.starts()[i] < turn.contentEnd() || !tokenizer.isSpecial(id)) {
        continue;
      }
      // A special token may take the white space after it along; that need not be common.
      var after = PythonText.strip(text.substring(0, encoded.ends()[i]), null, false, true).length();
      var endsTurn = !sawSpecial && after <= turn.commonEnd();
      var endsConversation = turn.last() && eos.isPresent() && eos.getAsInt() == id;
      if (endsTurn || endsConversation) {
        end = after;
      }
      sawSpecial = true;
    }
    return end;
  }

  private boolean beginsWithBos(String text) {
    var bos = tokenizer.specialTokens().get("bos_token");
    return bos != null && text.startsWith(bos);
  }

  private int[] continuation(String prompt, int[] head, String completion) {
    if (completion.isEmpty()) {
      return new int[0];
    }
    var whole = encodePrompt(prompt + completion);
    if (startsWith(whole, head)) {
      return Arrays.copyOfRange(whole, head.length, whole.length);
    }
    // The last token of the prompt would merge with the completion. Continue another text that ends the same way but
    // does not merge.
    for (var context : List.of("\n", ".", "a", "0", "\n.")) {
      var start = tokenizer.encode(context, false);
      var all = tokenizer.encode(context + completion, false);
      if (startsWith(all, start)) {
        var tail = Arrays.copyOfRange(all, start.length, all.length);
        if (tokenizer.decode(concat(head, tail), false).equals(tokenizer.decode(whole, false))) {
          return tail;
        }
      }
    }
    throw new InvalidInputException(
        "The completion \"%s\" cannot be told from the end of its prompt: this tokenizer joins them in one token. Move the"
                .formatted(completion.length() > 40 ? completion.substring(0, 40) + "..." : completion)
            + " boundary between prompt and completion to white space");
  }

  private static boolean startsWith(int[] ids, int[] head) {
    return ids.length >= head.length && Arrays.equals(ids, 0, head.length, head, 0, head.length);
  }

  private static int[] concat(int[] head, int[] tail) {
    var all = Arrays.copyOf(head, head.length + tail.length);
    System.arraycopy(tail, 0, all, head.length, tail.length);
    return all;
  }
}
