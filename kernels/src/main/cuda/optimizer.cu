// What takes all tensors that are trained in one launch: their gradients' norm, AdamW, fills and conversions.
#include "common.cuh"

constexpr int THREADS = 256;
constexpr int PACK = 4;

// A table of tensors in GPU memory: for each the number of its first piece, then one past all pieces, then each one's
// number of elements, then each one's addresses, list after list. A piece is a run of `piece` elements of one tensor, or
// what is left of it; a block has one, so that many small tensors and a large one keep all multiprocessors busy alike.
struct Piece {
  int tensor;
  // First element of the tensor, a multiple of `piece`, and number of elements.
  long long from;
  int count;
};

// The piece with the block's number. All threads look for it together: one round of reads for 256 tensors.
__device__ __forceinline__ Piece find_piece(const long long* table, int tensors, int piece) {
  __shared__ int found;
  long long number = blockIdx.x;
#pragma unroll 1
  for (int i = threadIdx.x; i < tensors; i += THREADS) {
    if (table[i] <= number && number < table[i + 1]) {
      found = i;
    }
  }
  __syncthreads();
  int tensor = found;
  long long from = (number - table[tensor]) * piece;
  long long left = table[tensors + 1 + tensor] - from;
  return {tensor, from, static_cast<int>(left < piece ? left : piece)};
}

// The address of a piece in a list of tensors.
template <typename T = float>
__device__ __forceinline__ T* address(const long long* table, int tensors, int list, const Piece& own) {
  const long long* addresses = table + 2LL * tensors + 1 + static_cast<long long>(list) * tensors;
  return reinterpret_cast<T*>(addresses[own.tensor]) + own.from;
}

template <typename T>
__device__ __forceinline__ bool aligned(const T* address) {
  return reinterpret_cast<unsigned long long>(address) % (PACK * sizeof(T)) == 0;
}

extern "C" __global__ void __launch_bounds__(THREADS)
    fill_list_f32(float value, const long long* table, int tensors, int piece) {
  Piece own = find_piece(table, tensors, piece);
  float* out = address(table, tensors, 0, own);
  Pack<float, PACK> values;
#pragma unroll
  for (int i = 0; i < PACK; i++) {
    values.x[i] = value;
  }
  int packs = aligned(out) ? own.count / PACK : 0;
#pragma unroll 4
  for (int pack = threadIdx.x; pack < packs; pack += THREADS) {
    store_pack<PACK>(out + pack * PACK, values);
  }
#pragma unroll 1
  for (int i = packs * PACK + threadIdx.x; i < own.count; i += THREADS) {
    out[i] = value;
  }
}

// The table has two lists: where to, where from.
template <typename Out>
__device__ __forceinline__ void cast_list(const long long* table, int tensors, int piece) {
  Piece own = find_piece(table, tensors, piece);
  Out* out = address<Out>(table, tensors, 0, own);
  const float* in = address(table, tensors, 1, own);
  int packs = aligned(out) && aligned(in) ? own.count / PACK : 0;
#pragma unroll 4
  for (int pack = threadIdx.x; pack < packs; pack += THREADS) {
    store_narrow<PACK>(out + pack * PACK, load_pack<PACK>(in + pack * PACK));
  }
#pragma unroll 1
  for (int i = packs * PACK + threadIdx.x; i < own.count; i += THREADS) {
    out[i] = narrow<Out>(in[i]);
  }
}

#define CAST_LIST(NAME, OUT)                                                    \
  extern "C" __global__ void __launch_bounds__(THREADS)                         \
      NAME(const long long* table, int tensors, int piece) {                    \
    cast_list<OUT>(table, tensors, piece);                                      \
  }
CAST_LIST(cast_list_f32_f32, float)
CAST_LIST(cast_list_f32_bf16, bf16)

// Sum over a block in a fixed order, complete in thread 0. `shared` holds one number a warp.
template <int BLOCK>
__device__ __forceinline__ double block_total(double x, double* shared) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
    x += __shfl_xor_sync(FULL_WARP, x, offset);
  }
  if (threadIdx.x % 32 == 0) {
    shared[threadIdx.x / 32] = x;
  }
  __syncthreads();
  double total = 0.0;
  if (threadIdx.x == 0) {
#pragma unroll
    for (int i = 0; i < BLOCK / 32; i++) {
      total += shared[i];
    }
  }
  return total;
}

