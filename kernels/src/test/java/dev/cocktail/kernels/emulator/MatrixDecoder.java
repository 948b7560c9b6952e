package dev.cocktail.kernels.emulator;

import dev.cocktail.tensor.DType;
import java.util.List;

/** Tensor-core products and the loads that feed them, in the layouts that the PTX manual fixes. */
final class MatrixDecoder {
  private final Operands operands;

  MatrixDecoder(Operands operands) {
    this.operands = operands;
  }

  /** The instruction, or null where it is none of these. */
  Instruction decode(PtxStatement s) {
    return switch (s.opcode()) {
      case "ldmatrix.sync.aligned.m8n8.x1.shared.b16",
          "ldmatrix.sync.aligned.m8n8.x2.shared.b16",
          "ldmatrix.sync.aligned.m8n8.x4.shared.b16" ->
          load(s, false);
      case "ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16",
          "ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16",
          "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16" ->
          load(s, true);
      case "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32" -> multiply(s, 16, true);
      case "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32" -> multiply(s, 16, false);
      case "mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32" -> multiply(s, 8, true);
      case "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32" -> multiply(s, 8, false);
      default -> null;
    };
  }

  private static void requireWholeWarp(int lanes) {
    if (lanes != -1) {
      throw new EmulatorFault("the whole warp must be here, only lanes %08x are".formatted(lanes));
    }
  }

  /** Matrix i of 8 rows of 8 elements: its rows' addresses come from lanes 8 i to 8 i + 7. */
  private Instruction load(PtxStatement s, boolean transposed) {
    int[] out = operands.vector(s.operands().get(0));
    Operands.Address address = operands.address(s.operands().get(1));
    int base = address.base() * Warp.LANES;
    return new Instruction() {
      @Override
      void run(Warp warp, int lanes) {
        requireWholeWarp(lanes);
        SharedMemory shared = warp.block.shared;
        int[][] rows = new int[8][8];
        for (int matrix = 0; matrix < out.length; matrix++) {
          for (int row = 0; row < 8; row++) {
            int lane = 8 * matrix + row;
            long at = (warp.registers[base + lane] + address.offset()) & 0xFFFFFFFFL;
            if ((at & 15) != 0) {
              throw new EmulatorFault("misaligned: shared address %d for a row of 16 bytes".formatted(at));
            }
            for (int column = 0; column < 8; column++) {
              rows[row][column] = (int) shared.load(at + 2L * column, 2, warp, lane);
            }
          }
          for (int lane = 0; lane < Warp.LANES; lane++) {
            int major = lane / 4;
            int minor = 2 * (lane % 4);
            int low = transposed ? rows[minor][major] : rows[major][minor];
            int high = transposed ? rows[minor + 1][major] : rows[major][minor + 1];
            warp.registers[out[matrix] * Warp.LANES + lane] = (int) ((long) high << 16 | low);
          }
        }
      }
    };
  }

  /** D = A B + C: A [16,k] and B [k,8] of 16-bit numbers, C and D [16,8] of F32, spread over the lanes. */
  private Instruction multiply(PtxStatement s, int k, boolean bf16) {
    List<String> o = s.operands();
    int[] d = operands.vector(o.get(0));
    int[] a = operands.vector(o.get(1));
    int[] b = operands.vector(o.get(2));
    int[] c = operands.vector(o.get(3));
    return new Instruction() {
      @Override
      void run(Warp warp, int lanes) {
        requireWholeWarp(lanes);
        long[] r = warp.registers;
        float[] left = new float[16 * k];
        float[] right = new float[8 * k];
        for (int lane = 0; lane < Warp.LANES; lane++) {
          int group = lane / 4;
          int pair = 2 * (lane % 4);
          for (int i = 0; i < a.length; i++) {
            int bits = (int) r[a[i] * Warp.LANES + lane];
            int at = (group + 8 * (i % 2)) * k + pair + 8 * (i / 2);
            left[at] = number((short) bits, bf16);
            left[at + 1] = number((short) (bits >>> 16), bf16);
          }
          for (int i = 0; i < b.length; i++) {
            int bits = (int) r[b[i] * Warp.LANES + lane];
            int at = group * k + pair + 8 * i;
            right[at] = number((short) bits, bf16);
            right[at + 1] = number((short) (bits >>> 16), bf16);
          }
        }
        for (int lane = 0; lane < Warp.LANES; lane++) {
          for (int i = 0; i < 4; i++) {
            int row = lane / 4 + 8 * (i / 2);
            int column = 2 * (lane % 4) + i % 2;
            double sum = Float.intBitsToFloat((int) r[c[i] * Warp.LANES + lane]);
            for (int j = 0; j < k; j++) {
              sum += (double) left[row * k + j] * right[column * k + j];
            }
            r[d[i] * Warp.LANES + lane] = Float.floatToRawIntBits((float) sum);
          }
        }
      }
    };
  }

  private static float number(short bits, boolean bf16) {
    return bf16 ? DType.bf16ToFloat(bits) : DType.f16ToFloat(bits);
  }
}
