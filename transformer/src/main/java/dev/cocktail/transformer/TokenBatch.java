package dev.cocktail.transformer;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.lang.foreign.Arena;
import java.util.List;

/**
 * Sequences packed one after the other into a row of T tokens, ready on a device: nothing is padded, no sequence sees
 * another. Its tensors live in the arena it was made in.
 */
public final class TokenBatch {
  private final List<TokenSequence> members;
  private final Sequences sequences;
  private final Tensor ids;
  private final Tensor ropeRows;
  private final Tensor targets;
  private final Tensor lossWeights;
  private final int ropeRowCount;

  private TokenBatch(
      List<TokenSequence> members,
      Sequences sequences,
      Tensor ids,
      Tensor ropeRows,
      Tensor targets,
      Tensor lossWeights,
      int ropeRowCount) {
    this.members = members;
    this.sequences = sequences;
    this.ids = ids;
    this.ropeRows = ropeRows;
    this.targets = targets;
    this.lossWeights = lossWeights;
    this.ropeRowCount = ropeRowCount;
  }

  /**
   * Packs sequences and copies what operations need to the device.
   *
   * @param arena where the batch lives; usually the step's
   * @throws IllegalArgumentException when a token or a target is not in the vocabulary
   */
  public static TokenBatch pack(Phi3Config config, Device device, TensorArena arena, List<TokenSequence> sequences) {
    List<TokenSequence> members = List.copyOf(sequences);
    int tokens = 0;
    for (TokenSequence member : members) {
      tokens = Math.addExact(tokens, member.length());
    }
    int[] ids = new int[tokens];
    int[] rows = new int[tokens];
    int[] targets = new int[tokens];
    int at = 0;
    int rowCount = 0;
    for (TokenSequence member : members) {
      boolean longFactors = config.rope().usesLongFactors(member.ropeLength());
      for (int t = 0; t < member.length(); t++, at++) {
        ids[at] = requireToken(config, member.ids()[t], "token");
        targets[at] =
            member.targets()[t] < 0 ? TokenSequence.NO_TARGET : requireToken(config, member.targets()[t], "target");
        rows[at] = RopeTables.row(config.rope(), member.positions()[t], longFactors);
        rowCount = Math.max(rowCount, rows[at] + 1);
      }
    }
    Sequences offsets = Sequences.ofLengths(device, arena, members.stream().map(TokenSequence::length).toList());
    return new TokenBatch(
        members,
        offsets,
        copy(device, arena, ids),
        copy(device, arena, rows),
        copy(device, arena, targets),
        copyWeights(device, arena, members, tokens),
        rowCount);
  }

  private static int requireToken(Phi3Config config, int id, String what) {
    if (id < 0 || id >= config.vocabSize()) {
      throw new IllegalArgumentException(what + " " + id + " is outside the vocabulary of " + config.vocabSize());
    }
    return id;
  }

  /** A device tensor with the given numbers, I32 [n]. */
  static Tensor copy(Device device, TensorArena arena, int[] values) {
    Tensor target = arena.allocate(DType.I32, values.length);
    device.copyFromHost(target, Tensor.ofInts(values));
    return target;
  }

  private static Tensor copyWeights(Device device, TensorArena arena, List<TokenSequence> members, int tokens) {
    Tensor target = arena.allocate(device.parameterType(), tokens);
    try (Arena temporary = Arena.ofConfined()) {
      Tensor host = Tensor.onHost(target.dtype(), Shape.of(tokens), temporary.allocate(target.byteSize(), 64));
      long at = 0;
      for (TokenSequence member : members) {
        for (float weight : member.lossWeights()) {
          host.set(at++, weight);
        }
      }
      device.copyFromHost(target, host);
    }
    return target;
  }

  /** Number of tokens T of all sequences. */
  public int tokens() {
    return sequences.tokens();
  }

  /** The sequences as they were given. */
  public List<TokenSequence> members() {
    return members;
  }

  /** Where sequences begin and end. */
  public Sequences sequences() {
    return sequences;
  }

  /** The tokens, I32 [T]. */
  public Tensor ids() {
    return ids;
  }

  /** Which row of {@link RopeTables} each token uses, I32 [T]. */
  public Tensor ropeRows() {
    return ropeRows;
  }

  /** How many rows the tables need for this batch. */
  int ropeRowCount() {
    return ropeRowCount;
  }

  /** The token that each shall predict, negative where none; I32 [T]. */
  public Tensor targets() {
    return targets;
  }

  /** What each token's loss counts; parameter type [T]. */
  public Tensor lossWeights() {
    return lossWeights;
  }

  /** The task's number of each sequence. */
  public int task(int sequence) {
    return members.get(sequence).task();
  }

  /** How many tokens have a target. */
  public int targetCount() {
    return members.stream().mapToInt(TokenSequence::targetCount).sum();
  }
}