// sums[piece] = sum of the squares of a piece, in double: the square of a large gradient exceeds a float.
extern "C" __global__ void __launch_bounds__(THREADS)
    sums_of_squares_f32(double* sums, const long long* table, int tensors, int piece) {
  __shared__ double shared[THREADS / 32];
  Piece own = find_piece(table, tensors, piece);
  const float* x = address(table, tensors, 0, own);
  double sum = 0.0;
  int packs = aligned(x) ? own.count / PACK : 0;
#pragma unroll 4
  for (int pack = threadIdx.x; pack < packs; pack += THREADS) {
    Pack<float, PACK> values = load_pack<PACK>(x + pack * PACK);
#pragma unroll
    for (int i = 0; i < PACK; i++) {
      double value = values.x[i];
      sum = fma(value, value, sum);
    }
  }
#pragma unroll 1
  for (int i = packs * PACK + threadIdx.x; i < own.count; i += THREADS) {
    double value = x[i];
    sum = fma(value, value, sum);
  }
  double total = block_total<THREADS>(sum, shared);
  if (threadIdx.x == 0) {
    sums[blockIdx.x] = total;
  }
}

constexpr int NORM_THREADS = 1024;

// norm = root of the sum of all sums, and scale = min(1, max_norm / (norm + 1e-6)), 1 where max_norm is infinite.
extern "C" __global__ void __launch_bounds__(NORM_THREADS)
    clipping_f32(float* norm, float* scale, const double* sums, int pieces, double max_norm) {
  __shared__ double shared[NORM_THREADS / 32];
  double sum = 0.0;
#pragma unroll 4
  for (int i = threadIdx.x; i < pieces; i += NORM_THREADS) {
    sum += sums[i];
  }
  double total = block_total<NORM_THREADS>(sum, shared);
  if (threadIdx.x == 0) {
    double root = sqrt(total);
    double ratio = max_norm / (root + 1e-6);
    norm[0] = static_cast<float>(root);
    // A norm that is not a number makes the scale none either.
    scale[0] = isinf(max_norm) || ratio > 1.0 ? 1.0f : static_cast<float>(ratio);
  }
}

// The numbers of a step that are the same for every element, in the order of the kernel's parameters.
struct Step {
  float keep;             // 1 - lr decay
  float beta1;
  float rest1;            // 1 - beta1
  float beta2;
  float rest2;            // 1 - beta2
  float rate;             // lr / (1 - beta1^k)
  float root_correction;  // 1 / sqrt(1 - beta2^k)
  float epsilon;
};

template <int N>
__device__ __forceinline__ void update(
    float* parameter, const float* gradient, float* first, float* second, float scale, const Step& step) {
  Pack<float, N> p = load_pack<N>(parameter);
  Pack<float, N> g = load_pack<N>(gradient);
  Pack<float, N> m = load_pack<N>(first);
  Pack<float, N> v = load_pack<N>(second);
#pragma unroll
  for (int i = 0; i < N; i++) {
    float scaled = scale * g.x[i];
    m.x[i] = fmaf(step.beta1, m.x[i], step.rest1 * scaled);
    v.x[i] = fmaf(step.beta2, v.x[i], step.rest2 * scaled * scaled);
    float root = fmaf(sqrtf(v.x[i]), step.root_correction, step.epsilon);
    p.x[i] = step.keep * p.x[i] - step.rate * (m.x[i] / root);
  }
  store_pack<N>(parameter, p);
  store_pack<N>(first, m);
  store_pack<N>(second, v);
}

// The table has four lists: parameters, gradients, first moments, second moments.
extern "C" __global__ void __launch_bounds__(THREADS)
    adam_w_f32(const long long* table, int tensors, int piece, const float* scale, float keep, float beta1,
               float rest1, float beta2, float rest2, float rate, float root_correction, float epsilon) {
  Step step = {keep, beta1, rest1, beta2, rest2, rate, root_correction, epsilon};
  Piece own = find_piece(table, tensors, piece);
  float* p = address(table, tensors, 0, own);
  const float* g = address(table, tensors, 1, own);
  float* m = address(table, tensors, 2, own);
  float* v = address(table, tensors, 3, own);
  float factor = scale[0];
  int packs = aligned(p) && aligned(g) && aligned(m) && aligned(v) ? own.count / PACK : 0;
#pragma unroll 1
  for (int pack = threadIdx.x; pack < packs; pack += THREADS) {
    int i = pack * PACK;
    update<PACK>(p + i, g + i, m + i, v + i, factor, step);
  }
#pragma unroll 1
  for (int i = packs * PACK + threadIdx.x; i < own.count; i += THREADS) {
    update<1>(p + i, g + i, m + i, v + i, factor, step);
  }
}
