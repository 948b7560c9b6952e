package dev.cocktail.trainer.data;

import dev.cocktail.tensor.InvalidInputException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Packs sequences into micro-batches and steps. No sequence is split and none is padded.
 *
 * @param tokensPerStep most tokens of one optimiser step
 * @param tokensPerMicroBatch most tokens that go through the model at once; what memory allows
 */
public record Packer(int tokensPerStep, int tokensPerMicroBatch) {
  public Packer {
    if (tokensPerStep < 1 || tokensPerMicroBatch < 1) {
      throw new InvalidInputException(
          "tokens_per_step is %d and micro_batch_tokens is %d; expected at least 1 each"
              .formatted(tokensPerStep, tokensPerMicroBatch));
    }
    tokensPerMicroBatch = Math.min(tokensPerMicroBatch, tokensPerStep);
  }

  /**
   * Checks that an example fits into a step and a micro-batch.
   *
   * @throws InvalidInputException naming the example when it does not
   */
  public void requireFits(Example example) {
    if (example.length() > tokensPerMicroBatch) {
      throw new InvalidInputException(
          "%s: %,d tokens do not fit into a micro-batch of %,d. Raise micro_batch_tokens and tokens_per_step, or lower"
                  .formatted(example.origin(), example.length(), tokensPerMicroBatch)
              + " max_length");
    }
  }

  /** The sequences of one step. */
  public StepBatch step(List<MicroBatch.Sequence> sequences) {
    return new StepBatch(microBatches(sequences));
  }

  /**
   * Sequences packed by best fit, the longest first: each goes where the least room is left that suffices. Sequences
   * keep their order within a micro-batch, and micro-batches that of their first sequences.
   *
   * @throws InvalidInputException when one does not fit
   */
  public List<MicroBatch> microBatches(List<MicroBatch.Sequence> sequences) {
    sequences.forEach(sequence -> requireFits(sequence.example()));
    var placed = place(sequences.stream().mapToInt(sequence -> sequence.example().length()).toArray());
    // Numbered in the order in which the sequences meet them.
    var byNumber = new LinkedHashMap<Integer, List<MicroBatch.Sequence>>();
    for (var i = 0; i < placed.length; i++) {
      byNumber.computeIfAbsent(placed[i], _ -> new ArrayList<>()).add(sequences.get(i));
    }
    return byNumber.values().stream().map(MicroBatch::new).toList();
  }

  /** The number of micro-batches that sequences of these lengths take; each fits into one. */
  public int microBatchCount(int[] lengths) {
    return 1 + Arrays.stream(place(lengths)).max().orElse(-1);
  }

  /** For each length, the number of its micro-batch, from 0. */
  private int[] place(int[] lengths) {
    var order = IntStream.range(0, lengths.length).boxed().sorted((a, b) -> lengths[b] - lengths[a]).toList();
    var placed = new int[lengths.length];
    // Micro-batches by the room that is left in them.
    var open = new TreeMap<Integer, Deque<Integer>>();
    var count = 0;
    for (var i : order) {
      var fitting = open.ceilingEntry(lengths[i]);
      var room = fitting == null ? tokensPerMicroBatch : fitting.getKey();
      if (fitting == null) {
        placed[i] = count++;
      } else {
        placed[i] = fitting.getValue().removeFirst();
        if (fitting.getValue().isEmpty()) {
          open.remove(room);
        }
      }
      open.computeIfAbsent(room - lengths[i], _ -> new ArrayDeque<>()).addLast(placed[i]);
    }
    return placed;
  }
}
