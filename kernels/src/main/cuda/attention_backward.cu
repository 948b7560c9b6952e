// The gradients of attention on tensor cores, activations in bf16, in two kernels, so that every sum is kept by one
// warp and runs in one order: seven products of tiles instead of the five of Dao, "FlashAttention-2", 2023, algorithm 2,
// which adds the queries' gradients up in memory in whatever order blocks come.
//
// In both a warp owns 16 rows, of queries or of keys, and walks over tiles of the other side, of which the next is
// copied while one is worked on. Scores are laid out with the owned rows as rows, so that weights, rounded to bf16, are
// operands of the next product as they are, without a detour through shared memory. Each operand loaded from shared
// memory serves one product only, at 256 bytes for 2,048 multiply-adds: on compute capability 8.0 that is as long as the
// product takes, so half of the tensor cores' peak would be a good result. At head dimension 96 three blocks of the
// first kernel and two of the second run on a multiprocessor, by their registers. Nothing here was measured.
#include "attention.cuh"

namespace {

constexpr int WARPS = 4;
constexpr int THREADS = 32 * WARPS;
constexpr int WARP_ROWS = 16;
constexpr int ROWS = WARPS * WARP_ROWS;

template <int D>
using Fragments = unsigned[D / 16][4];

// What a lane adds to the addresses of tiles to load operands.
template <typename Tile>
struct Lane {
  unsigned row;
  unsigned row_part;
  unsigned column;
  unsigned column_part;

  __device__ explicit Lane(int lane)
      : row(Tile::row_lane(lane)),
        row_part(Tile::row_part(lane)),
        column(Tile::column_lane(lane)),
        column_part(Tile::column_part(lane)) {}
};

template <int D, typename Tile>
__device__ __forceinline__ void load_own(Fragments<D>& x, unsigned rows, const Lane<Tile>& lane) {
#pragma unroll
  for (int step = 0; step < D / 16; step++) {
    load_matrices(x[step], rows + lane.row + Tile::step(lane.row_part, step));
  }
}

// s[own row][other row] = own . other along the head dimension, over OTHER rows at `other`. The warp's own rows are in
// registers, or with KEEP false in shared memory.
template <int D, int OTHER, bool KEEP, typename Tile>
__device__ __forceinline__ void dots(float (&s)[OTHER / 8][4], const Fragments<KEEP ? D : 16>& kept, unsigned own,
                                     unsigned other, const Lane<Tile>& lane) {
#pragma unroll
  for (int n = 0; n < OTHER / 8; n++) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      s[n][i] = 0.0f;
    }
  }
#pragma unroll
  for (int step = 0; step < D / 16; step++) {
    unsigned a[4];
    if (KEEP) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        a[i] = kept[KEEP ? step : 0][i];
      }
    } else {
      load_matrices(a, own + lane.row + Tile::step(lane.row_part, step));
    }
#pragma unroll
    for (int n = 0; n < OTHER / 8; n += 2) {
      unsigned b[4];
      load_matrices(b, other + lane.column + n * 8 * Tile::ROW_BYTES + Tile::step(lane.column_part, step));
      multiply_add(s[n], a, b[0], b[1]);
      multiply_add(s[n + 1], a, b[2], b[3]);
    }
  }
}

// sum[own row] += weights[own row][other row] other, weights rounded to bf16.
template <int D, int OTHER, typename Tile>
__device__ __forceinline__ void add_weighted(float (&sum)[D / 8][4], const float (&weights)[OTHER / 8][4],
                                             unsigned other, const Lane<Tile>& lane) {
#pragma unroll
  for (int step = 0; step < OTHER / 16; step++) {
    unsigned a[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      a[i] = pack_bf16(weights[2 * step + i / 2][i % 2 * 2], weights[2 * step + i / 2][i % 2 * 2 + 1]);
    }
#pragma unroll
    for (int n = 0; n < D / 16; n++) {
      unsigned b[4];
      load_matrices_transposed(b, other + lane.row + step * 16 * Tile::ROW_BYTES + Tile::step(lane.row_part, n));
      multiply_add(sum[2 * n], a, b[0], b[1]);
      multiply_add(sum[2 * n + 1], a, b[2], b[3]);
    }
  }
}

