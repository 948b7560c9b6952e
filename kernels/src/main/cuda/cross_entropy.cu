// Losses of rows of logits, and the gradient of these rows.
#include "common.cuh"

constexpr int THREADS = 512;

// Of some logits, their largest and the sum of exp(logit - largest); of none, minus infinity and 0.
struct Exponentials {
  float max;
  float sum;
};

// What exponentials are taken above: the largest logit, or anything finite where all are minus infinity.
__device__ __forceinline__ float base_of(float max) { return max == -INFINITY ? 0.0f : max; }

// exp(from - to) for from <= to, also where both are infinite.
__device__ __forceinline__ float shrink(float from, float to) { return from == to ? 1.0f : expf(from - to); }

__device__ __forceinline__ Exponentials merge(Exponentials a, Exponentials b) {
  float max = fmaxf(a.max, b.max);
  return {max, a.sum * shrink(a.max, max) + b.sum * shrink(b.max, max)};
}

// Merges over a warp in a fixed order; the result is that of lane 0.
__device__ __forceinline__ Exponentials warp_merge(Exponentials x) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
    Exponentials other = {__shfl_down_sync(FULL_WARP, x.max, offset), __shfl_down_sync(FULL_WARP, x.sum, offset)};
    x = merge(x, other);
  }
  return x;
}

// What a row's gradient is made of: factor exp(logit - base), and for the target minus share.
struct RowGradient {
  float base;
  float factor;
  float share;
};

// losses[row] = ln sum_v exp(z_v) - z_target, and gradients[row,v] = weights[row] (softmax(z)_v - [v = target]), both 0
// where targets[row] < 0; not a number for a target outside the vocabulary. A block a row. One pass finds the largest
// logit and the sum together (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018), a second
// writes the gradient; gradients may be null, or the logits themselves.
//
// The target's logit z is kept out of maximum and sum: with d = ln(sum of the others' exponentials) - z, the loss is
// ln(1 + e^d) and the others' share of the probability is 1 / (1 + e^-d), both without cancellation however certain the
// model is. The gradient of another logit is the share times its softmax among the others.
template <int N, typename G>
__device__ __forceinline__ void cross_entropy(
    float* losses, G* gradients, const float* logits, const int* targets, const float* weights, long long vocabulary) {
  __shared__ Exponentials warps[THREADS / 32];
  __shared__ RowGradient shared;
  long long row = blockIdx.x;
  const float* z = logits + row * vocabulary;
  G* gradient = gradients + row * vocabulary;
  int packs = static_cast<int>(vocabulary / N);
  int target = targets[row];
  if (target < 0) {
    if (threadIdx.x == 0) {
      losses[row] = 0.0f;
    }
#pragma unroll 1
    for (int pack = threadIdx.x; gradients && pack < packs; pack += THREADS) {
      store_narrow<N>(gradient + static_cast<long long>(pack) * N, Pack<float, N>{});
    }
    return;
  }
  Exponentials own = {-INFINITY, 0.0f};
#pragma unroll 1
  for (int pack = threadIdx.x; pack < packs; pack += THREADS) {
    int first = pack * N;
    Pack<float, N> x = load_pack<N>(z + first);
    float max = own.max;
#pragma unroll
    for (int i = 0; i < N; i++) {
      x.x[i] = first + i == target ? -INFINITY : x.x[i];
      max = fmaxf(max, x.x[i]);
    }
    float base = base_of(max);
    float sum = own.sum * shrink(own.max, max);
#pragma unroll
    for (int i = 0; i < N; i++) {
      sum += expf(x.x[i] - base);
    }
    own = {max, sum};
  }
  own = warp_merge(own);
  if (threadIdx.x % 32 == 0) {
    warps[threadIdx.x / 32] = own;
  }
  __syncthreads();
  if (threadIdx.x < 32) {
    Exponentials others = {-INFINITY, 0.0f};
    if (threadIdx.x < THREADS / 32) {
      others = warps[threadIdx.x];
    }
    others = warp_merge(others);
    if (threadIdx.x == 0) {
      float target_logit = target < vocabulary ? z[target] : __int_as_float(0x7fffffff);
      float d = (others.max - target_logit) + logf(others.sum);
      float tail = expf(-fabsf(d));
      // Where d is not a number, fmaxf would take it for 0.
      losses[row] = (d > 0.0f ? d : d != d ? d : 0.0f) + log1pf(tail);
      float share = weights[row] * ((d > 0.0f ? 1.0f : tail) / (1.0f + tail));
      shared = {base_of(others.max), others.sum == 0.0f ? 0.0f : share / others.sum, share};
    }
  }
  __syncthreads();
  if (!gradients) {
    return;
  }
  RowGradient of_row = shared;
#pragma unroll 1
  for (int pack = threadIdx.x; pack < packs; pack += THREADS) {
    int first = pack * N;
    Pack<float, N> x = load_pack<N>(z + first);
#pragma unroll
    for (int i = 0; i < N; i++) {
      x.x[i] = first + i == target ? -of_row.share : of_row.factor * expf(x.x[i] - of_row.base);
    }
    store_narrow<N>(gradient + first, x);
  }
}

#define CROSS_ENTROPY(NAME, G)                                                                                    \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                           \
      NAME(float* losses, G* gradients, const float* logits, const int* targets, const float* weights,            \
           long long vocabulary, int packed) {                                                                    \
    if (packed) {                                                                                                 \
      cross_entropy<WIDEST<float, G>>(losses, gradients, logits, targets, weights, vocabulary);                   \
    } else {                                                                                                      \
      cross_entropy<1>(losses, gradients, logits, targets, weights, vocabulary);                                  \
    }                                                                                                             \
  }
CROSS_ENTROPY(cross_entropy_f32, float)
CROSS_ENTROPY(cross_entropy_bf16, bf16)
