// Rotary position embeddings, applied in place to queries and keys.
#include "common.cuh"

// A block a token. A thread has the same elements of every head it visits, so it reads cosines and sines once: `lanes`
// threads cover the packs of half a rotation, the block's other threads take further heads. Pairs are (j, j + half):
// (a, b) -> (a cos - b sin, b cos + a sin); sign is -1 for the transpose. A row outside the tables makes what it rotates
// not a number.
template <int N, typename T>
__device__ __forceinline__ void rope(
    T* qkv, const float* cos, const float* sin, const int* row_of_token, int table_rows, int half, int heads,
    int head_dim, long long width, int lanes, float sign) {
  long long token = blockIdx.x;
  int lane = threadIdx.x % lanes;
  int first_head = threadIdx.x / lanes;
  int heads_at_once = blockDim.x / lanes;
  long long row = row_of_token[token];
  bool inside = row >= 0 && row < table_rows;
  for (int j = lane * N; j < half; j += lanes * N) {
    Pack<float, N> c;
    Pack<float, N> s;
    if (inside) {
      c = load_pack<N>(cos + row * half + j);
      s = load_pack<N>(sin + row * half + j);
    }
#pragma unroll
    for (int i = 0; i < N; i++) {
      c.x[i] = inside ? c.x[i] : __int_as_float(0x7fffffff);
      s.x[i] = inside ? s.x[i] * sign : 0.0f;
    }
    for (int head = first_head; head < heads; head += heads_at_once) {
      T* at = qkv + token * width + static_cast<long long>(head) * head_dim + j;
      Pack<float, N> a = load_wide<N>(at);
      Pack<float, N> b = load_wide<N>(at + half);
      Pack<float, N> first;
      Pack<float, N> second;
#pragma unroll
      for (int i = 0; i < N; i++) {
        first.x[i] = fmaf(a.x[i], c.x[i], -(b.x[i] * s.x[i]));
        second.x[i] = fmaf(b.x[i], c.x[i], a.x[i] * s.x[i]);
      }
      store_narrow<N>(at, first);
      store_narrow<N>(at + half, second);
    }
  }
}

#define ROPE(NAME, T)                                                                                             \
  extern "C" __global__ void NAME(T* qkv, const float* cos, const float* sin, const int* row_of_token,            \
                                  int table_rows, int half, int heads, int head_dim, long long width, int lanes,  \
                                  float sign, int packed) {                                                       \
    if (packed) {                                                                                                 \
      rope<WIDEST<T>>(qkv, cos, sin, row_of_token, table_rows, half, heads, head_dim, width, lanes, sign);        \
    } else {                                                                                                      \
      rope<1>(qkv, cos, sin, row_of_token, table_rows, half, heads, head_dim, width, lanes, sign);                \
    }                                                                                                             \
  }
ROPE(rope_f32, float)
ROPE(rope_bf16, bf16)
