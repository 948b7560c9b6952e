// Elementwise operations. `packs` says how many packs of 16 bytes may be moved whole: none where an address is not a
// multiple of 16.
#include "common.cuh"

// Fills with the bits of one element.
template <typename W>
__device__ __forceinline__ void fill(W* out, unsigned long long bits, long long packs, long long count) {
  for_elements<WIDEST<W>>(packs, count, [=](auto width, long long i) {
    constexpr int N = decltype(width)::value;
    Pack<W, N> pack;
#pragma unroll
    for (int j = 0; j < N; j++) {
      pack.x[j] = static_cast<W>(bits);
    }
    store_pack<N>(out + i, pack);
  });
}

#define FILL(NAME, W)                                                                                             \
  extern "C" __global__ void NAME(W* out, unsigned long long bits, long long packs, long long count) {             \
    fill(out, bits, packs, count);                                                                                \
  }
FILL(fill_b16, unsigned short)
FILL(fill_b32, unsigned)
FILL(fill_b64, unsigned long long)

// Conversions that round once. Through F32 where one of the types is wider than neither.
template <typename To, typename From>
struct Convert {
  static __device__ __forceinline__ To apply(From x) { return narrow<To>(widen(x)); }
};
template <typename To>
struct Convert<To, double> {
  static __device__ __forceinline__ To apply(double x);
};
template <>
__device__ __forceinline__ float Convert<float, double>::apply(double x) {
  return __double2float_rn(x);
}
template <>
__device__ __forceinline__ bf16 Convert<bf16, double>::apply(double x) {
  return __double2bfloat16(x);
}
template <>
__device__ __forceinline__ f16 Convert<f16, double>::apply(double x) {
  return __double2half(x);
}
template <typename From>
struct Convert<double, From> {
  static __device__ __forceinline__ double apply(From x) { return widen(x); }
};

// Eight elements at once, so that the narrower side moves 16 bytes.
template <typename To, typename From>
__device__ __forceinline__ void cast(To* out, const From* in, long long packs, long long count) {
  for_elements<8>(packs, count, [=](auto width, long long i) {
    constexpr int N = decltype(width)::value;
    Pack<From, N> from = load_pack<N>(in + i);
    Pack<To, N> to;
#pragma unroll
    for (int j = 0; j < N; j++) {
      to.x[j] = Convert<To, From>::apply(from.x[j]);
    }
    store_pack<N>(out + i, to);
  });
}

#define CAST(NAME, FROM, TO)                                                                                      \
  extern "C" __global__ void NAME(TO* out, const FROM* in, long long packs, long long count) {                    \
    cast(out, in, packs, count);                                                                                  \
  }
CAST(cast_f32_bf16, float, bf16)
CAST(cast_f32_f16, float, f16)
CAST(cast_f32_f64, float, double)
CAST(cast_bf16_f32, bf16, float)
CAST(cast_bf16_f16, bf16, f16)
CAST(cast_bf16_f64, bf16, double)
CAST(cast_f16_f32, f16, float)
CAST(cast_f16_bf16, f16, bf16)
CAST(cast_f16_f64, f16, double)
CAST(cast_f64_f32, double, float)
CAST(cast_f64_bf16, double, bf16)
CAST(cast_f64_f16, double, f16)

// out = a + scale b; out may be a or b.
template <typename T>
__device__ __forceinline__ void add_scaled(
    T* out, const T* a, const T* b, float scale, long long packs, long long count) {
  for_elements<WIDEST<T>>(packs, count, [=](auto width, long long i) {
    constexpr int N = decltype(width)::value;
    Pack<float, N> sum = load_wide<N>(a + i);
    Pack<float, N> addend = load_wide<N>(b + i);
#pragma unroll
    for (int j = 0; j < N; j++) {
      sum.x[j] = fmaf(scale, addend.x[j], sum.x[j]);
    }
    store_narrow<N>(out + i, sum);
  });
}

#define ADD_SCALED(NAME, T)                                                                                       \
  extern "C" __global__ void NAME(                                                                                \
      T* out, const T* a, const T* b, float scale, long long packs, long long count) {                            \
    add_scaled(out, a, b, scale, packs, count);                                                                   \
  }
ADD_SCALED(add_scaled_f32, float)
ADD_SCALED(add_scaled_bf16, bf16)

// x *= scale.
template <typename T>
__device__ __forceinline__ void multiply(T* x, float scale, long long packs, long long count) {
  for_elements<WIDEST<T>>(packs, count, [=](auto width, long long i) {
    constexpr int N = decltype(width)::value;
    Pack<float, N> scaled = load_wide<N>(x + i);
#pragma unroll
    for (int j = 0; j < N; j++) {
      scaled.x[j] *= scale;
    }
    store_narrow<N>(x + i, scaled);
  });
}

extern "C" __global__ void scale_f32(float* x, float scale, long long packs, long long count) {
  multiply(x, scale, packs, count);
}

extern "C" __global__ void scale_bf16(bf16* x, float scale, long long packs, long long count) {
  multiply(x, scale, packs, count);
}

// out = a / b, or out += a / b; out may be a or b.
extern "C" __global__ void divide_f32(
    float* out, int accumulate, const float* a, const float* b, long long packs, long long count) {
  for_elements<WIDEST<float>>(packs, count, [=](auto width, long long i) {
    constexpr int N = decltype(width)::value;
    Pack<float, N> quotient = load_pack<N>(a + i);
    Pack<float, N> divisor = load_pack<N>(b + i);
    Pack<float, N> old{};
    if (accumulate) {
      old = load_pack<N>(out + i);
    }
#pragma unroll
    for (int j = 0; j < N; j++) {
      quotient.x[j] = quotient.x[j] / divisor.x[j];
    }
    if (accumulate) {
#pragma unroll
      for (int j = 0; j < N; j++) {
        quotient.x[j] += old.x[j];
      }
    }
    store_pack<N>(out + i, quotient);
  });
}
