// Attention on tensor cores, activations in bf16, as in Dao, "FlashAttention-2", 2023, algorithm 1. A block owns 128
// queries of one head and walks over tiles of keys and values, of which the next is copied while one is worked on. Each
// of four warps owns 32 queries, whole rows of the scores, so that the softmax needs no other warp, and whatever it
// loads of keys and values serves two products.
//
// At head dimension 96 a warp makes 192 products for 64 keys, 1,536 cycles of its quarter of a multiprocessor of compute
// capability 8.0, beside 64 exponentials a thread, 512 cycles at four a cycle, and 48 loads of matrices, 768 cycles when
// four warps share 128 bytes a cycle. Two blocks run on a multiprocessor, by their registers, so one's softmax overlaps
// the other's products. Products are the largest share, which says at most what is possible; nothing here was measured.
#include "attention.cuh"

namespace {

constexpr int WARPS = 4;
constexpr int THREADS = 32 * WARPS;

template <int D, int M_TILES, int KEYS, bool KEEP_QUERIES>
struct Forward {
  static constexpr int WARP_ROWS = 16 * M_TILES;
  static constexpr int ROWS = WARPS * WARP_ROWS;
  static constexpr int STEPS = D / 16;  // of products along the head dimension
  static constexpr int N_TILES = KEYS / 8;
  static constexpr int STAGE_BYTES = 2 * KEYS * D * 2;  // keys, then values
  using Tile = SharedRows<D, THREADS>;

  static __device__ void run(bf16* out, float* lse, const bf16* qkv, const AttentionTile* tiles, AttentionShape shape,
                             float scale) {
    extern __shared__ __align__(128) unsigned char shared[];
    AttentionTile tile = tiles[blockIdx.x / shape.heads];
    int head = blockIdx.x % shape.heads;
    int lane = threadIdx.x % 32;
    int warp_first = tile.first + threadIdx.x / 32 * WARP_ROWS;
    int warp_last = min(warp_first + WARP_ROWS, tile.end) - 1;
    long long stride = shape.qkv_stride();
    const bf16* keys = qkv + shape.key(shape.kv_head(head));
    const bf16* values = qkv + shape.value(shape.kv_head(head));
    float scale2 = scale * LOG2_E;

    // Queries that are kept in registers pass through the second stage.
    unsigned stages = shared_address(shared);
    unsigned queries = stages + (KEEP_QUERIES ? STAGE_BYTES : 2 * STAGE_BYTES);
    int last = min(tile.first + ROWS, tile.end) - 1;
    int first_key = shape.first_key(tile.start, tile.first);
    int k = tile.start + (first_key - tile.start) / KEYS * KEYS;
    Tile::template copy<ROWS>(queries, qkv + shape.query(head), stride, tile.first, tile.end);
    Tile::template copy<KEYS>(stages, keys, stride, k, tile.end);
    Tile::template copy<KEYS>(stages + STAGE_BYTES / 2, values, stride, k, tile.end);
    copy_async_commit();

    unsigned row_lane = Tile::row_lane(lane);
    unsigned row_part = Tile::row_part(lane);
    unsigned column_lane = Tile::column_lane(lane);
    unsigned column_part = Tile::column_part(lane);
    unsigned own_queries = queries + threadIdx.x / 32 * WARP_ROWS * Tile::ROW_BYTES + row_lane;
    unsigned q[KEEP_QUERIES ? M_TILES : 1][KEEP_QUERIES ? STEPS : 1][4];
    if (KEEP_QUERIES) {
      copy_async_wait<0>();
      __syncthreads();
#pragma unroll
      for (int m = 0; m < M_TILES; m++) {
#pragma unroll
        for (int step = 0; step < STEPS; step++) {
          load_matrices(q[m][step], own_queries + m * 16 * Tile::ROW_BYTES + Tile::step(row_part, step));
        }
      }
    }

    float sum[M_TILES][2 * STEPS][4] = {};
    float largest[M_TILES][2];
    float total[M_TILES][2];
#pragma unroll
    for (int m = 0; m < M_TILES; m++) {
#pragma unroll
      for (int r = 0; r < 2; r++) {
        largest[m][r] = -INFINITY;
        total[m][r] = 0.0f;
      }
    }

    unsigned stage = stages;
    for (; k <= last; k += KEYS) {
      copy_async_wait<0>();
      __syncthreads();  // the tile is there for all, and nobody works on the other stage any more
      unsigned other = stages + (stage == stages ? STAGE_BYTES : 0);
      if (k + KEYS <= last) {
        Tile::template copy<KEYS>(other, keys, stride, k + KEYS, tile.end);
        Tile::template copy<KEYS>(other + STAGE_BYTES / 2, values, stride, k + KEYS, tile.end);
        copy_async_commit();
      }
      // Warps to which all of the tile is invisible, or that have no rows, have nothing to do.
      bool any = warp_first <= warp_last && k <= warp_last && warp_first - (k + KEYS - 1) < shape.window;
      if (any) {
        float s[M_TILES][N_TILES][4] = {};
#pragma unroll
        for (int step = 0; step < STEPS; step++) {
          unsigned a[M_TILES][4];
#pragma unroll
          for (int m = 0; m < M_TILES; m++) {
            if (KEEP_QUERIES) {
#pragma unroll
              for (int i = 0; i < 4; i++) {
                a[m][i] = q[KEEP_QUERIES ? m : 0][KEEP_QUERIES ? step : 0][i];
              }
            } else {
              load_matrices(a[m], own_queries + m * 16 * Tile::ROW_BYTES + Tile::step(row_part, step));
            }
          }
#pragma unroll
          for (int n = 0; n < N_TILES; n += 2) {
            unsigned b[4];
            load_matrices(b, stage + column_lane + n * 8 * Tile::ROW_BYTES + Tile::step(column_part, step));
#pragma unroll
            for (int m = 0; m < M_TILES; m++) {
              multiply_add(s[m][n], a[m], b[0], b[1]);
              multiply_add(s[m][n + 1], a[m], b[2], b[3]);
            }
          }
        }

        bool masked = k + KEYS - 1 > warp_first || warp_last - k >= shape.window;
#pragma unroll
        for (int m = 0; m < M_TILES; m++) {
          if (masked) {
#pragma unroll
            for (int n = 0; n < N_TILES; n++) {
#pragma unroll
              for (int i = 0; i < 4; i++) {
                int row = warp_first + m * 16 + lane / 4 + i / 2 * 8;
                int key = k + n * 8 + lane % 4 * 2 + i % 2;
                s[m][n][i] = shape.sees(row, key) ? s[m][n][i] : -INFINITY;
              }
            }
          }
          float shrink[2];
#pragma unroll
          for (int r = 0; r < 2; r++) {
            float highest = -INFINITY;
#pragma unroll
            for (int n = 0; n < N_TILES; n++) {
              highest = fmaxf(highest, fmaxf(s[m][n][2 * r], s[m][n][2 * r + 1]));
            }
            highest = fmaxf(highest, __shfl_xor_sync(FULL_WARP, highest, 1));
            highest = fmaxf(highest, __shfl_xor_sync(FULL_WARP, highest, 2));
            highest = fmaxf(largest[m][r], highest);
            // Differences come before the factor: the other way around, a fused multiply-add would leave the rounding
            // error of a product of any size in the exponent.
            float origin = highest == -INFINITY ? 0.0f : highest;  // a row that has seen no key yet
            shrink[r] = exp2_fast((largest[m][r] - origin) * scale2);
            largest[m][r] = highest;
            float here = 0.0f;
#pragma unroll
            for (int n = 0; n < N_TILES; n++) {
#pragma unroll
              for (int c = 0; c < 2; c++) {
                float p = exp2_fast((s[m][n][2 * r + c] - origin) * scale2);
                s[m][n][2 * r + c] = p;
                here += p;
              }
            }
            total[m][r] = total[m][r] * shrink[r] + here;
          }
          // Mostly the maximum stays where it was, and multiplying by one can be left out.
          if (__any_sync(FULL_WARP, shrink[0] != 1.0f || shrink[1] != 1.0f)) {
#pragma unroll
            for (int n = 0; n < 2 * STEPS; n++) {
#pragma unroll
              for (int i = 0; i < 4; i++) {
                sum[m][n][i] *= shrink[i / 2];
              }
            }
          }
        }

#pragma unroll
        for (int step = 0; step < N_TILES / 2; step++) {
          unsigned p[M_TILES][4];
#pragma unroll
          for (int m = 0; m < M_TILES; m++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
              p[m][i] = pack_bf16(s[m][2 * step + i / 2][i % 2 * 2], s[m][2 * step + i / 2][i % 2 * 2 + 1]);
            }
          }
#pragma unroll
          for (int n = 0; n < STEPS; n++) {
            unsigned b[4];
            load_matrices_transposed(b, stage + STAGE_BYTES / 2 + row_lane + step * 16 * Tile::ROW_BYTES +
                                            Tile::step(row_part, n));
#pragma unroll
            for (int m = 0; m < M_TILES; m++) {
              multiply_add(sum[m][2 * n], p[m], b[0], b[1]);
              multiply_add(sum[m][2 * n + 1], p[m], b[2], b[3]);
            }
          }
        }
      }
      stage = other;
    }

