// Attention without tensor cores, for activations in F32 and for head dimensions that the fast kernels lack. A block of
// 128 threads owns 32 rows and walks over tiles of 32 rows of the other side; products run in f32 on chunks of 32
// columns in shared memory, so no head dimension is too long. A block gives up to 128 columns of the result (blockIdx.y
// counts those groups; scores are computed again for each). A thread holds a 2 x 4 part of the scores and 2 x 16 of the
// result. Eight multiply-adds need six reads of shared memory, which bounds this at about a third of the f32 peak.
#include "attention.cuh"

namespace {

constexpr int TILE = 32;
constexpr int CHUNK = 32;
constexpr int CHUNKS = 4;  // of the result's columns a block
constexpr int THREADS = 128;
constexpr int ROWS = 2;  // of a tile a thread: 2 (thread / 8) and the next
constexpr int COLUMNS = 4;  // of a tile or chunk a thread: thread % 8 + 8 j

struct Buffers {
  float own[TILE][CHUNK + 1];
  float other[TILE][CHUNK + 1];
  float weights[TILE][TILE + 1];
  float statistic[TILE];
};

// The rows of one head, row t of the pack at data + t stride.
template <typename T>
struct Rows {
  T* data;
  long long stride;

  __device__ T* at(int row) const { return data + row * stride; }
};

__device__ __forceinline__ int own_row() { return threadIdx.x / 8 * ROWS; }
__device__ __forceinline__ int column(int j) { return threadIdx.x % 8 + 8 * j; }

// A chunk of up to 32 rows: [row][column], zero beyond the rows and the head dimension.
template <typename T>
__device__ void load_chunk(float (&target)[TILE][CHUNK + 1], Rows<const T> rows, int first, int end, int from, int dim) {
  int lane = threadIdx.x % 32;
  for (int r = threadIdx.x / 32; r < TILE; r += THREADS / 32) {
    bool inside = first + r < end && from + lane < dim;
    target[r][lane] = inside ? widen(rows.at(first + r)[from + lane]) : 0.0f;
  }
}

// s[i][j] = own[first + own_row + i] . other[other_first + column(j)]
template <typename T>
__device__ void dots(float (&s)[ROWS][COLUMNS], Buffers& buffers, Rows<const T> own, int first, Rows<const T> other,
                     int other_first, int end, int dim) {
#pragma unroll
  for (int i = 0; i < ROWS; i++) {
#pragma unroll
    for (int j = 0; j < COLUMNS; j++) {
      s[i][j] = 0.0f;
    }
  }
  for (int from = 0; from < dim; from += CHUNK) {
    __syncthreads();
    load_chunk(buffers.own, own, first, end, from, dim);
    load_chunk(buffers.other, other, other_first, end, from, dim);
    __syncthreads();
    int width = min(CHUNK, dim - from);
    for (int e = 0; e < width; e++) {
      float b[COLUMNS];
#pragma unroll
      for (int j = 0; j < COLUMNS; j++) {
        b[j] = buffers.other[column(j)][e];
      }
#pragma unroll
      for (int i = 0; i < ROWS; i++) {
        float a = buffers.own[own_row() + i][e];
#pragma unroll
        for (int j = 0; j < COLUMNS; j++) {
          s[i][j] = fmaf(a, b[j], s[i][j]);
        }
      }
    }
  }
}

// The block's part of the result: columns first_column() + 32 c + column(j).
struct Result {
  float x[ROWS][CHUNKS][COLUMNS];

  static __device__ int first_column() { return blockIdx.y * CHUNKS * CHUNK; }

  __device__ void scale_row(int i, float factor) {
#pragma unroll
    for (int c = 0; c < CHUNKS; c++) {
#pragma unroll
      for (int j = 0; j < COLUMNS; j++) {
        x[i][c][j] *= factor;
      }
    }
  }

  __device__ void clear() {
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
#pragma unroll
      for (int c = 0; c < CHUNKS; c++) {
#pragma unroll
        for (int j = 0; j < COLUMNS; j++) {
          x[i][c][j] = 0.0f;
        }
      }
    }
  }