// Rounds the warp's result into its rows of shared memory, which nobody else uses, and writes it from there.
template <int D, typename Tile>
__device__ __forceinline__ void write_result(bf16* target, long long stride, int first, int end,
                                             const float (&sum)[D / 8][4], float factor, unsigned char* rows,
                                             int lane) {
  __syncwarp();
#pragma unroll
  for (int n = 0; n < D / 8; n++) {
#pragma unroll
    for (int r = 0; r < 2; r++) {
      Tile::put(rows, lane / 4 + r * 8, n, lane, sum[n][2 * r] * factor, sum[n][2 * r + 1] * factor);
    }
  }
  __syncwarp();
  Tile::template write_out<WARP_ROWS>(target, stride, first, end, rows, lane);
}

// The queries' gradients. On the way dOut . out of each row, which the other kernel needs too. Shared memory: the
// block's queries and gradients, two stages of keys and values.
template <int D, int KEYS>
__device__ __forceinline__ void queries_gradients(bf16* d_qkv, float* delta, const bf16* d_out, const bf16* out,
                                                  const float* lse, const bf16* qkv, const AttentionTile* tiles,
                                                  AttentionShape shape, float scale) {
  using Tile = SharedRows<D, THREADS>;
  constexpr int OWN_BYTES = ROWS * Tile::ROW_BYTES;
  constexpr int TILE_BYTES = KEYS * Tile::ROW_BYTES;
  extern __shared__ __align__(128) unsigned char shared[];
  AttentionTile tile = tiles[blockIdx.x / shape.heads];
  int head = blockIdx.x % shape.heads;
  int warp = threadIdx.x / 32;
  int lane = threadIdx.x % 32;
  Lane<Tile> at(lane);
  int warp_first = tile.first + warp * WARP_ROWS;
  int warp_last = min(warp_first + WARP_ROWS, tile.end) - 1;
  long long stride = shape.qkv_stride();
  const bf16* keys = qkv + shape.key(shape.kv_head(head));
  const bf16* values = qkv + shape.value(shape.kv_head(head));

  unsigned own = shared_address(shared);
  unsigned stage = own + 2 * OWN_BYTES;
  int last = min(tile.first + ROWS, tile.end) - 1;
  int first_key = shape.first_key(tile.start, tile.first);
  int k = tile.start + (first_key - tile.start) / KEYS * KEYS;
  Tile::template copy<ROWS>(own, qkv + shape.query(head), stride, tile.first, tile.end);
  Tile::template copy<ROWS>(own + OWN_BYTES, d_out + shape.query(head), shape.out_stride(), tile.first, tile.end);
  copy_async_commit();
  Tile::template copy<KEYS>(stage, keys, stride, k, tile.end);
  Tile::template copy<KEYS>(stage + TILE_BYTES, values, stride, k, tile.end);
  copy_async_commit();
  copy_async_wait<1>();
  __syncthreads();

  unsigned own_rows = own + warp * WARP_ROWS * Tile::ROW_BYTES;
  Fragments<D> q;
  Fragments<D> d_o;
  load_own<D>(q, own_rows, at);
  load_own<D>(d_o, own_rows + OWN_BYTES, at);
  float log_sum[2];
  float offset[2];
#pragma unroll
  for (int r = 0; r < 2; r++) {
    int row = warp_first + lane / 4 + r * 8;
    bool inside = row < tile.end;
    float x = 0.0f;
    if (inside) {
      const bf16* result = out + row * shape.out_stride() + shape.query(head) + lane % 4 * 2;
#pragma unroll
      for (int i = 0; i < D / 8; i++) {
        __nv_bfloat162 o = *reinterpret_cast<const __nv_bfloat162*>(result + i * 8);
        unsigned g = d_o[i / 2][i % 2 * 2 + r];
        x = fmaf(__uint_as_float(g << 16), __low2float(o), x);
        x = fmaf(__uint_as_float(g & 0xffff0000u), __high2float(o), x);
      }
    }
    x += __shfl_xor_sync(FULL_WARP, x, 1);
    x += __shfl_xor_sync(FULL_WARP, x, 2);
    offset[r] = x;
    long long index = (long long)row * shape.heads + head;
    log_sum[r] = inside ? lse[index] * LOG2_E : 0.0f;
    if (inside && lane % 4 == 0) {
      delta[index] = x;
    }
  }

  float sum[D / 8][4] = {};
  unsigned other = stage + 2 * TILE_BYTES;
  for (; k <= last; k += KEYS) {
    copy_async_wait<0>();
    __syncthreads();  // the tile is there for all, and nobody works on the other stage any more
    if (k + KEYS <= last) {
      Tile::template copy<KEYS>(other, keys, stride, k + KEYS, tile.end);
      Tile::template copy<KEYS>(other + TILE_BYTES, values, stride, k + KEYS, tile.end);
      copy_async_commit();
    }
    if (warp_first <= warp_last && k <= warp_last && warp_first - (k + KEYS - 1) < shape.window) {
      float s[KEYS / 8][4];
      float d_p[KEYS / 8][4];
      dots<D, KEYS, true>(s, q, 0, stage, at);
      dots<D, KEYS, true>(d_p, d_o, 0, stage + TILE_BYTES, at);
      bool masked = k + KEYS - 1 > warp_first || warp_last - k >= shape.window;
#pragma unroll
      for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
          float p = exp2_fast(fmaf(s[n][i], scale * LOG2_E, -log_sum[i / 2]));
          s[n][i] = p * (d_p[n][i] - offset[i / 2]);
        }
      }
      if (masked) {
#pragma unroll
        for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
          for (int i = 0; i < 4; i++) {
            int row = warp_first + lane / 4 + i / 2 * 8;
            int key = k + n * 8 + lane % 4 * 2 + i % 2;
            s[n][i] = shape.sees(row, key) ? s[n][i] : 0.0f;
          }
        }
      }
      add_weighted<D, KEYS>(sum, s, stage, at);
    }
    unsigned next = other;
    other = stage;
    stage = next;
  }
  write_result<D, Tile>(d_qkv + shape.query(head), stride, warp_first, tile.end, sum, scale,
                        shared + warp * WARP_ROWS * Tile::ROW_BYTES, lane);
}

