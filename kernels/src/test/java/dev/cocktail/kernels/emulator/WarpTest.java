package dev.cocktail.kernels.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.kernels.driver.Launch;
import dev.cocktail.tensor.DType;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What threads do together: exchanges, branches, barriers, atomic operations, matrix products. */
class WarpTest {
  private final Bench bench = new Bench();

  @AfterEach
  void close() {
    bench.close();
  }

  /** Runs a body that leaves a word in %r9 of each thread. */
  private int[] run(String body, int threads) {
    return run(body, threads, 0);
  }

  private int[] run(String body, int threads, long in) {
    long out = bench.block(4L * threads);
    bench.run(body + " st.global.u32 [%rd0], %r9;", threads, out, in);
    return bench.read(out, threads);
  }

  private static int[] each(int threads, IntUnaryOperator value) {
    return IntStream.range(0, threads).map(value).toArray();
  }

  @Test
  void shuffles() {
    assertThat(run("shfl.sync.bfly.b32 %r9, %r0, 5, 31, -1;", 32)).isEqualTo(each(32, l -> l ^ 5));
    assertThat(run("shfl.sync.idx.b32 %r9, %r0, 7, 31, -1;", 32)).isEqualTo(each(32, l -> 7));
    assertThat(run("shfl.sync.up.b32 %r9, %r0, 3, 0, -1;", 32)).isEqualTo(each(32, l -> l < 3 ? l : l - 3));
    assertThat(run("shfl.sync.down.b32 %r9|%p1, %r0, 3, 31, -1; @!%p1 mov.u32 %r9, -1;", 32))
        .isEqualTo(each(32, l -> l + 3 > 31 ? -1 : l + 3));
    // Segments of 8 lanes, as width = 8 in CUDA: c = (32 - 8) << 8 | 31.
    assertThat(run("shfl.sync.down.b32 %r9, %r0, 3, 0x181f, -1;", 32))
        .isEqualTo(each(32, l -> l % 8 + 3 > 7 ? l : l + 3));
    assertThat(run("shfl.sync.bfly.b32 %r9, %r0, 4, 31, 0xff;", 8)).isEqualTo(each(8, l -> l ^ 4));
  }

  @Test
  void votesMatchesAndReductions() {
    String odd = "and.b32 %r1, %r0, 1; setp.eq.u32 %p1, %r1, 1;";
    assertThat(run(odd + "vote.sync.ballot.b32 %r9, %p1, -1;", 32)).containsOnly(0xAAAAAAAA);
    assertThat(run(odd + "vote.sync.any.pred %p2, %p1, -1; selp.u32 %r9, 1, 0, %p2;", 32)).containsOnly(1);
    assertThat(run(odd + "vote.sync.all.pred %p2, !%p1, -1; selp.u32 %r9, 1, 0, %p2;", 32)).containsOnly(0);
    assertThat(run(odd + "vote.sync.uni.pred %p2, %p1, -1; selp.u32 %r9, 1, 0, %p2;", 32)).containsOnly(0);
    assertThat(run(odd + "match.any.sync.b32 %r9, %r1, -1;", 32))
        .isEqualTo(each(32, l -> l % 2 == 0 ? 0x55555555 : 0xAAAAAAAA));
    assertThat(run("match.all.sync.b32 %r9|%p1, 5, -1;", 32)).containsOnly(-1);
    assertThat(run("redux.sync.add.s32 %r9, %r0, -1;", 32)).containsOnly(496);
    assertThat(run("sub.s32 %r1, %r0, 16; redux.sync.min.s32 %r9, %r1, -1;", 32)).containsOnly(-16);
    assertThat(run("sub.s32 %r1, %r0, 16; redux.sync.max.u32 %r9, %r1, -1;", 32)).containsOnly(-1);
    assertThat(run("mov.u32 %r9, 0;" + odd + "@!%p1 bra L; activemask.b32 %r9; L:", 32))
        .isEqualTo(each(32, l -> l % 2 == 0 ? 0 : 0xAAAAAAAA));
  }

  @Test
  void lanesThatPartMeetAgain() {
    // Lane l adds 3 as often as it has passes, then all lanes vote together.
    String loop =
        "mov.u32 %r9, 0; mov.u32 %r1, 0; LOOP: setp.ge.u32 %p1, %r1, %r0; @%p1 bra DONE; add.u32 %r9, %r9, 3;"
            + " add.u32 %r1, %r1, 1; bra.uni LOOP; DONE: activemask.b32 %r2; add.u32 %r9, %r9, %r2;";
    assertThat(run(loop, 32)).isEqualTo(each(32, l -> 3 * l - 1));
    String table =
        "and.b32 %r1, %r0, 3; TABLE: .branchtargets A, B, C, A; brx.idx %r1, TABLE;"
            + " A: mov.u32 %r9, 10; bra END; B: mov.u32 %r9, 20; bra END; C: mov.u32 %r9, 30; END:";
    assertThat(run(table, 32)).isEqualTo(each(32, l -> new int[] {10, 20, 30, 10}[l % 4]));
    // Both sides of a branch synchronise the warp.
    String sides =
        "setp.lt.u32 %p1, %r0, 16; @%p1 bra L; bar.warp.sync -1; mov.u32 %r9, 1; bra END;"
            + " L: bar.warp.sync -1; mov.u32 %r9, 2; END:";
    assertThat(run(sides, 32)).isEqualTo(each(32, l -> l < 16 ? 2 : 1));
  }

