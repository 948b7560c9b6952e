package dev.cocktail.trainer.data;

import dev.cocktail.tensor.InvalidInputException;
import java.util.ArrayList;
import java.util.List;

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

  /** The sequences of one step, each in the first micro-batch that has room for it. */
  public StepBatch step(List<MicroBatch.Sequence> sequences) {
    return new StepBatch(microBatches(sequences));
  }

  /**
   * Sequences packed into as few micro-batches as first fit finds; their order is kept within each.
   *
   * @throws InvalidInputException when one does not fit
   */
  public List<MicroBatch> microBatches(List<MicroBatch.Sequence> sequences) {
    var bins = new ArrayList<List<MicroBatch.Sequence>>();
    var room = new ArrayList<Integer>();
    // Bins that are nearly full are not looked at again, so that packing many sequences stays linear.
    var firstOpen = 0;
    for (var sequence : sequences) {
      requireFits(sequence.example());
      var length = sequence.example().length();
      var bin = firstOpen;
      while (bin < bins.size() && room.get(bin) < length) {
        bin++;
      }
      if (bin == bins.size()) {
        bins.add(new ArrayList<>());
        room.add(tokensPerMicroBatch);
      }
      bins.get(bin).add(sequence);
      room.set(bin, room.get(bin) - length);
      firstOpen = Math.max(firstOpen, bins.size() - OPEN_BINS);
    }
    return bins.stream().map(MicroBatch::new).toList();
  }

  private static final int OPEN_BINS = 64;
}