// The gradients of keys and values, over the queries of all heads that share them, in their order. Shared memory: the
// block's keys and values, two stages of queries, gradients, and two numbers a query.
template <int D, int QUERIES, bool KEEP>
__device__ __forceinline__ void keys_gradients(bf16* d_qkv, const float* delta, const bf16* d_out, const float* lse,
                                               const bf16* qkv, const AttentionTile* tiles, AttentionShape shape,
                                               float scale) {
  using Tile = SharedRows<D, THREADS>;
  constexpr int OWN_BYTES = ROWS * Tile::ROW_BYTES;
  constexpr int TILE_BYTES = QUERIES * Tile::ROW_BYTES;
  constexpr int STAGE_BYTES = 2 * TILE_BYTES + 2 * QUERIES * sizeof(float);
  extern __shared__ __align__(128) unsigned char shared[];
  AttentionTile tile = tiles[blockIdx.x / shape.kv_heads];
  int kv_head = blockIdx.x % shape.kv_heads;
  int group = shape.heads / shape.kv_heads;
  int warp = threadIdx.x / 32;
  int lane = threadIdx.x % 32;
  Lane<Tile> at(lane);
  int warp_first = tile.first + warp * WARP_ROWS;
  int warp_last = min(warp_first + WARP_ROWS, tile.end) - 1;
  long long stride = shape.qkv_stride();
  int end = shape.end_query(tile.end, min(tile.first + ROWS, tile.end) - 1);

  unsigned own = shared_address(shared);
  unsigned stages = own + 2 * OWN_BYTES;
  auto copy = [&](unsigned target, int head, int q) {
    Tile::template copy<QUERIES>(target, qkv + shape.query(head), stride, q, tile.end);
    Tile::template copy<QUERIES>(target + TILE_BYTES, d_out + shape.query(head), shape.out_stride(), q, tile.end);
    if (threadIdx.x < 2 * QUERIES) {
      int row = q + threadIdx.x % QUERIES;
      const float* numbers = threadIdx.x < QUERIES ? lse : delta;
      copy_async_word(target + 2 * TILE_BYTES + threadIdx.x * sizeof(float),
                      numbers + (long long)row * shape.heads + head, row < tile.end);
    }
    copy_async_commit();
  };
  int head = kv_head * group;
  int last_head = head + group - 1;
  int q = tile.first;
  Tile::template copy<ROWS>(own, qkv + shape.key(kv_head), stride, tile.first, tile.end);
  Tile::template copy<ROWS>(own + OWN_BYTES, qkv + shape.value(kv_head), stride, tile.first, tile.end);
  copy_async_commit();
  copy(stages, head, q);

  unsigned own_rows = own + warp * WARP_ROWS * Tile::ROW_BYTES;
  Fragments<KEEP ? D : 16> keys;
  Fragments<KEEP ? D : 16> values;
  if (KEEP) {
    copy_async_wait<1>();
    __syncthreads();
    load_own<KEEP ? D : 16>(keys, own_rows, at);
    load_own<KEEP ? D : 16>(values, own_rows + OWN_BYTES, at);
  }

  float key_sum[D / 8][4] = {};
  float value_sum[D / 8][4] = {};
  unsigned parity = 0;
  while (head <= last_head) {
    copy_async_wait<0>();
    __syncthreads();  // the tile is there for all, and nobody works on the other stage any more
    unsigned stage = stages + parity * STAGE_BYTES;
    const float* numbers = reinterpret_cast<const float*>(shared + 2 * OWN_BYTES + parity * STAGE_BYTES + 2 * TILE_BYTES);
    parity ^= 1;
    int now = q;
    q += QUERIES;
    if (q >= end) {
      q = tile.first;
      head++;
    }
    if (head <= last_head) {
      copy(stages + parity * STAGE_BYTES, head, q);
    }
    if (warp_first <= warp_last && now + QUERIES > warp_first && now - warp_last < shape.window) {
      float s[QUERIES / 8][4];
      float d_p[QUERIES / 8][4];
      dots<D, QUERIES, KEEP>(s, keys, own_rows, stage, at);
      dots<D, QUERIES, KEEP>(d_p, values, own_rows + OWN_BYTES, stage + TILE_BYTES, at);
      // Rows past the end were filled with zeros: weights of one, of gradients of zero.
      bool masked = now < warp_last || now + QUERIES - 1 - warp_first >= shape.window;
#pragma unroll
      for (int n = 0; n < QUERIES / 8; n++) {
        float2 log_sum = *reinterpret_cast<const float2*>(numbers + n * 8 + lane % 4 * 2);
        float2 offset = *reinterpret_cast<const float2*>(numbers + QUERIES + n * 8 + lane % 4 * 2);
#pragma unroll
        for (int i = 0; i < 4; i++) {
          float p = exp2_fast(fmaf(s[n][i], scale * LOG2_E, -LOG2_E * (i % 2 == 0 ? log_sum.x : log_sum.y)));
          if (masked) {
            int key = warp_first + lane / 4 + i / 2 * 8;
            p = shape.sees(now + n * 8 + lane % 4 * 2 + i % 2, key) ? p : 0.0f;
          }
          s[n][i] = p;
          d_p[n][i] = p * (d_p[n][i] - (i % 2 == 0 ? offset.x : offset.y));
        }
      }
      add_weighted<D, QUERIES>(value_sum, s, stage + TILE_BYTES, at);
      add_weighted<D, QUERIES>(key_sum, d_p, stage, at);
    }
  }
  bf16* gradients = d_qkv + shape.key(kv_head);
  unsigned char* rows = shared + warp * WARP_ROWS * Tile::ROW_BYTES;
  write_result<D, Tile>(gradients, stride, warp_first, tile.end, key_sum, scale, rows, lane);
  gradients = d_qkv + shape.value(kv_head);
  write_result<D, Tile>(gradients, stride, warp_first, tile.end, value_sum, 1.0f, rows + OWN_BYTES, lane);
}

}  // namespace