    // Results pass through shared memory to be written 16 bytes at a time.
    __syncthreads();
    unsigned char* own = shared + threadIdx.x / 32 * WARP_ROWS * Tile::ROW_BYTES;
#pragma unroll
    for (int m = 0; m < M_TILES; m++) {
#pragma unroll
      for (int r = 0; r < 2; r++) {
        float x = total[m][r];
        x += __shfl_xor_sync(FULL_WARP, x, 1);
        x += __shfl_xor_sync(FULL_WARP, x, 2);
        float factor = 1.0f / x;
        int row = m * 16 + lane / 4 + r * 8;
        if (lane % 4 == 0 && warp_first + row < tile.end) {
          lse[(long long)(warp_first + row) * shape.heads + head] = largest[m][r] * scale + logf(x);
        }
#pragma unroll
        for (int n = 0; n < 2 * STEPS; n++) {
          Tile::put(own, row, n, lane, sum[m][n][2 * r] * factor, sum[m][n][2 * r + 1] * factor);
        }
      }
    }
    __syncwarp();
    Tile::template write_out<WARP_ROWS>(out + shape.query(head), shape.out_stride(), warp_first, tile.end, own, lane);
  }
};

}  // namespace

#define ATTENTION(D, M_TILES, KEYS, KEEP_QUERIES)                                                                     \
  extern "C" __global__ void __launch_bounds__(THREADS, 2) attention_bf16_##D(                                        \
      bf16* out, float* lse, const bf16* qkv, const AttentionTile* tiles, int heads, int kv_heads, int window,        \
      float scale) {                                                                                                  \
    Forward<D, M_TILES, KEYS, KEEP_QUERIES>::run(out, lse, qkv, tiles, AttentionShape{heads, kv_heads, D, window},    \
                                                 scale);                                                              \
  }

ATTENTION(16, 2, 64, true)
ATTENTION(32, 2, 64, true)
ATTENTION(48, 2, 64, true)
ATTENTION(64, 2, 64, true)
ATTENTION(80, 2, 32, true)
ATTENTION(96, 2, 32, true)
ATTENTION(112, 2, 32, false)
ATTENTION(128, 2, 32, false)
