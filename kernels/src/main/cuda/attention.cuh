// What the attention kernels share: the work list, masks, and the instructions of the tensor cores.
#pragma once

#include "common.cuh"

constexpr float LOG2_E = 1.44269504088896340736f;
constexpr float LN_2 = 0.69314718055994530942f;

// One tile of rows of one sequence, from the list that the host makes, the most work first. Everything counts tokens of
// the whole pack. Kernels run a row of blocks: tile by tile, and for each all heads, so that blocks that run together
// read the same keys and values.
struct __align__(16) AttentionTile {
  int start;  // first token of the sequence
  int end;    // one past its last token
  int first;  // first token of the tile
  int unused;
};

// Where a token's queries, keys and values lie: all query heads, all key heads, all value heads.
struct AttentionShape {
  int heads;
  int kv_heads;
  int dim;
  int window;  // a query at position i sees the keys in (i - window, i]

  __device__ int kv_head(int head) const { return head / (heads / kv_heads); }
  __device__ long long qkv_stride() const { return (long long)(heads + 2 * kv_heads) * dim; }
  __device__ long long out_stride() const { return (long long)heads * dim; }
  __device__ long long query(int head) const { return (long long)head * dim; }
  __device__ long long key(int kv_head) const { return (long long)(heads + kv_head) * dim; }
  __device__ long long value(int kv_head) const { return (long long)(heads + kv_heads + kv_head) * dim; }

  __device__ bool sees(int query, int key) const { return key <= query && query - key < window; }
  // The first key in sight of a query; subtraction first, as the window may be the largest integer.
  __device__ int first_key(int start, int query) const {
    return query - start < window ? start : query - window + 1;
  }
  // One past the last query that sees a key.
  __device__ int end_query(int end, int key) const { return end - key <= window ? end : key + window; }
};

// 2^x to within 2^-22 of itself, results below the normal numbers become zero; -infinity gives zero.
__device__ __forceinline__ float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// Two numbers as bf16 in one register, the first in the lower half.
__device__ __forceinline__ unsigned pack_bf16(float low, float high) {
  unsigned packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}

__device__ __forceinline__ unsigned shared_address(const void* pointer) {
  return (unsigned)__cvta_generic_to_shared(pointer);
}

// Begins a copy of 16 bytes to shared memory that leaves registers and the L1 cache alone; zeros where not `valid`.
__device__ __forceinline__ void copy_async(unsigned target, const void* source, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(target), "l"(__cvta_generic_to_global(source)),
               "r"(valid ? 16 : 0)
               : "memory");
}

// The same for four bytes.
__device__ __forceinline__ void copy_async_word(unsigned target, const void* source, bool valid) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(target), "l"(__cvta_generic_to_global(source)),
               "r"(valid ? 4 : 0)
               : "memory");
}

__device__ __forceinline__ void copy_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most so many of this thread's committed groups are under way.
template <int GROUPS>
__device__ __forceinline__ void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(GROUPS) : "memory");
}

// Four 8 x 8 matrices of bf16: lane l gives the address of row l % 8 of matrix l / 8, and gets of each matrix the
// elements 2 (l % 4) and the next of row l / 4.
__device__ __forceinline__ void load_matrices(unsigned (&x)[4], unsigned address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
               : "r"(address)
               : "memory");
}

// As load_matrices, with each matrix transposed.
__device__ __forceinline__ void load_matrices_transposed(unsigned (&x)[4], unsigned address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
               : "r"(address)
               : "memory");
}

