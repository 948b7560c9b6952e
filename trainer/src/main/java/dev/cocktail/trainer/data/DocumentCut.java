package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.data.SourceRecord.Conversation;
import dev.cocktail.trainer.data.SourceRecord.Document;
import dev.cocktail.transformer.text.ChatEncoder;
import dev.cocktail.transformer.text.EncodedText;
import dev.cocktail.transformer.text.Message;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * Cuts documents at their end, by tokens, so that a conversation just fits. Nothing else of it is touched: not the
 * question, wherever it stands, not the template's words, not the answer.
 *
 * @param maxLength most tokens of a whole conversation
 */
public record DocumentCut(ChatEncoder encoder, int maxLength) {
  public DocumentCut {
    requireNonNull(encoder, "encoder");
  }

  /**
   * A conversation that fits.
   *
   * @param removedTokens how many tokens of the document are gone, counted in the document alone
   */
  record Cut(Conversation conversation, int removedTokens) {}

  /**
   * The conversation with the longest beginning of its document that fits; empty when it does not fit without any of
   * it, or has no document.
   *
   * @param measured what is to fit in the conversation's place, such as the same messages with another answer
   */
  Optional<Cut> fit(Conversation conversation, UnaryOperator<List<Message>> measured) {
    if (conversation.document().isEmpty()) {
      return Optional.empty();
    }
    Document document = conversation.document().get();
    EncodedText tokens = encoder.tokenizer().encodeWithSpans(document.text(), false);
    int whole = tokens.length();
    int kept = whole;
    int length = length(conversation, document, tokens, kept, measured);
    while (length > maxLength && kept > 0) {
      kept = Math.max(0, kept - (length - maxLength));
      length = length(conversation, document, tokens, kept, measured);
    }
    if (length > maxLength) {
      return Optional.empty();
    }
    // At the seam tokens may join, so that a little more fits than was counted.
    while (kept < whole && length(conversation, document, tokens, kept + 1, measured) <= maxLength) {
      kept++;
    }
    String text = beginning(document, tokens, kept);
    return Optional.of(new Cut(conversation.with(document.messages().apply(text)), whole - kept));
  }

  private int length(
      Conversation conversation,
      Document document,
      EncodedText tokens,
      int kept,
      UnaryOperator<List<Message>> measured) {
    List<Message> messages = document.messages().apply(beginning(document, tokens, kept));
    try {
      return encoder.encode(measured.apply(messages)).length();
    } catch (InvalidInputException e) {
      throw new InvalidInputException(conversation.origin() + ": " + e.getMessage(), e);
    }
  }

  private static String beginning(Document document, EncodedText tokens, int kept) {
    if (kept == tokens.length()) {
      return document.text();
    }
    return kept == 0 ? "" : document.text().substring(0, tokens.ends()[kept - 1]);
  }
}
