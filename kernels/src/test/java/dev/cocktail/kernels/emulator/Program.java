package dev.cocktail.kernels.emulator;

import java.util.List;

/**
 * A kernel, decoded: one entry an instruction in each array. Registers of 32 bits and fewer lie in one array of a warp,
 * those of 64 bits in another, 32 lanes beside each other; constants and special registers have slots there too.
 */
final class Program {
  /** What the interpreter has to do with an instruction. */
  static final byte PLAIN = 0;

  static final byte BRANCH = 1;
  static final byte EXIT = 2;
  static final byte BARRIER = 3;
  static final byte RENDEZVOUS = 4;
  static final byte WARP_BARRIER = 5;
  static final byte INDIRECT = 6;

  /** Values of a slot that is the same in all lanes of all warps. */
  record Constant(int base, long value) {}

  /**
   * A barrier of the block.
   *
   * @param id where the barrier's number lies among the words
   * @param count where the number of threads lies, or -1 when all take part
   * @param waits whether the threads wait, or only arrive
   * @param reduction null, or one of "or", "and", "popc"
   * @param result predicate, or word for popc, that the reduction is written to
   */
  record Barrier(int id, int count, boolean waits, String reduction, int result, int source, int sourceFlip) {}

  final PtxModule module;
  final PtxModule.Kernel kernel;
  final PtxModule.Instruction[] source;
  final byte[] kinds;
  final Operation[] operations;

  /** Slot of the predicate an instruction depends on, or -1; what it is combined with by exclusive or. */
  final int[] guards;

  final int[] flips;

  /** Target of a branch; where the member mask or the index lies, for rendezvous and indirect branches. */
  final int[] targets;

  final int[][] tables;
  final Barrier[] barriers;

  int words;
  int longs;
  int predicates;
  List<Constant> wordConstants;
  List<Constant> longConstants;
  SpecialRegisters specials;

  /** Finds reads of registers that were not written; null where there can be none. */
  UnwrittenRegisters unwritten;

  /** Bytes of the narrowest access to shared memory. */
  int granule = 4;

  Program(PtxModule module, PtxModule.Kernel kernel) {
    this.module = module;
    this.kernel = kernel;
    source = kernel.instructions().toArray(PtxModule.Instruction[]::new);
    // Control that falls off the end has returned: one more instruction does that.
    int count = source.length + 1;
    kinds = new byte[count];
    operations = new Operation[count];
    guards = new int[count];
    flips = new int[count];
    targets = new int[count];
    tables = new int[count][];
    barriers = new Barrier[count];
    kinds[source.length] = EXIT;
    guards[source.length] = -1;
  }

  String where(int position) {
    String at = position < source.length ? source[position].toString() : "end";
    return "kernel " + kernel.name() + " (" + module.name() + ".ptx, " + at + ")";
  }
}