  // Adds weights [own row][other row] times the other rows.
  template <typename T>
  __device__ void add(Buffers& buffers, Rows<const T> other, int other_first, int end, int dim) {
    int count = min(TILE, end - other_first);
#pragma unroll
    for (int c = 0; c < CHUNKS; c++) {
      int from = first_column() + c * CHUNK;
      if (from < dim) {
        __syncthreads();
        load_chunk(buffers.other, other, other_first, end, from, dim);
        __syncthreads();
        for (int r = 0; r < count; r++) {
          float b[COLUMNS];
#pragma unroll
          for (int j = 0; j < COLUMNS; j++) {
            b[j] = buffers.other[r][column(j)];
          }
#pragma unroll
          for (int i = 0; i < ROWS; i++) {
            float a = buffers.weights[own_row() + i][r];
#pragma unroll
            for (int j = 0; j < COLUMNS; j++) {
              x[i][c][j] = fmaf(a, b[j], x[i][c][j]);
            }
          }
        }
      }
    }
  }

  template <typename T>
  __device__ void store_row(int i, T* row, float factor, int dim) const {
#pragma unroll
    for (int c = 0; c < CHUNKS; c++) {
#pragma unroll
      for (int j = 0; j < COLUMNS; j++) {
        int e = first_column() + c * CHUNK + column(j);
        if (e < dim) {
          row[e] = narrow<T>(x[i][c][j] * factor);
        }
      }
    }
  }
};

// Over the eight threads that share rows, the same in each.
__device__ __forceinline__ float row_max(float x) {
  for (int offset = 4; offset > 0; offset /= 2) {
    x = fmaxf(x, __shfl_xor_sync(FULL_WARP, x, offset));
  }
  return x;
}

__device__ __forceinline__ float row_sum(float x) {
  for (int offset = 4; offset > 0; offset /= 2) {
    x += __shfl_xor_sync(FULL_WARP, x, offset);
  }
  return x;
}

// Dao, "FlashAttention-2", 2023, algorithm 1: the running maximum and sum of a row are kept, in powers of two.
template <typename T>
__device__ void forward(T* out, float* lse, const T* qkv, const AttentionTile* tiles, AttentionShape shape,
                        float scale) {
  __shared__ Buffers buffers;
  AttentionTile tile = tiles[blockIdx.x / shape.heads];
  int head = blockIdx.x % shape.heads;
  int kv_head = shape.kv_head(head);
  Rows<const T> queries{qkv + shape.query(head), shape.qkv_stride()};
  Rows<const T> keys{qkv + shape.key(kv_head), shape.qkv_stride()};
  Rows<const T> values{qkv + shape.value(kv_head), shape.qkv_stride()};
  int last = min(tile.first + TILE, tile.end) - 1;
  int from = shape.first_key(tile.start, tile.first);

  Result sum;
  sum.clear();
  float largest[ROWS];
  float total[ROWS];
#pragma unroll
  for (int i = 0; i < ROWS; i++) {
    largest[i] = -INFINITY;
    total[i] = 0.0f;
  }
  for (int k = tile.start + (from - tile.start) / TILE * TILE; k <= last; k += TILE) {
    float s[ROWS][COLUMNS];
    dots(s, buffers, queries, tile.first, keys, k, tile.end, shape.dim);
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
      float highest = largest[i];
#pragma unroll
      for (int j = 0; j < COLUMNS; j++) {
        bool visible = shape.sees(tile.first + own_row() + i, k + column(j));
        s[i][j] = visible ? s[i][j] * (scale * LOG2_E) : -INFINITY;
        highest = fmaxf(highest, s[i][j]);
      }
      highest = row_max(highest);
      float origin = highest == -INFINITY ? 0.0f : highest;
      float shrink = exp2f(largest[i] - origin);
      float sum_here = 0.0f;
#pragma unroll
      for (int j = 0; j < COLUMNS; j++) {
        float p = exp2f(s[i][j] - origin);
        buffers.weights[own_row() + i][column(j)] = p;
        sum_here += p;
      }
      largest[i] = highest;
      total[i] = total[i] * shrink + row_sum(sum_here);
      sum.scale_row(i, shrink);
    }
    sum.add(buffers, values, k, tile.end, shape.dim);
  }
