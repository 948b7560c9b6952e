package dev.cocktail.kernels.emulator;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.kernels.blas.Blas;
import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.kernels.driver.Launch;
import dev.cocktail.tensor.DType;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Faults planted in kernels: each is found, and the same kernel without it passes. */
class FaultsTest {
  private static final String SHARED = ".shared .align 16 .b8 buffer[512]; mov.u32 %r1, buffer; shl.b32 %r2, %r0, 2;";
  private final Bench bench = new Bench();

  @AfterEach
  void close() {
    bench.close();
  }

  private void assertFault(String body, int threads, String... parts) {
    long out = bench.block(4L * threads);
    long in = bench.words(new int[threads]);
    assertThatThrownBy(() -> bench.run(body, threads, out, in))
        .isInstanceOf(EmulatorFault.class)
        .hasMessageContainingAll(parts)
        .hasMessageContainingAll("kernel test", "line ", "block (0, 0, 0)", "thread ");
  }

  private void assertPasses(String body, int threads) {
    long out = bench.block(4L * threads);
    long in = bench.words(new int[threads]);
    assertThatCode(() -> bench.run(body, threads, out, in)).doesNotThrowAnyException();
  }

  @Test
  void globalMemory() {
    assertPasses("ld.global.u32 %r1, [%in+252]; st.global.u32 [%out+252], %r1;", 64);
    assertFault("ld.global.u32 %r1, [%in+256];", 64, "out of bounds", "256 bytes behind the start of a block of 256");
    assertFault("ld.global.u32 %r1, [%in+-4];", 64, "out of bounds");
    assertFault("st.global.u32 [%out+256], %r0;", 64, "out of bounds");
    assertFault("st.global.v4.u32 [%out+248], {%r0, %r0, %r0, %r0};", 64, "misaligned");
    assertFault("st.global.v2.u32 [%rd0], {%r0, %r0};", 64, "misaligned", "thread 1:");
    assertFault("mov.u64 %rd1, 0; ld.global.u32 %r1, [%rd1];", 1, "out of bounds");
    assertFault("ld.global.u32 %r1, [%rd0];", 1, "never written");
    assertFault("st.global.u8 [%rd0], %r0; ld.global.u16 %rs1, [%rd0];", 1, "never written");
    assertFault("atom.global.add.u32 %r1, [%rd0], 1;", 1, "never written");
  }

