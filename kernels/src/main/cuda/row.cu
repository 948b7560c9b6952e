// Operations that pick rows, or elements of rows.
#include "common.cuh"

// out[i,:] = in[index[i],:], converted. An index outside [0, limit) gives a row that is not a number: nothing foreign is
// read, and it shows in the loss.
template <int N, typename Out, typename In>
__device__ __forceinline__ void gather_rows(
    Out* out, const In* in, const int* index, long long limit, long long rows, long long columns, int shift) {
  for_rows(rows, columns / N, shift, [=](long long row, long long column) {
    long long source = index[row];
    Pack<float, N> x;
    if (source >= 0 && source < limit) {
      x = load_wide<N>(in + source * columns + column * N);
    } else {
#pragma unroll
      for (int j = 0; j < N; j++) {
        x.x[j] = __int_as_float(0x7fffffff);
      }
    }
    store_narrow<N>(out + row * columns + column * N, x);
  });
}

#define GATHER_ROWS(NAME, OUT, IN)                                                                                \
  extern "C" __global__ void NAME(OUT* out, const IN* in, const int* index, long long limit, long long rows,      \
                                  long long columns, int packed, int shift) {                                     \
    if (packed) {                                                                                                 \
      gather_rows<WIDEST<OUT, IN>>(out, in, index, limit, rows, columns, shift);                                  \
    } else {                                                                                                      \
      gather_rows<1>(out, in, index, limit, rows, columns, shift);                                                \
    }                                                                                                             \
  }
GATHER_ROWS(gather_rows_f32_f32, float, float)
GATHER_ROWS(gather_rows_f32_bf16, float, bf16)
GATHER_ROWS(gather_rows_f32_f16, float, f16)
GATHER_ROWS(gather_rows_bf16_f32, bf16, float)
GATHER_ROWS(gather_rows_bf16_bf16, bf16, bf16)
GATHER_ROWS(gather_rows_bf16_f16, bf16, f16)

// Adds the rows of gradients that the list names to a row of the table, in the list's order.
template <int N, typename T>
__device__ __forceinline__ void add_listed(
    float* row, const T* d_out, const long long* listed, int count, long long columns) {
#pragma unroll 1
  for (long long column = static_cast<long long>(threadIdx.x) * N; column < columns; column += blockDim.x * N) {
    Pack<float, N> sum = load_pack<N>(row + column);
#pragma unroll 4
    for (int i = 0; i < count; i++) {
      Pack<float, N> x = load_wide<N>(d_out + listed[i] + column);
#pragma unroll
      for (int j = 0; j < N; j++) {
        sum.x[j] += x.x[j];
      }
    }
    store_pack<N>(row + column, sum);
  }
}

constexpr int THREADS = 256;

// d_weight[ids[t],:] += d_out[t,:] in order of t. The block of an id's first token adds all tokens with this id, so a row
// of the table has one owner; the blocks of later ones have nothing to do. Every block reads ids up to its token or from
// it on: fewer bytes than the gradients as long as there are fewer tokens than a few times the width.
template <typename T>
__device__ __forceinline__ void embedding_backward(
    float* d_weight, const T* d_out, const int* ids, long long limit, long long tokens, long long columns, int packed) {
  __shared__ long long listed[THREADS];
  __shared__ int warp_counts[THREADS / 32];
  long long token = blockIdx.x;
  int id = ids[token];
  int earlier = id < 0 || id >= limit;
#pragma unroll 1
  for (long long s = threadIdx.x; s < token && !earlier; s += THREADS) {
    earlier = ids[s] == id;
  }
  if (__syncthreads_or(earlier)) {
    return;
  }
  float* row = d_weight + id * columns;
  int warp = threadIdx.x / 32;
  for (long long begin = token; begin < tokens; begin += THREADS) {
    long long s = begin + threadIdx.x;
    bool equal = s < tokens && ids[s] == id;
    unsigned mask = __ballot_sync(FULL_WARP, equal);
    if (threadIdx.x % 32 == 0) {
      warp_counts[warp] = __popc(mask);
    }
    __syncthreads();
    int before = 0;
    int count = 0;
#pragma unroll
    for (int i = 0; i < THREADS / 32; i++) {
      before += i < warp ? warp_counts[i] : 0;
      count += warp_counts[i];
    }
    if (equal) {
      listed[before + __popc(mask & ((1u << (threadIdx.x % 32)) - 1))] = s * columns;
    }
    __syncthreads();
    if (packed) {
      add_listed<4>(row, d_out, listed, count, columns);
    } else {
      add_listed<1>(row, d_out, listed, count, columns);
    }
    __syncthreads();
  }
}

