// Counter-based random numbers: Philox4x32-10 (Salmon et al., 2011), keyed and counted as RandomKey states.
#include "common.cuh"

constexpr int ROUNDS = 10;
constexpr unsigned MULTIPLIER_0 = 0xD2511F53u;
constexpr unsigned MULTIPLIER_1 = 0xCD9E8D57u;
constexpr unsigned WEYL_0 = 0x9E3779B9u;
constexpr unsigned WEYL_1 = 0xBB67AE85u;

// The four words of a block of a stream.
__device__ __forceinline__ Pack<unsigned, 4> philox(
    unsigned long long seed, unsigned long long stream, unsigned long long block) {
  unsigned c0 = static_cast<unsigned>(block);
  unsigned c1 = static_cast<unsigned>(block >> 32);
  unsigned c2 = static_cast<unsigned>(stream);
  unsigned c3 = static_cast<unsigned>(stream >> 32);
  unsigned k0 = static_cast<unsigned>(seed);
  unsigned k1 = static_cast<unsigned>(seed >> 32);
#pragma unroll
  for (int round = 0; round < ROUNDS; round++) {
    unsigned long long product0 = static_cast<unsigned long long>(MULTIPLIER_0) * c0;
    unsigned long long product1 = static_cast<unsigned long long>(MULTIPLIER_1) * c2;
    c0 = static_cast<unsigned>(product1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<unsigned>(product1);
    c2 = static_cast<unsigned>(product0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<unsigned>(product0);
    k0 += WEYL_0;
    k1 += WEYL_1;
  }
  return {c0, c1, c2, c3};
}

// Calls body(i, words) for the groups of four elements from i on that share a block of words.
template <typename Body>
__device__ __forceinline__ void for_groups(
    unsigned long long seed, unsigned long long stream, long long first, long long count, Body body) {
  long long thread = blockIdx.x * static_cast<long long>(blockDim.x) + threadIdx.x;
  long long threads = gridDim.x * static_cast<long long>(blockDim.x);
#pragma unroll 1
  for (long long i = first + 4 * thread; i < count; i += 4 * threads) {
    body(i, philox(seed, stream, i / 4));
  }
}

// An element kept, or dropped whatever it is; in a sum, what is dropped changes nothing.
__device__ __forceinline__ float keep(float x, float scale, bool kept, int accumulate, float old) {
  if (accumulate) {
    return kept ? fmaf(x, scale, old) : old;
  }
  return kept ? x * scale : 0.0f;
}

// out[i] (+)= in[i] scale where the upper 24 bits of word i are at least the threshold, else 0. out may be in when not
// accumulating.
template <typename T>
__device__ __forceinline__ void dropout(
    T* out, int accumulate, const T* in, unsigned threshold, float scale, unsigned long long seed,
    unsigned long long stream, long long packs, long long count) {
  constexpr int N = WIDEST<T>;
  for_elements<N>(packs, packs * N, [=](auto, long long i) {
    Pack<float, N> x = load_wide<N>(in + i);
    Pack<float, N> old{};
    if (accumulate) {
      old = load_wide<N>(out + i);
    }
#pragma unroll
    for (int group = 0; group < N / 4; group++) {
      Pack<unsigned, 4> words = philox(seed, stream, i / 4 + group);
#pragma unroll
      for (int j = 0; j < 4; j++) {
        int at = 4 * group + j;
        x.x[at] = keep(x.x[at], scale, words.x[j] >> 8 >= threshold, accumulate, old.x[at]);
      }
    }
    store_narrow<N>(out + i, x);
  });
  for_groups(seed, stream, packs * N, count, [=](long long i, const Pack<unsigned, 4>& words) {
#pragma unroll
    for (int j = 0; j < 4; j++) {
      if (i + j < count) {
        float old = accumulate ? widen(out[i + j]) : 0.0f;
        out[i + j] = narrow<T>(keep(widen(in[i + j]), scale, words.x[j] >> 8 >= threshold, accumulate, old));
      }
    }
  });
}

#define DROPOUT(NAME, T)                                                                                          \
  extern "C" __global__ void NAME(T* out, int accumulate, const T* in, unsigned threshold, float scale,           \
                                  unsigned long long seed, unsigned long long stream, long long packs,            \
                                  long long count) {                                                              \
    dropout(out, accumulate, in, threshold, scale, seed, stream, packs, count);                                   \
  }
DROPOUT(dropout_f32, float)
DROPOUT(dropout_bf16, bf16)

// The numbers below are drawn once a run, so they are computed in F64 and rounded once, which gives the numbers of the
// CPU device.
template <typename T>
__device__ __forceinline__ T round_once(double x);
template <>
__device__ __forceinline__ double round_once<double>(double x) {
  return x;
}
template <>
__device__ __forceinline__ float round_once<float>(double x) {
  return __double2float_rn(x);
}
template <>
__device__ __forceinline__ bf16 round_once<bf16>(double x) {
  return __double2bfloat16(x);
}
template <>
__device__ __forceinline__ f16 round_once<f16>(double x) {
  return __double2half(x);
}

// Writes up to four elements.
template <typename T>
__device__ __forceinline__ void store_group(T* out, long long i, long long count, const Pack<double, 4>& values) {
#pragma unroll
  for (int j = 0; j < 4; j++) {
    if (i + j < count) {
      out[i + j] = round_once<T>(values.x[j]);
    }
  }
}

// low + range u, u the word's upper 24 bits times 2^-24.
template <typename T>
__device__ __forceinline__ void uniform(
    T* out, double low, double range, unsigned long long seed, unsigned long long stream, long long count) {
  for_groups(seed, stream, 0, count, [=](long long i, const Pack<unsigned, 4>& words) {
    Pack<double, 4> values;
#pragma unroll
    for (int j = 0; j < 4; j++) {
      values.x[j] = __dadd_rn(low, __dmul_rn(range, (words.x[j] >> 8) * 0x1p-24));
    }
    store_group(out, i, count, values);
  });
}

// Box and Muller: words u0, u1 give mean + r cos(a) and mean + r sin(a) with r = std sqrt(-2 ln((u0 + 1) 2^-32)),
// a = 2 pi u1 2^-32.
template <typename T>
__device__ __forceinline__ void normal(
    T* out, double mean, double std, unsigned long long seed, unsigned long long stream, long long count) {
  for_groups(seed, stream, 0, count, [=](long long i, const Pack<unsigned, 4>& words) {
    Pack<double, 4> values;
#pragma unroll
    for (int j = 0; j < 4; j += 2) {
      double radius = __dmul_rn(std, sqrt(-2 * log((words.x[j] + 1.0) * 0x1p-32)));
      double sine;
      double cosine;
      sincospi(words.x[j + 1] * 0x1p-31, &sine, &cosine);
      values.x[j] = __dadd_rn(mean, __dmul_rn(radius, cosine));
      values.x[j + 1] = __dadd_rn(mean, __dmul_rn(radius, sine));
    }
    store_group(out, i, count, values);
  });
}

#define DRAW(NAME, DISTRIBUTION, T)                                                                               \
  extern "C" __global__ void NAME(T* out, double first, double second, unsigned long long seed,                   \
                                  unsigned long long stream, long long count) {                                   \
    DISTRIBUTION(out, first, second, seed, stream, count);                                                        \
  }
DRAW(uniform_f32, uniform, float)
DRAW(uniform_bf16, uniform, bf16)
DRAW(uniform_f16, uniform, f16)
DRAW(uniform_f64, uniform, double)
DRAW(normal_f32, normal, float)
DRAW(normal_bf16, normal, bf16)
DRAW(normal_f16, normal, f16)
DRAW(normal_f64, normal, double)
