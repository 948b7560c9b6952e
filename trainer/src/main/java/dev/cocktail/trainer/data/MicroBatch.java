package dev.cocktail.trainer.data;

import java.util.List;

/** Sequences that go through the model together, packed in one row of tokens. */
public record MicroBatch(List<Sequence> sequences) {
  /** An example and the index of the task it was drawn for. */
  public record Sequence(int task, Example example) {}

  public MicroBatch {
    sequences = List.copyOf(sequences);
  }

  /** Number of tokens of all sequences. */
  public int tokens() {
    return sequences.stream().mapToInt(sequence -> sequence.example().length()).sum();
  }

  /** Number of tokens that are learnt. */
  public int supervisedTokens() {
    return sequences.stream().mapToInt(sequence -> sequence.example().supervisedTokens()).sum();
  }
}