#pragma unroll
  for (int i = 0; i < ROWS; i++) {
    int row = tile.first + own_row() + i;
    if (row < tile.end) {
      sum.store_row(i, out + row * shape.out_stride() + shape.query(head), 1.0f / total[i], shape.dim);
      if (blockIdx.y == 0 && threadIdx.x % 8 == 0) {
        lse[(long long)row * shape.heads + head] = largest[i] * LN_2 + logf(total[i]);
      }
    }
  }
}

// The queries' gradients; on the way dOut . out of each row, which the other kernel needs too.
template <typename T>
__device__ void backward_queries(T* d_qkv, float* delta, const T* d_out, const T* out, const float* lse, const T* qkv,
                                 const AttentionTile* tiles, AttentionShape shape, float scale) {
  __shared__ Buffers buffers;
  AttentionTile tile = tiles[blockIdx.x / shape.heads];
  int head = blockIdx.x % shape.heads;
  int kv_head = shape.kv_head(head);
  Rows<const T> queries{qkv + shape.query(head), shape.qkv_stride()};
  Rows<const T> keys{qkv + shape.key(kv_head), shape.qkv_stride()};
  Rows<const T> values{qkv + shape.value(kv_head), shape.qkv_stride()};
  Rows<const T> gradients{d_out + shape.query(head), shape.out_stride()};
  Rows<const T> outputs{out + shape.query(head), shape.out_stride()};
  int last = min(tile.first + TILE, tile.end) - 1;
  int from = shape.first_key(tile.start, tile.first);

  for (int r = threadIdx.x / 32; r < TILE; r += THREADS / 32) {
    float x = 0.0f;
    int row = tile.first + r;
    if (row < tile.end) {
      for (int e = threadIdx.x % 32; e < shape.dim; e += 32) {
        x = fmaf(widen(gradients.at(row)[e]), widen(outputs.at(row)[e]), x);
      }
    }
    x = warp_sum(x);
    if (threadIdx.x % 32 == 0) {
      buffers.statistic[r] = x;
      if (blockIdx.y == 0 && row < tile.end) {
        delta[(long long)row * shape.heads + head] = x;
      }
    }
  }
  float log_sum[ROWS];
#pragma unroll
  for (int i = 0; i < ROWS; i++) {
    int row = tile.first + own_row() + i;
    log_sum[i] = row < tile.end ? lse[(long long)row * shape.heads + head] * LOG2_E : INFINITY;
  }

  Result sum;
  sum.clear();
  for (int k = tile.start + (from - tile.start) / TILE * TILE; k <= last; k += TILE) {
    float s[ROWS][COLUMNS];
    float d_p[ROWS][COLUMNS];
    dots(s, buffers, queries, tile.first, keys, k, tile.end, shape.dim);
    dots(d_p, buffers, gradients, tile.first, values, k, tile.end, shape.dim);
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
#pragma unroll
      for (int j = 0; j < COLUMNS; j++) {
        bool visible = shape.sees(tile.first + own_row() + i, k + column(j));
        float p = visible ? exp2f(fmaf(s[i][j], scale * LOG2_E, -log_sum[i])) : 0.0f;
        buffers.weights[own_row() + i][column(j)] = visible ? p * (d_p[i][j] - buffers.statistic[own_row() + i]) : 0.0f;
      }
    }
    sum.add(buffers, keys, k, tile.end, shape.dim);
  }
#pragma unroll
  for (int i = 0; i < ROWS; i++) {
    int row = tile.first + own_row() + i;
    if (row < tile.end) {
      sum.store_row(i, d_qkv + row * shape.qkv_stride() + shape.query(head), scale, shape.dim);
    }
  }
}

