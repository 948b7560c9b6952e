// The cache of keys and values, and attention of one new token a sequence over it.
//
// Decoding reads every cached key and value once and does little else, so it is bound by memory: a block serves up to
// four query heads that share a key/value head, reads 16 bytes a thread where rows allow, and takes 256 keys, so that
// few sequences fill the GPU too. Sequences with more keys are combined by a second kernel. Where a sequence is cut
// depends on nothing but its own length, so its result has the same bits in every batch.
#include "common.cuh"

namespace {

constexpr int THREADS = 128;
constexpr int SPLIT = 256;  // keys a block
constexpr int TILE = 128;  // keys whose scores are held at once
constexpr int LANES = 4;  // that share a key
constexpr int KEYS = TILE * LANES / THREADS;  // of a tile a thread
constexpr float LOG2_E = 1.44269504088896340736f;

// Some neighbouring elements, read at once.
template <typename T, int WIDTH>
struct __align__(sizeof(T) * WIDTH) Elements {
  T x[WIDTH];
};

// keys and values [slots, capacity, kv_width] from qkv [T, q_width + 2 kv_width], widths counted in elements E; a block
// a token. The token's sequence is the last that begins at or before it.
template <typename E>
__device__ void store(E* keys, E* values, const E* qkv, const int* offsets, int sequences, const int* slots,
                      const int* starts, int capacity, int q_width, int kv_width) {
  int token = blockIdx.x;
  int low = 0;
  int high = sequences - 1;
  while (low < high) {
    int middle = (low + high + 1) / 2;
    if (offsets[middle] <= token) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  long long row = (long long)slots[low] * capacity + starts[low] + (token - offsets[low]);
  const E* from = qkv + (long long)token * (q_width + 2LL * kv_width) + q_width;
  for (int e = threadIdx.x; e < kv_width; e += blockDim.x) {
    keys[row * kv_width + e] = from[e];
    values[row * kv_width + e] = from[kv_width + e];
  }
}

// What a block leaves of its keys where there are several splits: maximum and sum of the exponentials, and the sum of
// the values.
struct Partial {
  float* sums;  // [B, nq, splits, d]
  float* largest;  // [B, nq, splits], in powers of two
  float* totals;  // [B, nq, splits]
};

// Grid: (sequence, key/value head, part of its query heads, split), the last fastest; groups of THREADS vectors of the
// result's columns.
template <typename T, int WIDTH, int HEADS>
__device__ void decode(T* out, Partial partial, const T* qkv, const T* keys, const T* values, const int* slots,
                       const int* lengths, int capacity, int heads, int kv_heads, int dim, int window, int splits,
                       float scale) {
  using Vector = Elements<T, WIDTH>;
  extern __shared__ __align__(16) float queries[];  // [HEADS][dim], later [slices][columns of the block]
  __shared__ float scores[HEADS][TILE];
  __shared__ float factors[HEADS];
  __shared__ float totals[HEADS];
  __shared__ float maxima[HEADS];

  int group = heads / kv_heads;
  int parts = (group + HEADS - 1) / HEADS;
  int split = blockIdx.x % splits;
  int part = blockIdx.x / splits % parts;
  int kv_head = blockIdx.x / splits / parts % kv_heads;
  int sequence = blockIdx.x / splits / parts / kv_heads;
  int first_head = kv_head * group + part * HEADS;
  int head_count = min(HEADS, group - part * HEADS);

  int length = lengths[sequence];
  int begin = (length < window ? 0 : length - window) + split * SPLIT;
  int end = min(length, begin + SPLIT);
  long long kv_width = (long long)kv_heads * dim;
  long long cache = (long long)slots[sequence] * capacity * kv_width + (long long)kv_head * dim;
  int vectors = dim / WIDTH;

  const T* q = qkv + sequence * (heads + 2LL * kv_heads) * dim + (long long)first_head * dim;
  for (int i = threadIdx.x; i < HEADS * dim; i += THREADS) {
    queries[i] = i < head_count * dim ? widen(q[i]) * (scale * LOG2_E) : 0.0f;
  }
  if (threadIdx.x < HEADS) {
    maxima[threadIdx.x] = -INFINITY;
    totals[threadIdx.x] = 0.0f;
  }
  __syncthreads();

  // In the sum over values, a thread has one vector of columns and every slices-th key.
  int first_vector = blockIdx.y * THREADS;
  int block_vectors = min(THREADS, vectors - first_vector);
  int slices = THREADS / block_vectors;
  int slice = threadIdx.x / block_vectors;
  int own_vector = first_vector + threadIdx.x % block_vectors;
  float sum[HEADS][WIDTH] = {};

  for (int tile = begin; tile < end; tile += TILE) {
    int count = min(TILE, end - tile);
    float dot[KEYS][HEADS] = {};
    int lane = threadIdx.x % LANES;
    for (int v = lane; v < vectors; v += LANES) {
      Vector key[KEYS];
#pragma unroll
      for (int k = 0; k < KEYS; k++) {
        int row = threadIdx.x / LANES + k * (THREADS / LANES);
        // Rows past the end hold anything: the last one is read again instead and its score is not used.
        long long at = cache + (long long)(tile + min(row, count - 1)) * kv_width + v * WIDTH;
        key[k] = *reinterpret_cast<const Vector*>(keys + at);
      }
#pragma unroll
      for (int h = 0; h < HEADS; h++) {
#pragma unroll
        for (int e = 0; e < WIDTH; e++) {
          float x = queries[h * dim + v * WIDTH + e];
#pragma unroll
          for (int k = 0; k < KEYS; k++) {
            dot[k][h] = fmaf(x, widen(key[k].x[e]), dot[k][h]);
          }
        }
      }
    }
#pragma unroll
    for (int k = 0; k < KEYS; k++) {
      int row = threadIdx.x / LANES + k * (THREADS / LANES);
#pragma unroll
      for (int h = 0; h < HEADS; h++) {
        float x = dot[k][h];
#pragma unroll
        for (int offset = LANES / 2; offset > 0; offset /= 2) {
          x += __shfl_xor_sync(FULL_WARP, x, offset);
        }
        if (lane == 0) {
          scores[h][row] = row < count ? x : -INFINITY;
        }
      }
    }
    __syncthreads();
    // A warp a head makes weights of the scores and brings maximum and sum up to date.
    for (int h = threadIdx.x / 32; h < HEADS; h += THREADS / 32) {
      float before = maxima[h];
      float highest = before;
      for (int k = threadIdx.x % 32; k < TILE; k += 32) {
        highest = fmaxf(highest, scores[h][k]);
      }
      highest = warp_max(highest);
      float here = 0.0f;
      for (int k = threadIdx.x % 32; k < TILE; k += 32) {
        float p = exp2f(scores[h][k] - highest);
        scores[h][k] = p;
        here += p;
      }
      here = warp_sum(here);
      __syncwarp();
      if (threadIdx.x % 32 == 0) {
        float shrink = exp2f(before - highest);
        factors[h] = shrink;
        maxima[h] = highest;
        totals[h] = totals[h] * shrink + here;
      }
    }
    __syncthreads();
#pragma unroll
    for (int h = 0; h < HEADS; h++) {
      float shrink = factors[h];
#pragma unroll
      for (int e = 0; e < WIDTH; e++) {
        sum[h][e] *= shrink;
      }
    }
    if (slice < slices) {
      const T* column = values + cache + (long long)tile * kv_width + own_vector * WIDTH;
#pragma unroll 4
      for (int k = slice; k < count; k += slices) {
        Vector value = *reinterpret_cast<const Vector*>(column + k * kv_width);
#pragma unroll
        for (int h = 0; h < HEADS; h++) {
          float p = scores[h][k];
#pragma unroll
          for (int e = 0; e < WIDTH; e++) {
            sum[h][e] = fmaf(p, widen(value.x[e]), sum[h][e]);
          }
        }
      }
    }
    __syncthreads();
  }

  // The slices' sums are added in their order, one head at a time.
  float* shared = queries;
  int columns = block_vectors * WIDTH;
#pragma unroll
  for (int h = 0; h < HEADS; h++) {
    if (h < head_count) {
      if (slice < slices) {
#pragma unroll
        for (int e = 0; e < WIDTH; e++) {
          shared[threadIdx.x * WIDTH + e] = sum[h][e];
        }
      }
      __syncthreads();
      long long row = (long long)sequence * heads + first_head + h;
      for (int c = threadIdx.x; c < columns; c += THREADS) {
        float x = 0.0f;
        for (int s = 0; s < slices; s++) {
          x += shared[s * columns + c];
        }
        int e = first_vector * WIDTH + c;
        if (splits == 1) {
          out[row * dim + e] = narrow<T>(x / totals[h]);
        } else {
          partial.sums[(row * splits + split) * dim + e] = x;
        }
      }
      if (splits > 1 && blockIdx.y == 0 && threadIdx.x == 0) {
        partial.largest[row * splits + split] = maxima[h];
        partial.totals[row * splits + split] = totals[h];
      }
      __syncthreads();
    }
  }
}

// Adds the splits of a head in their order; a block a head of a sequence. Splits without keys have the maximum
// -infinity and count nothing, so a sequence of one split gets what it would have got alone.
template <typename T>
__device__ void combine(T* out, Partial partial, int dim, int splits) {
  long long row = blockIdx.x;
  float largest = -INFINITY;
  for (int s = 0; s < splits; s++) {
    largest = fmaxf(largest, partial.largest[row * splits + s]);
  }
  float total = 0.0f;
  for (int s = 0; s < splits; s++) {
    total += exp2f(partial.largest[row * splits + s] - largest) * partial.totals[row * splits + s];
  }
  for (int e = threadIdx.x; e < dim; e += blockDim.x) {
    float x = 0.0f;
    for (int s = 0; s < splits; s++) {
      float factor = exp2f(partial.largest[row * splits + s] - largest);
      x = fmaf(factor, partial.sums[(row * splits + s) * dim + e], x);
    }
    out[row * dim + e] = narrow<T>(x / total);
  }
}

}  // namespace

#define STORE(NAME, TYPE)                                                                                             \
  extern "C" __global__ void store_keys_and_values_##NAME(                                                            \
      TYPE* keys, TYPE* values, const TYPE* qkv, const int* offsets, int sequences, const int* slots,                 \
      const int* starts, int capacity, int q_width, int kv_width) {                                                   \
    store(keys, values, qkv, offsets, sequences, slots, starts, capacity, q_width, kv_width);                         \
  }