// C += A B with A 16 x 16, B 16 x 8 in bf16 and C 16 x 8 in f32. Of C, lane l holds elements 2 (l % 4) and the next of
// rows l / 4 and l / 4 + 8; A is held as four such 8 x 8 matrices, rows before columns; b0 and b1 hold the upper and
// lower half of B, transposed.
__device__ __forceinline__ void multiply_add(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
               "{%0, %1, %2, %3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// A tile of rows of D bf16 elements in shared memory, in pieces of 16 bytes. The pieces of a row are permuted (their
// number is combined with some of the row's by exclusive or), so that the eight rows that ldmatrix reads together lie
// in different banks, and so that copies of neighbouring pieces do too. Rows are found from multiples of 8.
template <int D, int THREADS>
struct SharedRows {
  static constexpr int PIECES = D / 8;
  static constexpr int MASK = PIECES % 8 == 0 ? 7 : PIECES % 4 == 0 ? 3 : 1;
  static constexpr int SHIFT = MASK == 7 ? 0 : MASK == 3 ? 1 : 2;
  static constexpr int ROW_BYTES = 2 * D;
  // Threads that copy a row together, and how many rows the block copies at once.
  static constexpr int LANES = MASK + 1;
  static constexpr int ROWS_AT_ONCE = THREADS / LANES;

  static __device__ __forceinline__ int permutation(int row) { return row >> SHIFT & MASK; }

  // Offset of a piece in bytes.
  static __device__ __forceinline__ int offset(int row, int piece) {
    return row * ROW_BYTES + ((piece ^ permutation(row)) << 4);
  }

  // Offset of an 8 x 16 part's half for ldmatrix, from what `lane_part` gave: columns 16 step to 16 step + 15.
  static __device__ __forceinline__ int step(int lane_part, int step) {
    return (lane_part ^ (2 * step & MASK) << 4) + ((2 * step & ~MASK) << 4);
  }

  // What a lane adds to a tile's address to load an A operand (rows of the tile are rows of A), or a B operand with
  // load_matrices_transposed (rows of the tile are rows of B); the part is then XORed by `step`.
  static __device__ __forceinline__ int row_lane(int lane) { return (lane & 15) * ROW_BYTES; }
  static __device__ __forceinline__ int row_part(int lane) { return (lane >> 4 ^ permutation(lane & 15)) << 4; }

  // The same for two B operands with load_matrices: rows of the tile are columns of B.
  static __device__ __forceinline__ int column_lane(int lane) { return ((lane & 7) + (lane >> 4) * 8) * ROW_BYTES; }
  static __device__ __forceinline__ int column_part(int lane) { return ((lane >> 3 & 1) ^ permutation(lane & 7)) << 4; }

  // Begins copying rows [first, first + ROWS) of a matrix; rows at or past `end` become zero.
  template <int ROWS>
  static __device__ __forceinline__ void copy(unsigned target, const bf16* rows, long long stride, int first, int end) {
    int row = threadIdx.x / LANES;
    int piece = threadIdx.x % LANES;
    unsigned to = target + offset(row, piece);
    const bf16* from = rows + (first + row) * stride + piece * 8;
#pragma unroll
    for (int r = 0; r < ROWS; r += ROWS_AT_ONCE) {
      if (ROWS % ROWS_AT_ONCE == 0 || row + r < ROWS) {
        bool inside = first + row + r < end;
#pragma unroll
        for (int p = 0; p < PIECES; p += LANES) {
          copy_async(to + r * ROW_BYTES + p * 16, from + p * 8, inside);
        }
      }
      from += ROWS_AT_ONCE * stride;
    }
  }

  // A warp's results, 16 rows by eight columns a time, held as products are and rounded here; `put` for all columns,
  // then `write_out` after __syncwarp.
  static __device__ __forceinline__ void put(unsigned char* rows, int row, int n, int lane, float low, float high) {
    *reinterpret_cast<unsigned*>(rows + offset(row, n) + lane % 4 * 4) = pack_bf16(low, high);
  }

  // Writes a warp's rows to rows [first, first + ROWS) of a matrix, those before `end`, 16 bytes a lane.
  template <int ROWS>
  static __device__ __forceinline__ void write_out(bf16* target, long long stride, int first, int end,
                                                   const unsigned char* rows, int lane) {
    for (int i = lane; i < ROWS * PIECES; i += 32) {
      int row = i / PIECES;
      int piece = i % PIECES;
      if (first + row < end) {
        *reinterpret_cast<uint4*>(target + (first + row) * stride + piece * 8) =
            *reinterpret_cast<const uint4*>(rows + offset(row, piece));
      }
    }
  }
};