// The gradients of a tile of keys and values, over the queries of all heads that share them, in their order.
template <typename T>
__device__ void backward_keys(T* d_qkv, const float* delta, const T* d_out, const float* lse, const T* qkv,
                              const AttentionTile* tiles, AttentionShape shape, float scale) {
  __shared__ Buffers buffers;
  AttentionTile tile = tiles[blockIdx.x / shape.kv_heads];
  int kv_head = blockIdx.x % shape.kv_heads;
  int group = shape.heads / shape.kv_heads;
  Rows<const T> keys{qkv + shape.key(kv_head), shape.qkv_stride()};
  Rows<const T> values{qkv + shape.value(kv_head), shape.qkv_stride()};
  int last = min(tile.first + TILE, tile.end) - 1;
  int end = shape.end_query(tile.end, last);

  Result key_sum;
  Result value_sum;
  key_sum.clear();
  value_sum.clear();
  for (int head = kv_head * group; head < (kv_head + 1) * group; head++) {
    Rows<const T> queries{qkv + shape.query(head), shape.qkv_stride()};
    Rows<const T> gradients{d_out + shape.query(head), shape.out_stride()};
    for (int q = tile.first; q < end; q += TILE) {
      float s[ROWS][COLUMNS];
      float d_p[ROWS][COLUMNS];
      dots(s, buffers, keys, tile.first, queries, q, tile.end, shape.dim);
      dots(d_p, buffers, values, tile.first, gradients, q, tile.end, shape.dim);
#pragma unroll
      for (int j = 0; j < COLUMNS; j++) {
        int query = q + column(j);
        long long at = (long long)query * shape.heads + head;
        float log_sum = query < tile.end ? lse[at] * LOG2_E : 0.0f;
        float offset = query < tile.end ? delta[at] : 0.0f;
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
          bool visible = query < tile.end && shape.sees(query, tile.first + own_row() + i);
          float p = visible ? exp2f(fmaf(s[i][j], scale * LOG2_E, -log_sum)) : 0.0f;
          buffers.weights[own_row() + i][column(j)] = p;
          s[i][j] = visible ? p * (d_p[i][j] - offset) : 0.0f;
        }
      }
      value_sum.add(buffers, gradients, q, tile.end, shape.dim);
      __syncthreads();
#pragma unroll
      for (int i = 0; i < ROWS; i++) {
#pragma unroll
        for (int j = 0; j < COLUMNS; j++) {
          buffers.weights[own_row() + i][column(j)] = s[i][j];
        }
      }
      key_sum.add(buffers, queries, q, tile.end, shape.dim);
    }
  }
#pragma unroll
  for (int i = 0; i < ROWS; i++) {
    int row = tile.first + own_row() + i;
    if (row < tile.end) {
      T* gradient = d_qkv + row * shape.qkv_stride();
      key_sum.store_row(i, gradient + shape.key(kv_head), scale, shape.dim);
      value_sum.store_row(i, gradient + shape.value(kv_head), 1.0f, shape.dim);
    }
  }
}

}  // namespace

// Grid: tiles x heads (key/value heads for the keys' gradients), groups of 128 columns.
#define ATTENTION_PLAIN(NAME, TYPE)                                                                                   \
  extern "C" __global__ void __launch_bounds__(THREADS) attention_plain_##NAME(                                       \
      TYPE* out, float* lse, const TYPE* qkv, const AttentionTile* tiles, int heads, int kv_heads, int dim,           \
      int window, float scale) {                                                                                      \
    forward(out, lse, qkv, tiles, AttentionShape{heads, kv_heads, dim, window}, scale);                               \
  }                                                                                                                   \
  extern "C" __global__ void __launch_bounds__(THREADS) attention_plain_backward_queries_##NAME(                      \
      TYPE* d_qkv, float* delta, const TYPE* d_out, const TYPE* out, const float* lse, const TYPE* qkv,               \
      const AttentionTile* tiles, int heads, int kv_heads, int dim, int window, float scale) {                        \
    AttentionShape shape{heads, kv_heads, dim, window};                                                               \
    backward_queries(d_qkv, delta, d_out, out, lse, qkv, tiles, shape, scale);                                        \
  }                                                                                                                   \
  extern "C" __global__ void __launch_bounds__(THREADS) attention_plain_backward_keys_##NAME(                         \
      TYPE* d_qkv, const float* delta, const TYPE* d_out, const float* lse, const TYPE* qkv,                          \
      const AttentionTile* tiles, int heads, int kv_heads, int dim, int window, float scale) {                        \
    AttentionShape shape{heads, kv_heads, dim, window};                                                               \
    backward_keys(d_qkv, delta, d_out, lse, qkv, tiles, shape, scale);                                                \
  }

ATTENTION_PLAIN(f32, float)
ATTENTION_PLAIN(bf16, bf16)
