// What all kernels share: element types and how they are read and written, reductions in a fixed order.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cstdint>

using bf16 = __nv_bfloat16;
using f16 = __half;

constexpr unsigned FULL_WARP = 0xffffffffu;

// Conversions to and from the type that arithmetic runs in; narrowing rounds to nearest, ties to even.
__device__ __forceinline__ float widen(float x) { return x; }
__device__ __forceinline__ float widen(bf16 x) { return __bfloat162float(x); }
__device__ __forceinline__ float widen(f16 x) { return __half2float(x); }

template <typename T>
__device__ __forceinline__ T narrow(float x);
template <>
__device__ __forceinline__ float narrow<float>(float x) {
  return x;
}
template <>
__device__ __forceinline__ bf16 narrow<bf16>(float x) {
  return __float2bfloat16_rn(x);
}
template <>
__device__ __forceinline__ f16 narrow<f16>(float x) {
  return __float2half_rn(x);
}

// N neighbouring elements in registers, moved by accesses of 16 bytes, or of what there is where it is less. Their
// address must be a multiple of the access.
template <typename T, int N>
struct Pack {
  T x[N];
};

template <int BYTES>
struct Word;
template <>
struct Word<2> {
  using type = unsigned short;
};
template <>
struct Word<4> {
  using type = unsigned;
};
template <>
struct Word<8> {
  using type = uint2;
};
template <>
struct Word<16> {
  using type = uint4;
};

template <int N, typename T>
__device__ __forceinline__ Pack<T, N> load_pack(const T* address) {
  constexpr int BYTES = N * sizeof(T);
  using W = typename Word<(BYTES < 16 ? BYTES : 16)>::type;
  constexpr int WORDS = BYTES / sizeof(W);
  W words[WORDS];
#pragma unroll
  for (int i = 0; i < WORDS; i++) {
    words[i] = reinterpret_cast<const W*>(address)[i];
  }
  Pack<T, N> pack;
  __builtin_memcpy(&pack, words, BYTES);
  return pack;
}

template <int N, typename T>
__device__ __forceinline__ void store_pack(T* address, const Pack<T, N>& pack) {
  constexpr int BYTES = N * sizeof(T);
  using W = typename Word<(BYTES < 16 ? BYTES : 16)>::type;
  constexpr int WORDS = BYTES / sizeof(W);
  W words[WORDS];
  __builtin_memcpy(words, &pack, BYTES);
#pragma unroll
  for (int i = 0; i < WORDS; i++) {
    reinterpret_cast<W*>(address)[i] = words[i];
  }
}

// Reads N elements and widens them; writes N numbers rounded to the element type.
template <int N, typename T>
__device__ __forceinline__ Pack<float, N> load_wide(const T* address) {
  Pack<T, N> narrow_pack = load_pack<N>(address);
  Pack<float, N> wide;
#pragma unroll
  for (int i = 0; i < N; i++) {
    wide.x[i] = widen(narrow_pack.x[i]);
  }
  return wide;
}

template <int N, typename T>
__device__ __forceinline__ void store_narrow(T* address, const Pack<float, N>& wide) {
  Pack<T, N> pack;
#pragma unroll
  for (int i = 0; i < N; i++) {
    pack.x[i] = narrow<T>(wide.x[i]);
  }
  store_pack<N>(address, pack);
}

// A constant that a lambda can take as an argument and use as a template argument.
template <int N>
struct Width {
  static constexpr int value = N;
};

// Elements that a thread moves at once: 16 bytes of the narrower type.
template <typename A, typename B = A>
constexpr int WIDEST = 16 / (sizeof(A) < sizeof(B) ? sizeof(A) : sizeof(B));

// Calls body(Width<N>, i) for the elements from i on, N = WIDTH at a time in the first `packs` packs and one by one in
// the rest of `count`; the whole grid strides over them. Every thread has its loads in flight, so a full multiprocessor
// has more than the memory's latency asks for.
template <int WIDTH, typename Body>
__device__ __forceinline__ void for_elements(long long packs, long long count, Body body) {
  long long thread = blockIdx.x * static_cast<long long>(blockDim.x) + threadIdx.x;
  long long threads = gridDim.x * static_cast<long long>(blockDim.x);
#pragma unroll 1
  for (long long pack = thread; pack < packs; pack += threads) {
    body(Width<WIDTH>(), pack * WIDTH);
  }
#pragma unroll 1
  for (long long i = packs * WIDTH + thread; i < count; i += threads) {
    body(Width<1>(), i);
  }
}

// Calls body(row, column) for the rows and one column, in packs of so many elements, that a thread has: blocks are
// 2^shift packs wide and blockDim / 2^shift rows high, and stride downwards.
template <typename Body>
__device__ __forceinline__ void for_rows(long long rows, long long packs, int shift, Body body) {
  long long column = (static_cast<long long>(blockIdx.x) << shift) + (threadIdx.x & ((1 << shift) - 1));
  if (column >= packs) {
    return;
  }
  int high = blockDim.x >> shift;
  long long row = blockIdx.y * static_cast<long long>(high) + (threadIdx.x >> shift);
#pragma unroll 1
  for (; row < rows; row += gridDim.y * static_cast<long long>(high)) {
    body(row, column);
  }
}

// Sum over a warp, the same in every lane.
__device__ __forceinline__ float warp_sum(float x) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
    x += __shfl_xor_sync(FULL_WARP, x, offset);
  }
  return x;
}

// Largest over a warp, the same in every lane.
__device__ __forceinline__ float warp_max(float x) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
    x = fmaxf(x, __shfl_xor_sync(FULL_WARP, x, offset));
  }
  return x;
}

// Sum over a block of whole warps, the same in every thread and in every run. `shared` holds one float a warp and may be
// used again after the next barrier.
__device__ __forceinline__ float block_sum(float x, float* shared) {
  int warp = threadIdx.x / 32;
  int warps = blockDim.x / 32;
  x = warp_sum(x);
  if (threadIdx.x % 32 == 0) {
    shared[warp] = x;
  }
  __syncthreads();
  float total = 0.0f;
  for (int i = 0; i < warps; i++) {
    total += shared[i];
  }
  __syncthreads();
  return total;
}