#define BACKWARD(D, KEYS, QUERIES, KEEP)                                                                              \
  extern "C" __global__ void __launch_bounds__(THREADS, D <= 96 ? 3 : 2) attention_backward_queries_bf16_##D(         \
      bf16* d_qkv, float* delta, const bf16* d_out, const bf16* out, const float* lse, const bf16* qkv,               \
      const AttentionTile* tiles, int heads, int kv_heads, int window, float scale) {                                 \
    AttentionShape shape{heads, kv_heads, D, window};                                                                 \
    queries_gradients<D, KEYS>(d_qkv, delta, d_out, out, lse, qkv, tiles, shape, scale);                              \
  }                                                                                                                   \
  extern "C" __global__ void __launch_bounds__(THREADS, 2) attention_backward_keys_bf16_##D(                          \
      bf16* d_qkv, const float* delta, const bf16* d_out, const float* lse, const bf16* qkv,                          \
      const AttentionTile* tiles, int heads, int kv_heads, int window, float scale) {                                 \
    AttentionShape shape{heads, kv_heads, D, window};                                                                 \
    keys_gradients<D, QUERIES, KEEP>(d_qkv, delta, d_out, lse, qkv, tiles, shape, scale);                             \
  }

BACKWARD(16, 32, 32, true)
BACKWARD(32, 32, 32, true)
BACKWARD(48, 32, 32, true)
BACKWARD(64, 32, 32, true)
BACKWARD(80, 32, 32, true)
BACKWARD(96, 32, 32, true)
BACKWARD(112, 32, 32, false)
BACKWARD(128, 32, 32, false)
