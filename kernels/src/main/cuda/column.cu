// Factors on columns, their gradient, and sums over rows in a fixed order.
#include "common.cuh"

constexpr int THREADS = 256;

// out[t,n] (+)= in[t,n] factors[n]; out may be in. A thread keeps its factors and walks down the rows.
template <int N, typename T>
__device__ __forceinline__ void scale_columns(
    T* out, int accumulate, const T* in, const float* factors, long long rows, long long columns, int shift) {
  long long packs = columns / N;
  long long own = (static_cast<long long>(blockIdx.x) << shift) + (threadIdx.x & ((1 << shift) - 1));
  Pack<float, N> factor{};
  if (own < packs) {
    factor = load_pack<N>(factors + own * N);
  }
  for_rows(rows, packs, shift, [=](long long row, long long column) {
    long long i = row * columns + column * N;
    Pack<float, N> x = load_wide<N>(in + i);
    Pack<float, N> y{};
    if (accumulate) {
      y = load_wide<N>(out + i);
    }
#pragma unroll
    for (int j = 0; j < N; j++) {
      // Without a sum, the product alone: adding zero would turn -0 into 0.
      y.x[j] = accumulate ? fmaf(x.x[j], factor.x[j], y.x[j]) : x.x[j] * factor.x[j];
    }
    store_narrow<N>(out + i, y);
  });
}

#define SCALE_COLUMNS(NAME, T)                                                                                    \
  extern "C" __global__ void NAME(T* out, int accumulate, const T* in, const float* factors, long long rows,      \
                                  long long columns, int packed, int shift) {                                     \
    if (packed) {                                                                                                 \
      scale_columns<WIDEST<T>>(out, accumulate, in, factors, rows, columns, shift);                               \
    } else {                                                                                                      \
      scale_columns<1>(out, accumulate, in, factors, rows, columns, shift);                                       \
    }                                                                                                             \
  }
SCALE_COLUMNS(scale_columns_f32, float)
SCALE_COLUMNS(scale_columns_bf16, bf16)

// Both gradients in one pass: dIn[t,n] (+)= dOut[t,n] factors[n], left out where dIn is null, and
// part_sums[part,n] = sum of dOut[t,n] in[t,n] over the part's rows. A part is a block's y. dIn may be dOut.
template <int N, typename T>
__device__ __forceinline__ void scale_columns_backward(
    T* d_in, int accumulate, float* part_sums, const T* d_out, const T* in, const float* factors, long long rows,
    long long columns, long long part_rows, int shift) {
  __shared__ float shared[THREADS * N];
  int lane = threadIdx.x >> shift;
  int lanes = blockDim.x >> shift;
  int within = threadIdx.x & ((1 << shift) - 1);
  long long first = ((static_cast<long long>(blockIdx.x) << shift) + within) * N;
  bool inside = first < columns;
  Pack<float, N> sum{};
  if (inside) {
    Pack<float, N> factor = load_pack<N>(factors + first);
    long long begin = blockIdx.y * part_rows;
    long long end = min(rows, begin + part_rows);
    for (long long row = begin + lane; row < end; row += lanes) {
      long long i = row * columns + first;
      Pack<float, N> gradient = load_wide<N>(d_out + i);
      Pack<float, N> x = load_wide<N>(in + i);
      if (d_in != nullptr) {
        Pack<float, N> y{};
        if (accumulate) {
          y = load_wide<N>(d_in + i);
        }
#pragma unroll
        for (int j = 0; j < N; j++) {
          y.x[j] = accumulate ? fmaf(gradient.x[j], factor.x[j], y.x[j]) : gradient.x[j] * factor.x[j];
        }
        store_narrow<N>(d_in + i, y);
      }
#pragma unroll
      for (int j = 0; j < N; j++) {
        sum.x[j] = fmaf(gradient.x[j], x.x[j], sum.x[j]);
      }
    }
  }
  // Element j of all threads lies together, so that a warp's accesses meet different banks.
#pragma unroll
  for (int j = 0; j < N; j++) {
    shared[j * THREADS + threadIdx.x] = sum.x[j];
  }
  __syncthreads();
  if (lane == 0 && inside) {
    for (int other = 1; other < lanes; other++) {
#pragma unroll
      for (int j = 0; j < N; j++) {
        sum.x[j] += shared[j * THREADS + (other << shift) + within];
      }
    }
    store_pack<N>(part_sums + blockIdx.y * columns + first, sum);
  }
}

#define SCALE_COLUMNS_BACKWARD(NAME, T)                                                                           \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                           \
      NAME(T* d_in, int accumulate, float* part_sums, const T* d_out, const T* in, const float* factors,          \
           long long rows, long long columns, long long part_rows, int packed, int shift) {                       \
    if (packed) {                                                                                                 \
      scale_columns_backward<WIDEST<T>>(                                                                          \
          d_in, accumulate, part_sums, d_out, in, factors, rows, columns, part_rows, shift);                      \
    } else {                                                                                                      \
      scale_columns_backward<1>(                                                                                  \
          d_in, accumulate, part_sums, d_out, in, factors, rows, columns, part_rows, shift);                      \
    }                                                                                                             \
  }
SCALE_COLUMNS_BACKWARD(scale_columns_backward_f32, float)
SCALE_COLUMNS_BACKWARD(scale_columns_backward_bf16, bf16)

// sums[n] += sum over p of part_sums[p,n]. A warp has 32 columns, the block's 8 warps take turns with the parts.
extern "C" __global__ void __launch_bounds__(THREADS)
    add_column_sums_f32(float* sums, const float* part_sums, int parts, long long columns) {
  __shared__ float shared[THREADS];
  long long column = blockIdx.x * 32LL + threadIdx.x % 32;
  float sum = 0.0f;
  if (column < columns) {
    for (int part = threadIdx.x / 32; part < parts; part += THREADS / 32) {
      sum += part_sums[part * columns + column];
    }
  }
  shared[threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.x < 32 && column < columns) {
#pragma unroll
    for (int warp = 1; warp < THREADS / 32; warp++) {
      sum += shared[32 * warp + threadIdx.x];
    }
    sums[column] += sum;
  }
}
