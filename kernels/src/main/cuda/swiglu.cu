// The gated unit silu(gate) up on fused projections, forward and backward; all arithmetic in F32.
#include "common.cuh"

// z / (1 + exp(-z)). The exponential and the quotient err by 2 units in the last place each; the quotient is 0 where its
// divisor exceeds 2^126: there the result is less than 2^-119.
__device__ __forceinline__ float silu(float z) { return __fdividef(z, 1.0f + expf(-z)); }

// out[t,i] = silu(gate_up[t,i]) gate_up[t,n+i] over i < n.
template <int N, typename T>
__device__ __forceinline__ void swiglu(T* out, const T* gate_up, long long rows, long long n, int shift) {
  for_rows(rows, n / N, shift, [=](long long row, long long column) {
    const T* gates = gate_up + row * 2 * n + column * N;
    Pack<float, N> gate = load_wide<N>(gates);
    Pack<float, N> up = load_wide<N>(gates + n);
#pragma unroll
    for (int j = 0; j < N; j++) {
      gate.x[j] = silu(gate.x[j]) * up.x[j];
    }
    store_narrow<N>(out + row * n + column * N, gate);
  });
}

#define SWIGLU(NAME, T)                                                                                           \
  extern "C" __global__ void NAME(T* out, const T* gate_up, long long rows, long long n, int packed, int shift) {  \
    if (packed) {                                                                                                 \
      swiglu<WIDEST<T>>(out, gate_up, rows, n, shift);                                                            \
    } else {                                                                                                      \
      swiglu<1>(out, gate_up, rows, n, shift);                                                                    \
    }                                                                                                             \
  }
SWIGLU(swiglu_f32, float)
SWIGLU(swiglu_bf16, bf16)

// dUp = dOut gate s, dGate = dOut up s (1 + gate (1 - s)), s = sigmoid(gate). d_gate_up may be gate_up: a thread reads
// its gates and ups before it writes in their places.
template <int N, typename T>
__device__ __forceinline__ void swiglu_backward(
    T* d_gate_up, const T* d_out, const T* gate_up, long long rows, long long n, int shift) {
  for_rows(rows, n / N, shift, [=](long long row, long long column) {
    long long at = row * 2 * n + column * N;
    Pack<float, N> gate = load_wide<N>(gate_up + at);
    Pack<float, N> up = load_wide<N>(gate_up + at + n);
    Pack<float, N> upstream = load_wide<N>(d_out + row * n + column * N);
#pragma unroll
    for (int j = 0; j < N; j++) {
      float z = gate.x[j];
      float e = expf(-z);
      float s = __fdividef(1.0f, 1.0f + e);
      // 1 - s, without cancellation where s is close to 1.
      float rest = z > 0.0f ? e * s : 1.0f - s;
      float scaled = upstream.x[j] * s;
      gate.x[j] = scaled * up.x[j] * fmaf(z, rest, 1.0f);
      up.x[j] = scaled * z;
    }
    store_narrow<N>(d_gate_up + at, gate);
    store_narrow<N>(d_gate_up + at + n, up);
  });
}

#define SWIGLU_BACKWARD(NAME, T)                                                                                  \
  extern "C" __global__ void NAME(T* d_gate_up, const T* d_out, const T* gate_up, long long rows, long long n,     \
                                  int packed, int shift) {                                                        \
    if (packed) {                                                                                                 \
      swiglu_backward<WIDEST<T>>(d_gate_up, d_out, gate_up, rows, n, shift);                                      \
    } else {                                                                                                      \
      swiglu_backward<1>(d_gate_up, d_out, gate_up, rows, n, shift);                                              \
    }                                                                                                             \
  }
SWIGLU_BACKWARD(swiglu_backward_f32, float)
SWIGLU_BACKWARD(swiglu_backward_bf16, bf16)
