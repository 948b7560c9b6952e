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
