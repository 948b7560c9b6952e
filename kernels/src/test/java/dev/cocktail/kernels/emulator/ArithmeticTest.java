package dev.cocktail.kernels.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Arithmetic with answers worked out by hand. Numbers are written as PTX writes them. */
class ArithmeticTest {
  /** Runs instructions that leave a word in %r9. */
  private static int word(String body) {
    try (Bench bench = new Bench()) {
      long out = bench.block(4);
      bench.run(body + "; st.global.u32 [%rd0], %r9;", 1, out, 0);
      return bench.read(out, 1)[0];
    }
  }

  /** Runs instructions that leave a word of 64 bits in %rd9. */
  private static long wide(String body) {
    try (Bench bench = new Bench()) {
      long out = bench.block(8);
      bench.run(body + "; st.global.u64 [%out], %rd9;", 1, out, 0);
      return bench.readLong(out);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '=',
      value = {
        "add.s32 %r9, 0x7fffffff, 1 = 80000000",
        "add.sat.s32 %r9, 0x7fffffff, 1 = 7fffffff",
        "sub.sat.s32 %r9, 0x80000000, 1 = 80000000",
        "sub.u32 %r9, 1, 2 = ffffffff",
        "mul.lo.u32 %r9, 0x10001, 0x10001 = 00020001",
        "mul.hi.u32 %r9, 0xffffffff, 0xffffffff = fffffffe",
        "mul.hi.s32 %r9, -1, 5 = ffffffff",
        "mul.wide.u16 %r9, 0xffff, 0xffff = fffe0001",
        "mad.lo.s32 %r9, 3, -4, 5 = fffffff9",
        "mad.hi.u32 %r9, 0x80000000, 6, 7 = 0000000a",
        "div.s32 %r9, -7, 2 = fffffffd",
        "rem.s32 %r9, -7, 2 = ffffffff",
        "div.u32 %r9, -7, 2 = 7ffffffc",
        "rem.u32 %r9, -7, 10 = 00000009",
        "min.s32 %r9, -1, 1 = ffffffff",
        "min.u32 %r9, -1, 1 = 00000001",
        "max.s32 %r9, -1, 1 = 00000001",
        "max.u32 %r9, -1, 1 = ffffffff",
        "abs.s32 %r9, -5 = 00000005",
        "neg.s32 %r9, 5 = fffffffb",
        "and.b32 %r9, 12, 10 = 00000008",
        "or.b32 %r9, 12, 10 = 0000000e",
        "xor.b32 %r9, 12, 10 = 00000006",
        "not.b32 %r9, 0 = ffffffff",
        "cnot.b32 %r9, 0 = 00000001",
        "shl.b32 %r9, 1, 31 = 80000000",
        "shl.b32 %r9, 1, 32 = 00000000",
        "shr.u32 %r9, -1, 31 = 00000001",
        "shr.u32 %r9, -1, 40 = 00000000",
        "shr.s32 %r9, -2, 40 = ffffffff",
        "shf.l.wrap.b32 %r9, 0x80000000, 1, 33 = 00000003",
        "shf.l.clamp.b32 %r9, 0x12345678, 1, 33 = 12345678",
        "shf.r.wrap.b32 %r9, 2, 1, 1 = 80000001",
        "shf.r.clamp.b32 %r9, 2, 7, 99 = 00000007",
        "lop3.b32 %r9, 0xf0f0f0f0, 0xcccccccc, 0xaaaaaaaa, 0x96 = 96969696",
        "prmt.b32 %r9, 0x33221100, 0x77665544, 0x7250 = 77225500",
        "prmt.b32 %r9, 0x00000080, 0, 0x8888 = ffffffff",
        "bfe.u32 %r9, 0xabcdef01, 8, 12 = 00000def",
        "bfe.s32 %r9, 0xabcdef01, 8, 12 = fffffdef",
        "bfe.s32 %r9, 0x80000000, 28, 8 = fffffff8",
        "bfe.u32 %r9, -1, 40, 4 = 00000000",
        "bfi.b32 %r9, 0xff, 0, 4, 4 = 000000f0",
        "bfi.b32 %r9, 0, -1, 28, 8 = 0fffffff",
        "popc.b32 %r9, 0xf0f = 00000008",
        "clz.b32 %r9, 1 = 0000001f",
        "brev.b32 %r9, 1 = 80000000",
        "bfind.u32 %r9, 0x100 = 00000008",
        "bfind.s32 %r9, -1 = ffffffff",
        "bfind.shiftamt.u32 %r9, 0x100 = 00000017",
        "dp4a.s32.s32 %r9, 0x01ff0203, 0x01020304, 10 = 0000001b",
        "dp4a.u32.u32 %r9, 0xff000000, 0xff000000, 0 = 0000fe01",
        "sad.s32 %r9, -3, 4, 1 = 00000008",
        "mul24.lo.s32 %r9, 0x00ffffff, 3 = fffffffd",
        "mad24.lo.u32 %r9, 0x01000002, 3, 1 = 00000007",
        "popc.b64 %r9, -1 = 00000040",
        "clz.b64 %r9, 1 = 0000003f",
        "mov.u16 %rs1, 0xffff; add.s16 %rs2, %rs1, 2; cvt.u32.u16 %r9, %rs2 = 00000001",
        "mov.u16 %rs1, 0x8000; shr.s16 %rs2, %rs1, 4; cvt.s32.s16 %r9, %rs2 = fffff800",
        "mov.u16 %rs1, 0xffff; setp.lt.s16 %p1, %rs1, 0; selp.b32 %r9, 1, 2, %p1 = 00000001",
        "mov.u32 %r1, 0x12345678; mov.b32 {%rs1, %rs2}, %r1; mov.b32 %r9, {%rs2, %rs1} = 56781234",
        "slct.s32.s32 %r9, 1, 2, -1 = 00000002",
        "slct.u32.f32 %r9, 1, 2, 0f00000000 = 00000001",
        "setp.lt.u32 %p1, 1, -1; selp.u32 %r9, 1, 0, %p1 = 00000001",
        "setp.hs.u32 %p1, 1, 1; selp.u32 %r9, 1, 0, !%p1 = 00000000",
        "setp.eq.s32 %p1, 0, 0; setp.eq.and.s32 %p2|%p3, 1, 2, %p1; selp.u32 %r9, 1, 0, %p3 = 00000001",
        "setp.nan.f32 %p1, 0f7fc00000, 0f00000000; selp.u32 %r9, 1, 0, %p1 = 00000001",
        "setp.ne.f32 %p1, 0f7fc00000, 0f00000000; selp.u32 %r9, 1, 0, %p1 = 00000000",
        "setp.neu.f32 %p1, 0f7fc00000, 0f00000000; selp.u32 %r9, 1, 0, %p1 = 00000001",
        "setp.eq.f32 %p1, 0f80000000, 0f00000000; selp.u32 %r9, 1, 0, %p1 = 00000001",
        "set.gt.u32.s32 %r9, 2, 1 = ffffffff",
        "add.cc.u32 %r1, -1, 1; addc.u32 %r9, 5, 6 = 0000000c",
        "sub.cc.u32 %r1, 0, 1; subc.u32 %r9, 7, 2 = 00000004",
        "sub.cc.u32 %r1, 1, 1; subc.cc.u32 %r2, 0, 1; addc.u32 %r9, 0, 0 = 00000000",
        "mad.lo.cc.u32 %r1, 0x10000, 0xffff, 0x10000; madc.hi.u32 %r9, 0x10000, 0x10000, 0 = 00000002",
      })
  void wordsOfWholeNumbers(String body, String expected) {
    assertThat("%08x".formatted(word(body))).as(body).isEqualTo(expected.strip());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '=',
      value = {
        "add.s64 %rd9, -1, 2 = 1",
        "sub.s64 %rd9, 1, 2 = ffffffffffffffff",
        "mul.lo.s64 %rd9, 0x100000000, 3 = 300000000",
        "mul.hi.u64 %rd9, -1, -1 = fffffffffffffffe",
        "mul.hi.s64 %rd9, -1, 5 = ffffffffffffffff",
        "mul.wide.s32 %rd9, -2, 3 = fffffffffffffffa",
        "mul.wide.u32 %rd9, -1, -1 = fffffffe00000001",
        "mad.wide.s32 %rd9, -2, 3, 7 = 1",
        "div.u64 %rd9, -1, 16 = fffffffffffffff",
        "rem.s64 %rd9, -7, 4 = fffffffffffffffd",
        "shl.b64 %rd9, 1, 63 = 8000000000000000",
        "shr.s64 %rd9, 0x8000000000000000, 70 = ffffffffffffffff",
        "bfe.u64 %rd9, 0x123456789abcdef0, 4, 40 = 6789abcdef",
        "bfi.b64 %rd9, 0xff, 0, 60, 8 = f000000000000000",
        "brev.b64 %rd9, 1 = 8000000000000000",
        "mov.u32 %r1, 1; mov.u32 %r2, 2; mov.b64 %rd9, {%r1, %r2} = 200000001",
        "cvt.s64.s32 %rd9, -1 = ffffffffffffffff",
        "cvt.u64.u32 %rd9, -1 = ffffffff",
        "add.cc.u64 %rd1, -1, 1; addc.u64 %rd9, 0, 0 = 1",
        "cvt.rzi.s64.f64 %rd9, 0dc01e000000000000 = fffffffffffffff9",
        "cvt.rni.u64.f32 %rd9, 0fbf800000 = 0",
        "cvt.rzi.u64.f64 %rd9, 0d43e8000000000000 = c000000000000000",
        // 1 + 2^-53, to nearest and upwards
        "add.rn.f64 %rd9, 0d3ff0000000000000, 0d3ca0000000000000 = 3ff0000000000000",
        "add.rp.f64 %rd9, 0d3ff0000000000000, 0d3ca0000000000000 = 3ff0000000000001",
        "sub.rz.f64 %rd9, 0d3ff0000000000000, 0d3c80000000000000 = 3fefffffffffffff",
        "fma.rn.f64 %rd9, 0d4000000000000000, 0d4008000000000000, 0d3ff0000000000000 = 401c000000000000",
        "div.rn.f64 %rd9, 0d3ff0000000000000, 0d4008000000000000 = 3fd5555555555555",
        "sqrt.rn.f64 %rd9, 0d4000000000000000 = 3ff6a09e667f3bcd",
        "rcp.approx.ftz.f64 %rd9, 0d4008000000000000 = 3fd5555500000000",
        "cvt.rni.f64.f64 %rd9, 0d4004000000000000 = 4000000000000000",
        "cvt.f64.f32 %rd9, 0f3fc00000 = 3ff8000000000000",
      })
  void wordsOf64Bits(String body, String expected) {
    assertThat(Long.toHexString(wide(body))).as(body).isEqualTo(expected.strip());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '=',
      value = {
        // 1 + 2^-24 lies half way between 1 and its neighbour.
        "add.f32 %r9, 0f3f800000, 0f33800000 = 3f800000",
        "add.rp.f32 %r9, 0f3f800000, 0f33800000 = 3f800001",
        "add.rz.f32 %r9, 0fbf800000, 0fb3800001 = bf800000",
        "add.rm.f32 %r9, 0fbf800000, 0f80000001 = bf800001",
        "sub.f32 %r9, 0f40400000, 0f3f800000 = 40000000",
        "mul.f32 %r9, 0f40400000, 0f40000000 = 40c00000",
        "mul.sat.f32 %r9, 0f40400000, 0f40000000 = 3f800000",
        "mul.ftz.f32 %r9, 0f00800000, 0f3f000000 = 00000000",
        "mul.rn.f32 %r9, 0f00800000, 0f3f000000 = 00400000",
        // (1 + 2^-23)^2 - (1 + 2^-22) needs the bits that a rounded product loses.
        "fma.rn.f32 %r9, 0f3f800001, 0f3f800001, 0fbf800002 = 28800000",
        "fma.rm.f32 %r9, 0f3f800000, 0f3f800000, 0f00000001 = 3f800000",
        "fma.rp.f32 %r9, 0f3f800000, 0f3f800000, 0f00000001 = 3f800001",
        "fma.rm.f32 %r9, 0f7f7fffff, 0f40000000, 0f00000000 = 7f7fffff",
        "div.rn.f32 %r9, 0f3f800000, 0f40400000 = 3eaaaaab",
        "div.rz.f32 %r9, 0f3f800000, 0f40400000 = 3eaaaaaa",
        "div.rm.f32 %r9, 0f3f800000, 0fc0400000 = beaaaaab",
        "div.full.f32 %r9, 0f40c00000, 0f40400000 = 40000000",
        "div.approx.f32 %r9, 0f3f800000, 0f7e800000 = 00800000",
        "div.approx.f32 %r9, 0f3f800000, 0f7e800001 = 00000000",
        "rcp.rn.f32 %r9, 0f40800000 = 3e800000",
        "rcp.rp.f32 %r9, 0f40400000 = 3eaaaaab",
        "sqrt.rn.f32 %r9, 0f40000000 = 3fb504f3",
        "sqrt.rp.f32 %r9, 0f40000000 = 3fb504f4",
        "rsqrt.approx.f32 %r9, 0f40800000 = 3f000000",
        "ex2.approx.f32 %r9, 0f40400000 = 41000000",
        "ex2.approx.ftz.f32 %r9, 0fc3000000 = 00000000",
        "ex2.approx.f32 %r9, 0fc3000000 = 00200000",
        "lg2.approx.f32 %r9, 0f41000000 = 40400000",
        "sin.approx.f32 %r9, 0f00000000 = 00000000",
        "cos.approx.f32 %r9, 0f00000000 = 3f800000",
        "tanh.approx.f32 %r9, 0f42c80000 = 3f800000",
        "min.f32 %r9, 0f7fc00000, 0f3f800000 = 3f800000",
        "max.f32 %r9, 0f3f800000, 0f7fc00000 = 3f800000",
        "max.NaN.f32 %r9, 0f3f800000, 0f7fc00000 = 7fc00000",
        "max.f32 %r9, 0f80000000, 0f00000000 = 00000000",
        "abs.f32 %r9, 0fbf800000 = 3f800000",
        "neg.f32 %r9, 0f00000000 = 80000000",
        "copysign.f32 %r9, 0f80000000, 0f3f800000 = bf800000",
        "testp.subnormal.f32 %p1, 0f00000001; selp.b32 %r9, 1, 0, %p1 = 00000001",
        "cvt.rn.f32.s32 %r9, 16777217 = 4b800000",
        "cvt.rp.f32.s32 %r9, 16777217 = 4b800001",
        "cvt.rz.f32.u32 %r9, -1 = 4f7fffff",
        "cvt.rn.f32.u64 %r9, -1 = 5f800000",
        "cvt.rn.f32.f64 %r9, 0d3ff0000010000000 = 3f800000",
        "cvt.rp.f32.f64 %r9, 0d3ff0000010000000 = 3f800001",
        "cvt.rni.s32.f32 %r9, 0f40200000 = 00000002",
        "cvt.rmi.s32.f32 %r9, 0fbf000000 = ffffffff",
        "cvt.rpi.s32.f32 %r9, 0f3f000000 = 00000001",
        "cvt.rzi.s32.f32 %r9, 0f7fc00000 = 00000000",
        "cvt.rzi.s32.f32 %r9, 0f7f800000 = 7fffffff",
        "cvt.rzi.u32.f32 %r9, 0fbf800000 = 00000000",
        "cvt.rzi.u32.f32 %r9, 0f4f800000 = ffffffff",
        "cvt.sat.f32.f32 %r9, 0fbf800000 = 00000000",
        "cvt.sat.f32.f32 %r9, 0f7fc00000 = 00000000",
        "cvt.rni.f32.f32 %r9, 0f40600000 = 40800000",
        "cvt.sat.s8.s32 %r9, 300 = 0000007f",
        "cvt.s32.s8 %r9, 0x180 = ffffff80",
        "cvt.u32.u8 %r9, 0x1ff = 000000ff",
      })
  void floats(String body, String expected) {
    assertThat("%08x".formatted(word(body))).as(body).isEqualTo(expected.strip());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '=',
      value = {
        "cvt.rn.bf16x2.f32 %r9, 0f3f800000, 0f40000000 = 3f804000",
        // 1 + 2^-8 is a tie that goes to the even neighbour, a little more goes up.
        "cvt.rn.bf16x2.f32 %r9, 0f3f808000, 0f3f808001 = 3f803f81",
        "cvt.rz.bf16x2.f32 %r9, 0f3f80ffff, 0fbf80ffff = 3f80bf80",
        "cvt.rn.f16x2.f32 %r9, 0f3f800000, 0f477fe000 = 3c007bff",
        "cvt.rn.relu.f16x2.f32 %r9, 0fbf800000, 0f3f800000 = 00003c00",
        "cvt.rn.bf16.f32 %rs1, 0f7fc00001; cvt.u32.u16 %r9, %rs1 = 00007fff",
        "cvt.rn.f16.f32 %rs1, 0f33800000; cvt.f32.f16 %r9, %rs1 = 33800000",
        "mov.b32 %r1, 0x3f804000; fma.rn.bf16x2 %r9, %r1, %r1, %r1 = 400040c0",
        "mov.b32 %r1, 0x3c004000; add.f16x2 %r9, %r1, %r1 = 40004400",
        "mov.b32 %r1, 0x3c004000; mul.rn.f16x2 %r9, %r1, %r1 = 3c004400",
        "mov.b32 %r1, 0x3c004000; sub.f16x2 %r9, %r1, %r1 = 00000000",
        "mov.b32 %r1, 0x3f80ffff; mov.b32 %r2, 0x4000c000; max.bf16x2 %r9, %r1, %r2 = 4000c000",
        "mov.b32 %r1, 0x3f80bf80; neg.bf16x2 %r9, %r1 = bf803f80",
        "mov.b32 %r1, 0x3f80bf80; abs.bf16x2 %r9, %r1 = 3f803f80",
        // Half a unit and a little more: rounding the product first would lose the little.
        "mov.u16 %rs1, 0x3f80; mov.u16 %rs2, 0x3b80; mov.u16 %rs3, 0x3f81;"
            + " fma.rn.bf16 %rs4, %rs3, %rs3, %rs2; cvt.u32.u16 %r9, %rs4 = 00003f83",
      })
  void numbersOf16Bits(String body, String expected) {
    assertThat("%08x".formatted(word(body))).as(body).isEqualTo(expected.strip());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "frobnicate.b32 %r9, %r1",
        "add.wrap.s32 %r9, %r1, %r2",
        "add.rn.s32 %r9, %r1, %r2",
        "min.approx.f32 %f1, %f2, %f3",
        "ld.global.L3::no.u32 %r9, [%rd0]",
        "cvt.s32.f32 %r9, %f1",
        "shfl.bfly.b32 %r9, %r1, 1, 31, -1",
        "mma.sync.aligned.m8n8k4.row.col.f32.bf16.bf16.f32 {%r1}, {%r2}, {%r3}, {%r4}",
      })
  void whatIsNotKnownIsNamedWithItsLine(String body) {
    assertThatThrownBy(() -> word(body))
        .isInstanceOf(EmulatorFault.class)
        .hasMessageContaining(body.substring(0, body.indexOf(' ')))
        .hasMessageContaining("line ");
  }

  @Test
  void labelsAndRegistersInBracesAreTheirOwn() {
    String scope = "{ .reg .b32 %x; mov.u32 %x, %r9; setp.gt.u32 %p1, %x, 3; @%p1 bra L; add.u32 %r9, %x, 3; L: }\n";
    assertThat(word("mov.u32 %r9, 1;" + scope + scope.replace("%x, 3; L", "%x, 70; L") + "mov.u32 %r9, %r9"))
        .isEqualTo(4);
  }
}
