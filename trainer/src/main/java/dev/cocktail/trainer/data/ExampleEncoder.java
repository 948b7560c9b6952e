package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.transformer.text.ChatEncoder;
import dev.cocktail.transformer.text.EncodedChat;
import java.util.Arrays;
import java.util.Optional;

/** Turns records into examples: token ids, and which of them are learnt. */
public final class ExampleEncoder {
  /**
   * What becomes of an example with more tokens than the limit. Nothing but a document is ever cut: half an answer
   * teaches to stop early, half a question to guess.
   */
  public enum TooLong {
    /** The run is refused, naming the line. */
    ERROR,
    /** It is left out, and counted. */
    DROP,
    /** Its document is cut, and counted; the run is refused where that does not suffice. */
    CUT,
    /** Its document is cut, and counted; the example is left out where that does not suffice. */
    CUT_OR_DROP;

    /** Whether documents are cut. */
    public boolean cuts() {
      return this == CUT || this == CUT_OR_DROP;
    }

    /** The same for tasks without documents. */
    public TooLong withoutCutting() {
      return drops() ? DROP : ERROR;
    }

    /** Whether what is too long is left out. */
    public boolean drops() {
      return this == DROP || this == CUT_OR_DROP;
    }
  }

  /**
   * What became of a record.
   *
   * @param example empty when it was left out
   * @param cutTokens tokens that its document lost
   */
  public record Encoded(Optional<Example> example, int cutTokens) {
    private static final Encoded DROPPED = new Encoded(Optional.empty(), 0);
  }

  private final ChatEncoder encoder;
  private final int maxLength;
  private final TooLong tooLong;

  /**
   * An encoder for one model.
   *
   * @param maxLength most tokens of an example
   */
  public ExampleEncoder(ChatEncoder encoder, int maxLength, TooLong tooLong) {
    this.encoder = requireNonNull(encoder, "encoder");
    this.tooLong = requireNonNull(tooLong, "tooLong");
    if (maxLength < 2) {
      throw new InvalidInputException("max_length is " + maxLength + "; expected at least 2 tokens");
    }
    this.maxLength = maxLength;
  }

  /**
   * The example of a record.
   *
   * @throws InvalidInputException naming the record's origin
   */
  public Encoded encode(SourceRecord record) {
    var encoded = tokens(record);
    if (encoded.length() <= maxLength) {
      return new Encoded(Optional.of(example(record, encoded)), 0);
    }
    if (tooLong.cuts() && record instanceof SourceRecord.Conversation conversation) {
      var cut = new DocumentCut(encoder, maxLength).fit(conversation, messages -> messages);
      if (cut.isPresent()) {
        var example = example(record, tokens(cut.get().conversation()));
        return new Encoded(Optional.of(example), cut.get().removedTokens());
      }
    }
    if (tooLong.drops()) {
      return Encoded.DROPPED;
    }
    throw tooLong(record, encoded);
  }

  private EncodedChat tokens(SourceRecord record) {
    return switch (record) {
      case SourceRecord.Conversation conversation -> {
        try {
          var encoded = encoder.encode(conversation.messages());
          yield conversation.learn() == SourceRecord.Learn.LAST ? lastTurn(encoded) : encoded;
        } catch (InvalidInputException e) {
          throw new InvalidInputException(record.origin() + ": " + e.getMessage(), e);
        }
      }
      case SourceRecord.Completion pair -> encoder.encodeCompletion(pair.prompt(), pair.completion());
      case SourceRecord.PlainText plain -> encoder.encodeText(plain.text());
    };
  }

  /** The same tokens, of which only the assistant's last turn is learnt. */
  private static EncodedChat lastTurn(EncodedChat encoded) {
    var end = encoded.length();
    while (end > 0 && !encoded.assistant()[end - 1]) {
      end--;
    }
    var start = end;
    while (start > 0 && encoded.assistant()[start - 1]) {
      start--;
    }
    var last = new boolean[encoded.length()];
    Arrays.fill(last, start, end, true);
    return new EncodedChat(encoded.ids(), last);
  }

  private InvalidInputException tooLong(SourceRecord record, EncodedChat encoded) {
    var prompt = encoded.promptTokens();
    var hasDocument = record instanceof SourceRecord.Conversation conversation && conversation.document().isPresent();
    var why =
        !tooLong.cuts()
            ? ""
            : hasDocument ? "; it is too long without its document too" : "; it has no document that may be cut";
    return new InvalidInputException(
        "%s: %,d tokens%s, more than max_length, which is %,d%s. Raise max_length, shorten the example, or set on_too_long: %s"
            .formatted(
                record.origin(),
                encoded.length(),
                prompt >= maxLength ? ", of which %,d are the prompt alone".formatted(prompt) : "",
                maxLength,
                why,
                tooLong.cuts() ? "cut_or_drop" : hasDocument ? "cut, or drop" : "drop"));
  }

  private static Example example(SourceRecord record, EncodedChat encoded) {
    if (encoded.length() == 0) {
      throw new InvalidInputException(record.origin() + ": no token comes out of this example; remove the line");
    }
    var example = new Example(encoded.ids(), encoded.assistant(), record.origin());
    if (example.supervisedTokens() == 0) {
      throw new InvalidInputException(
          record.origin()
              + ": no token of this example would be learnt. The model's chat template may leave out what the"
              + " assistant says; look at what it renders");
    }
    return example;
  }
}