#define EMBEDDING_BACKWARD(NAME, T)                                                                               \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                           \
      NAME(float* d_weight, const T* d_out, const int* ids, long long limit, long long tokens, long long columns, \
           int packed) {                                                                                          \
    embedding_backward(d_weight, d_out, ids, limit, tokens, columns, packed);                                     \
  }
EMBEDDING_BACKWARD(embedding_backward_f32, float)
EMBEDDING_BACKWARD(embedding_backward_bf16, bf16)

__device__ __forceinline__ double widen(double x) { return x; }

// Whether a comes before b: the larger, of equals the one at the smaller index; what is not a number counts as the
// largest of all, as in PyTorch.
template <typename V>
__device__ __forceinline__ bool before(V a, int index_a, V b, int index_b) {
  if (a > b || (a != a && b == b)) {
    return true;
  }
  bool equal = a == b || (a != a && b != b);
  return equal && index_a < index_b;
}

// out[row] = index of the row's largest element. A block a row, of whole warps.
template <int N, typename T>
__device__ __forceinline__ void argmax(int* out, const T* in, long long columns) {
  using V = decltype(widen(T()));
  __shared__ V values[32];
  __shared__ int indices[32];
  long long row = blockIdx.x;
  const T* x = in + row * columns;
  // Every element comes before this one, whose index no element has.
  V best = static_cast<V>(-INFINITY);
  int index = 0x7fffffff;
#pragma unroll 1
  for (long long column = static_cast<long long>(threadIdx.x) * N; column < columns; column += blockDim.x * N) {
    Pack<T, N> pack = load_pack<N>(x + column);
#pragma unroll
    for (int j = 0; j < N; j++) {
      V value = widen(pack.x[j]);
      int at = static_cast<int>(column) + j;
      bool better = before(value, at, best, index);
      best = better ? value : best;
      index = better ? at : index;
    }
  }
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
    V value = __shfl_down_sync(FULL_WARP, best, offset);
    int at = __shfl_down_sync(FULL_WARP, index, offset);
    bool better = before(value, at, best, index);
    best = better ? value : best;
    index = better ? at : index;
  }
  if (threadIdx.x % 32 == 0) {
    values[threadIdx.x / 32] = best;
    indices[threadIdx.x / 32] = index;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
#pragma unroll 1
    for (int warp = 1; warp < blockDim.x / 32; warp++) {
      if (before(values[warp], indices[warp], best, index)) {
        best = values[warp];
        index = indices[warp];
      }
    }
    out[row] = index;
  }
}

#define ARGMAX(NAME, T)                                                                                           \
  extern "C" __global__ void NAME(int* out, const T* in, long long columns, int packed) {                         \
    if (packed) {                                                                                                 \
      argmax<WIDEST<T>>(out, in, columns);                                                                        \
    } else {                                                                                                      \
      argmax<1>(out, in, columns);                                                                                \
    }                                                                                                             \
  }
ARGMAX(argmax_f32, float)
ARGMAX(argmax_bf16, bf16)
ARGMAX(argmax_f16, f16)
ARGMAX(argmax_f64, double)
