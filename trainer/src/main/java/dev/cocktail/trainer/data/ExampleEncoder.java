package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.transformer.text.ChatEncoder;
import java.util.Optional;

/** Turns records into examples: token ids, and which of them are learnt. */
public final class ExampleEncoder {
  /**
   * What becomes of an example with more tokens than the limit. None is ever cut: half an answer teaches to stop early.
   */
  public enum TooLong {
    /** The run is refused, naming the line. */
    ERROR,
    /** It is left out, and counted. */
    DROP
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
   * The example of a record; empty when it is too long and such examples are dropped.
   *
   * @throws InvalidInputException naming the record's origin
   */
  public Optional<Example> encode(SourceRecord record) {
    var encoded =
        switch (record) {
          case SourceRecord.Conversation conversation -> {
            try {
              yield encoder.encode(conversation.messages());
            } catch (InvalidInputException e) {
              throw new InvalidInputException(record.origin() + ": " + e.getMessage(), e);
            }
          }
          case SourceRecord.Completion pair -> encoder.encodeCompletion(pair.prompt(), pair.completion());
          case SourceRecord.PlainText plain -> encoder.encodeText(plain.text());
        };
    if (encoded.length() > maxLength) {
      if (tooLong == TooLong.DROP) {
        return Optional.empty();
      }
      var prompt = encoded.promptTokens();
      throw new InvalidInputException(
          "%s: %,d tokens%s, more than max_length, which is %,d. Raise max_length, shorten the example, or set on_too_long: drop"
              .formatted(
                  record.origin(),
                  encoded.length(),
                  prompt >= maxLength ? ", of which %,d are the prompt alone".formatted(prompt) : "",
                  maxLength));
    }
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
    return Optional.of(example);
  }
}