  @Test
  void freedMemory() {
    long freed = bench.words(1, 2, 3);
    bench.driver().blockReturned(freed);
    assertThatThrownBy(() -> bench.run("ld.global.u32 %r1, [%in];", 1, 0, freed)).hasMessageContaining("freed");
    bench.driver().blockTaken(freed, 12);
    assertThatThrownBy(() -> bench.run("ld.global.u32 %r1, [%in];", 1, 0, freed)).hasMessageContaining("never written");
    assertThatThrownBy(() -> bench.read(freed, 3)).isInstanceOf(EmulatorFault.class);
    bench.driver().copyToGpu(freed + 4, MemorySegment.ofArray(new int[3]), bench.stream());
    assertThatThrownBy(() -> bench.driver().synchronize(bench.stream()))
        .isInstanceOf(EmulatorFault.class)
        .hasMessageContaining("out of bounds");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "add.u32 %r3, %r1, 512; st.shared.u32 [%r3], %r0; | out of bounds",
        "st.shared.u32 [%r1+2], %r0; | misaligned",
        "ld.shared.u32 %r3, [%r1]; | never written",
        ".local .align 4 .b8 own[8]; mov.u64 %rd1, own; st.local.u32 [%rd1+8], %r0; | out of bounds",
        ".local .align 4 .b8 own[8]; mov.u64 %rd1, own; ld.local.u32 %r3, [%rd1]; | never written",
      })
  void otherSpaces(String body, String expected) {
    assertFault(SHARED + body, 1, expected);
  }

  @Test
  void races() {
    String write = SHARED + "add.u32 %r3, %r1, %r2; st.shared.u32 [%r3], %r0;";
    String read = "xor.b32 %r4, %r2, WITH; add.u32 %r4, %r1, %r4; ld.shared.u32 %r5, [%r4];";
    String otherWarp = read.replace("WITH", "128");
    String otherLane = read.replace("WITH", "4");
    assertPasses(write + "bar.sync 0;" + otherWarp, 64);
    assertPasses(write + "bar.sync 0;" + otherLane, 64);
    assertPasses(write + "bar.warp.sync -1;" + otherLane, 64);
    assertFault(write + otherLane, 64, "race");
    assertFault(write + "bar.warp.sync -1;" + otherWarp, 64, "never written");
    // Read by the other warp, and written again before a barrier says that it has read.
    String again = "add.u32 %r6, %r0, 1; st.shared.u32 [%r3], %r6;";
    assertFault(write + "bar.sync 0;" + otherWarp + again, 64, "race");
    assertPasses(write + "bar.sync 0;" + otherWarp + "bar.sync 0;" + again, 64);
    assertFault(SHARED + "st.shared.u32 [%r1], %r0;", 32, "race", "was written by thread 0");
    assertPasses(SHARED + "mov.u32 %r3, 7; st.shared.u32 [%r1], %r3;", 32);
    // Neighbours of 16 bits share a word and do not race.
    String narrow = SHARED + "shl.b32 %r3, %r0, 1; add.u32 %r3, %r1, %r3; st.shared.u16 [%r3], %r0;";
    assertPasses(narrow + "bar.sync 0; ld.shared.u16 %r4, [%r3];", 64);
  }

  @Test
  void namedBarriersOrderOnlyWhoMeetsThere() {
    String write =
        SHARED + "add.u32 %r3, %r1, %r2; st.shared.u32 [%r3], %r0; shr.u32 %r7, %r0, 6; add.u32 %r8, %r7, 1;";
    String read = "xor.b32 %r4, %r2, WITH; add.u32 %r4, %r1, %r4; ld.shared.u32 %r5, [%r4];";
    assertPasses(write + "bar.sync %r8, 64;" + read.replace("WITH", "128"), 128);
    assertFault(write + "bar.sync %r8, 64; bar.sync %r8, 64;" + read.replace("WITH", "256"), 128, "race");
  }

  @Test
  void barriers() {
    String branch = "setp.lt.u32 %p1, %r0, LIMIT; @%p1 bra NEXT; bar.sync 0; NEXT: ";
    assertFault(branch.replace("LIMIT", "16") + "bar.sync 0;", 32, "barrier in divergent code");
    assertFault("setp.lt.u32 %p1, %r0, 32; @%p1 bra NEXT; bar.sync 1; NEXT: bar.sync 0;", 64, "waits at a barrier");
    assertFault("bar.sync 0, 96;", 64, "waits at a barrier");
    assertFault("bar.sync 16;", 32, "no barrier 16");
    assertFault(
        "setp.lt.u32 %p1, %r0, 16; @%p1 bra NEXT; bar.warp.sync -1; bar.sync 0; NEXT: bar.sync 0;",
        32, "barrier in divergent code");
  }

  @Test
  void unwrittenRegisters() {
    String unwritten = "that it has not written";
    assertFault("add.u32 %r1, %r1, 1;", 1, "reads register %r1 " + unwritten);
    assertFault("st.global.u32 [%rd1], %r0;", 1, "reads register %rd1 " + unwritten);
    assertFault("st.global.v2.u32 [%out], {%r0, %r7};", 1, "reads register %r7 " + unwritten);
    assertFault("@%p1 st.global.u32 [%rd0], %r0;", 1, "reads register %p1 " + unwritten);
    assertFault("@!%p1 bra NEXT; NEXT:", 1, "reads register %p1 " + unwritten);
    assertFault("mov.b32 {%rs1, %rs2}, %r0; add.u16 %rs1, %rs2, %rs3;", 1, "reads register %rs3 " + unwritten);
    // Only some lanes have written it, by a guard or on a way of their own.
    String half = "setp.lt.u32 %p1, %r0, 16; ";
    String use = "st.global.u32 [%rd0], %r1;";
    assertFault(half + "@%p1 mov.u32 %r1, 1;" + use, 32, "thread 16: reads register %r1 " + unwritten);
    assertPasses(half + "@%p1 mov.u32 %r1, 1; @%p1 " + use, 32);
    assertPasses(half + "@%p1 mov.u32 %r1, 1; @!%p1 mov.u32 %r1, 2; " + use, 32);
    assertFault(half + "@%p1 bra NEXT; mov.u32 %r1, 1; NEXT: " + use, 32, "thread 0: reads register %r1 " + unwritten);
    assertPasses(half + "@%p1 bra NEXT; mov.u32 %r1, 1; NEXT: @!%p1 " + use, 32);
    // A loop writes it in its first turn and reads it in the next.
    String loop = "mov.u32 %r2, 0; LOOP: setp.eq.u32 %p2, %r2, FIRST; @%p2 mov.u32 %r1, 1; " + use;
    String again = "add.u32 %r2, %r2, 1; setp.lt.u32 %p3, %r2, 3; @%p3 bra LOOP;";
    assertPasses(loop.replace("FIRST", "0") + again, 32);
    assertFault(loop.replace("FIRST", "1") + again, 32, "reads register %r1 " + unwritten);
  }

  @Test
  void barriersThatSomeLeaveByReturning() {
    String leave = "setp.lt.u32 %p1, %r0, LIMIT; @%p1 ret; ";
    // A part of a warp, before the others arrive.
    assertFault(leave.replace("LIMIT", "16") + "bar.sync 0;", 64, "barrier in divergent code: thread 0 has returned");
    assertFault(leave.replace("LIMIT", "16") + "bar.sync 0, 64;", 64, "thread 0 has returned");
    // A part of a warp, while the others wait.
    String late = "setp.lt.u32 %p1, %r0, 16; @%p1 bra NEXT; bar.sync 0; NEXT: ";
    assertFault(late, 32, "barrier in divergent code: thread 0 has returned");
    assertFault(late, 64, "barrier in divergent code: thread 0 has returned");
    // A whole warp: the first before the second arrives, the second while the first waits.
    assertFault(leave.replace("LIMIT", "32") + "bar.sync 0;", 64, "waits at a barrier", "1 of 2 have returned");
    assertFault(leave.replace("lt.u32", "ge.u32").replace("LIMIT", "32") + "bar.sync 0;", 64, "1 of 2 have returned");
    // A warp that has met the others once, and not a second time.
    assertFault("bar.sync 0;" + leave.replace("LIMIT", "32") + "bar.sync 0;", 64, "1 of 2 have returned");
    // Whoever has returned is not missed where the others do not wait for it, nor is a block that returns as a whole.
    assertPasses("bar.sync 0;" + leave.replace("LIMIT", "16"), 64);
    assertPasses(leave.replace("LIMIT", "32") + "bar.sync 1, 32;", 64);
    assertPasses("mov.u32 %r1, %ctaid.x; setp.eq.u32 %p1, %r1, 0; @%p1 ret; bar.sync 0;", 64);
  }

  @Test
  void lanesThatTakeNoPart() {
    String half = "setp.lt.u32 %p1, %r0, 16; @!%p1 bra NEXT; ";
    assertFault(half + "shfl.sync.idx.b32 %r1, %r0, 20, 31, 0xffff; NEXT:", 32, "lane 20");
    assertFault(half + "shfl.sync.idx.b32 %r1, %r0, 1, 31, 0xff; NEXT:", 32, "member mask");
    assertFault(half + "shfl.sync.idx.b32 %r1, %r0, 1, 31, -1; NEXT: bar.sync 0;", 32, "barrier in divergent code");
  }

  @Test
  void asynchronousCopies() {
    String copy =
        SHARED
            + "mul.wide.u32 %rd1, %r0, 4; add.u64 %rd1, %in, %rd1; add.u32 %r3, %r1, %r2;"
            + " cp.async.ca.shared.global [%r3], [%rd1], 4; cp.async.commit_group;";
    String read = "xor.b32 %r4, %r2, 4; add.u32 %r4, %r1, %r4; ld.shared.u32 %r5, [%r4]; st.global.u32 [%rd0], %r5;";
    assertPasses(copy + "cp.async.wait_group 0; bar.sync 0;" + read, 64);
    assertPasses(copy + "cp.async.wait_all; bar.sync 0;" + read, 64);
    assertFault(copy + "bar.sync 0;" + read, 64, "asynchronous copy");
    assertFault(copy + "cp.async.wait_group 1; bar.sync 0;" + read, 64, "asynchronous copy");
    assertFault(copy + "bar.sync 0; cp.async.wait_group 0;" + read, 64, "race");
    assertFault(copy + "cp.async.wait_group 0;" + read, 64, "race");
    assertFault(copy + "st.shared.u32 [%r3], %r0;", 64, "asynchronous copy");
    // A second copy into the same place, and a source that changes meanwhile.
    assertFault(copy + "cp.async.ca.shared.global [%r3], [%rd1], 4;", 64, "asynchronous copy into it is under way");
    String change = "add.u32 %r6, %r0, 1; st.global.u32 [%rd1], %r6;";
    assertFault(copy + change + "cp.async.wait_all;", 64, "overwritten while an asynchronous copy");
    assertPasses(copy + "cp.async.wait_all;" + change, 64);
    // The buffer is read by others when the next copy into it begins.
    String next = "cp.async.ca.shared.global [%r3], [%rd1], 4; cp.async.wait_all;";
    assertFault(copy + "cp.async.wait_all; bar.sync 0;" + read + next, 64, "race");
    assertPasses(copy + "cp.async.wait_all; bar.sync 0;" + read + "bar.sync 0;" + next, 64);
    assertFault(SHARED + "cp.async.cg.shared.global [%r1], [%in+4], 16; cp.async.wait_all;", 1, "misaligned");
    assertFault(SHARED + "cp.async.ca.shared.global [%r1], [%rd0], 4; cp.async.wait_all;", 1, "never written");
  }

  @Test
  void launches() {
    var function = bench.driver().load("test", Bench.module("", "")).function("test");
    var arguments = new KernelArguments().pointer(0).pointer(0);
    assertThatThrownBy(
            () -> bench.driver().launch(function, new Launch(1, 1, 1, 32, 101_377), arguments, bench.stream()))
        .hasMessageContaining("shared memory");
    assertThatThrownBy(
            () -> bench.driver().launch(function, Launch.of(1, 32), new KernelArguments().pointer(0), bench.stream()))
        .hasMessageContaining("1 arguments, the kernel has 2");
    assertThatThrownBy(() ->
            bench
                .driver()
                .launch(function, Launch.of(1, 32), new KernelArguments().pointer(0).int32(0), bench.stream()))
        .hasMessageContaining("12 bytes of arguments");
    String few = Bench.module("", "").replace("test_param_1)", "test_param_1)\n.maxntid 64, 1, 1");
    var small = bench.driver().load("test", few).function("test");
    assertThatThrownBy(() -> bench.driver().launch(small, Launch.of(1, 96), arguments, bench.stream()))
        .hasMessageContaining("at most 64 threads");
  }

  @Test
  void productsCheckTheirOperands() {
    try (EmulatedBlas blas = new EmulatedBlas(bench.driver())) {
      DType type = DType.F32;
      long a = bench.words(new int[6]);
      long c = bench.block(16);
      var left = new Blas.Matrix(a, type, 3, false);
      var right = new Blas.Matrix(a, type, 2, false);
      var target = new Blas.Matrix(c, type, 2, false);
      assertThatCode(() -> multiply(blas, 2, 2, 3, left, right, 0, target)).doesNotThrowAnyException();
      assertThatThrownBy(() -> multiply(blas, 2, 2, 4, left, right, 0, target)).isInstanceOf(EmulatorFault.class);
      assertThatThrownBy(() -> multiply(blas, 3, 2, 2, right, right, 0, target)).isInstanceOf(EmulatorFault.class);
      var fresh = new Blas.Matrix(bench.block(16), type, 2, false);
      assertThatThrownBy(() -> multiply(blas, 2, 2, 3, left, right, 1, fresh)).hasMessageContaining("never written");
    }
  }

  private void multiply(Blas blas, long m, long n, long k, Blas.Matrix a, Blas.Matrix b, double beta, Blas.Matrix c) {
    blas.gemm(m, n, k, 1, a, b, beta, c, bench.stream());
    bench.driver().synchronize(bench.stream());
  }
}