  @Test
  void aLockIsHandedFromLaneToLane() {
    long words = bench.words(0, 0);
    String lock =
        "mov.u32 %r9, 0; TAKE: atom.global.cas.b32 %r1, [%in], 0, 1; setp.ne.u32 %p1, %r1, 0; @%p1 bra TAKE;"
            + " ld.global.u32 %r2, [%in+4]; add.u32 %r2, %r2, 1; st.global.u32 [%in+4], %r2; membar.gl;"
            + " atom.global.exch.b32 %r1, [%in], 0;";
    run(lock, 32, words);
    assertThat(bench.read(words, 2)).containsExactly(0, 32);
  }

  @Test
  void barriersOfABlock() {
    String odd = "setp.lt.u32 %p1, %r0, 70;";
    assertThat(run(odd + "bar.red.popc.u32 %r9, 0, %p1;", 100)).containsOnly(70);
    assertThat(run(odd + "bar.red.or.pred %p2, 0, %p1; selp.u32 %r9, 1, 0, %p2;", 100)).containsOnly(1);
    assertThat(run(odd + "bar.red.and.pred %p2, 0, %p1; selp.u32 %r9, 1, 0, %p2;", 100)).containsOnly(0);
    // One warp fills the buffer and goes on; the other waits for it.
    String handOver =
        ".shared .align 4 .b8 buffer[128]; mov.u32 %r1, buffer; and.b32 %r2, %r0, 31; shl.b32 %r2, %r2, 2;"
            + " add.u32 %r1, %r1, %r2; mov.u32 %r9, -1; setp.lt.u32 %p1, %r0, 32; @%p1 bra READ;"
            + " st.shared.u32 [%r1], %r0; bar.arrive 1, 64; bra END; READ: bar.sync 1, 64;"
            + " ld.shared.u32 %r9, [%r1]; END:";
    assertThat(run(handOver, 64)).isEqualTo(each(64, t -> t < 32 ? t + 32 : -1));
  }

  @Test
  void atomicOperationsOfManyBlocks() {
    long words = bench.words(0, -1, 0, 5, 0, 0);
    String body =
        "red.global.add.u32 [%in], 1; atom.global.min.u32 %r1, [%in+4], %r0; atom.global.max.s32 %r1, [%in+8], %r0;"
            + " atom.global.inc.u32 %r1, [%in+12], 9; red.global.or.b32 [%in+16], %r0;"
            + " red.global.add.f32 [%in+20], 0f3f800000;";
    bench.run("", body, Launch.of(10, 64), 0, words);
    assertThat(bench.read(words, 6)).containsExactly(640, 0, 63, 5, 63, Float.floatToRawIntBits(640));
    String shared =
        ".shared .align 4 .b8 count[4]; mov.u32 %r1, count; setp.ne.u32 %p1, %r0, 0; @!%p1 st.shared.u32 [%r1], 0;"
            + " bar.sync 0; atom.shared.add.u32 %r2, [%r1], 2; bar.sync 0; ld.shared.u32 %r9, [%r1];";
    assertThat(run(shared.replace("[%r1], 0;", "[%r1], %r0;"), 96)).containsOnly(192);
  }

  @Test
  void localConstantAndGenericMemory() {
    String local =
        ".local .align 8 .b8 own[32]; mov.u64 %rd1, own; cvta.local.u64 %rd2, %rd1; st.u32 [%rd2+4], %r0;"
            + " ld.local.u32 %r9, [%rd1+4];";
    assertThat(run(local, 40)).isEqualTo(each(40, t -> t));
    String constant =
        ".const .align 4 .b32 table[4] = {10, 20, 30, 40}; and.b32 %r1, %r0, 3; mul.wide.u32 %rd1, %r1, 4;"
            + " mov.u64 %rd2, table; add.u64 %rd1, %rd1, %rd2; ld.const.u32 %r9, [%rd1];";
    assertThat(run(constant, 8)).isEqualTo(each(8, t -> 10 * (t % 4 + 1)));
    String generic =
        ".shared .align 4 .b8 buffer[128]; mov.u64 %rd1, buffer; cvta.shared.u64 %rd1, %rd1;"
            + " mul.wide.u32 %rd2, %r0, 4; add.u64 %rd1, %rd1, %rd2; st.u32 [%rd1], %r0; ld.u32 %r9, [%rd1];";
    assertThat(run(generic, 32)).isEqualTo(each(32, t -> t));
  }

  @Test
  void zerosBehindAShortCopy() {
    long in = bench.words(1, 2, 3, 4);
    String copy =
        ".shared .align 16 .b8 buffer[16]; mov.u32 %r1, buffer; setp.ne.u32 %p1, %r0, 0; @%p1 bra L;"
            + " cp.async.cg.shared.global [%r1], [%in], 16, 8; cp.async.commit_group; cp.async.wait_group 0;"
            + " L: bar.sync 0; shl.b32 %r2, %r0, 2; add.u32 %r1, %r1, %r2; ld.shared.u32 %r9, [%r1];";
    assertThat(run(copy, 4, in)).containsExactly(1, 2, 0, 0);
  }