STORE(2_bytes, unsigned short)
STORE(4_bytes, unsigned)
STORE(16_bytes, uint4)

#define DECODE(NAME, TYPE, WIDTH, HEADS)                                                                              \
  extern "C" __global__ void __launch_bounds__(THREADS) attention_decode_##NAME##_##WIDTH##_##HEADS(                  \
      TYPE* out, float* sums, float* largest, float* totals, const TYPE* qkv, const TYPE* keys, const TYPE* values,   \
      const int* slots, const int* lengths, int capacity, int heads, int kv_heads, int dim, int window, int splits,   \
      float scale) {                                                                                                  \
    decode<TYPE, WIDTH, HEADS>(out, Partial{sums, largest, totals}, qkv, keys, values, slots, lengths, capacity,      \
                               heads, kv_heads, dim, window, splits, scale);                                          \
  }

DECODE(f32, float, 1, 1)
DECODE(f32, float, 1, 4)
DECODE(f32, float, 4, 1)
DECODE(f32, float, 4, 4)
DECODE(bf16, bf16, 1, 1)
DECODE(bf16, bf16, 1, 4)
DECODE(bf16, bf16, 8, 1)
DECODE(bf16, bf16, 8, 4)

#define COMBINE(NAME, TYPE)                                                                                           \
  extern "C" __global__ void attention_decode_combine_##NAME(                                                         \
      TYPE* out, float* sums, float* largest, float* totals, int dim, int splits) {                                   \
    combine(out, Partial{sums, largest, totals}, dim, splits);                                                        \
  }

COMBINE(f32, float)
COMBINE(bf16, bf16)