  @ParameterizedTest
  @ValueSource(strings = {"bf16", "f16"})
  void matrixProduct(String type) {
    // A [16,16] and B^T [8,16] in shared memory, row after row; ldmatrix, mma, and C [16,8] against plain sums.
    int[] bits = new Random(7).ints(16 * 16 + 8 * 16, -8, 9).toArray();
    int[] packed = new int[bits.length / 2];
    for (int i = 0; i < packed.length; i++) {
      packed[i] = half(bits[2 * i], type) | half(bits[2 * i + 1], type) << 16;
    }
    long in = bench.words(packed);
    long out = bench.block(4 * 128);
    String body =
        """
        .shared .align 16 .b8 tile[768];
        mov.u32 %r1, tile;
        mov.u32 %r2, 0;
        FILL: mad.lo.u32 %r3, %r2, 32, %r0;
        mul.wide.u32 %rd1, %r3, 4;
        add.u64 %rd1, %in, %rd1;
        ld.global.u32 %r4, [%rd1];
        mad.lo.u32 %r5, %r3, 4, %r1;
        st.shared.u32 [%r5], %r4;
        add.u32 %r2, %r2, 1;
        setp.lt.u32 %p1, %r2, 6;
        @%p1 bra FILL;
        bar.sync 0;
        and.b32 %r6, %r0, 15;
        shr.u32 %r7, %r0, 4;
        mad.lo.u32 %r8, %r6, 32, %r1;
        mad.lo.u32 %r8, %r7, 16, %r8;
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r10, %r11, %r12, %r13}, [%r8];
        and.b32 %r6, %r0, 7;
        shr.u32 %r7, %r0, 3;
        and.b32 %r7, %r7, 1;
        mad.lo.u32 %r8, %r6, 32, %r1;
        mad.lo.u32 %r8, %r7, 16, %r8;
        ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%r14, %r15}, [%r8+512];
        mov.f32 %f1, 0f3f800000;
        mma.sync.aligned.m16n8k16.row.col.f32.TYPE.TYPE.f32
          {%f2, %f3, %f4, %f5}, {%r10, %r11, %r12, %r13}, {%r14, %r15}, {%f1, %f1, %f1, %f1};
        shr.u32 %r6, %r0, 2;
        and.b32 %r7, %r0, 3;
        shl.b32 %r6, %r6, 5;
        mad.lo.u32 %r6, %r7, 8, %r6;
        cvt.u64.u32 %rd2, %r6;
        add.u64 %rd2, %out, %rd2;
        st.global.v2.f32 [%rd2], {%f2, %f3};
        st.global.v2.f32 [%rd2+256], {%f4, %f5};
        """
            .replace("TYPE", type);
    bench.run(body, 32, out, in);
    int[] expected = new int[128];
    for (int row = 0; row < 16; row++) {
      for (int column = 0; column < 8; column++) {
        int sum = 1;
        for (int k = 0; k < 16; k++) {
          sum += bits[16 * row + k] * bits[256 + 16 * column + k];
        }
        expected[8 * row + column] = Float.floatToRawIntBits(sum);
      }
    }
    assertThat(bench.read(out, 128)).isEqualTo(expected);
  }

  private static int half(int value, String type) {
    return (type.equals("bf16") ? DType.floatToBf16(value) : DType.floatToF16(value)) & 0xFFFF;
  }

  @Test
  void transposedMatrixLoad() {
    String body =
        """
        .shared .align 16 .b8 tile[128];
        mov.u32 %r1, tile;
        shl.b32 %r2, %r0, 2;
        add.u32 %r3, %r1, %r2;
        shl.b32 %r4, %r0, 1;
        add.u32 %r5, %r4, 1;
        shl.b32 %r5, %r5, 16;
        or.b32 %r4, %r4, %r5;
        st.shared.u32 [%r3], %r4;
        bar.sync 0;
        and.b32 %r6, %r0, 7;
        mad.lo.u32 %r6, %r6, 16, %r1;
        ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%r9}, [%r6];
        """;
    // Element (row, column) is 8 row + column; lane l gets column l / 4 of rows 2 (l % 4) and the next.
    assertThat(run(body, 32)).isEqualTo(each(32, l -> (16 * (l % 4) + l / 4) | (16 * (l % 4) + 8 + l / 4) << 16));
  }

  @Test
  void dynamicSharedMemoryLiesBehindStatic() {
    String body =
        ".shared .align 4 .b8 fixed[20]; mov.u32 %r1, fixed; mov.u32 %r2, dynamic; sub.u32 %r9, %r2, %r1;"
            + " st.shared.u32 [%r2+12], %r9; st.global.u32 [%out], %r9;";
    long out = bench.block(4);
    bench.run("", body, new Launch(1, 1, 1, 1, 16), out, 0);
    assertThat(bench.read(out, 1)).containsExactly(32);
  }
}
