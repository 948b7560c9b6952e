// Root-mean-square norm with the residual addition before it, its gradients, and the row norms of an adapted weight.
#include "common.cuh"

// A row belongs to `lanes` threads: a power of two of a warp's, or a whole block. Each keeps up to this many packs of it
// in registers, so that a row moves through memory once; what is wider is read again.
constexpr int HELD = 4;
constexpr int MOST_THREADS = 512;

// Sum over the threads of a row, the same in each of them. `shared` is for block_sum.
__device__ __forceinline__ float row_sum(float x, int lanes, float* shared) {
  if (lanes > 32) {
    return block_sum(x, shared);
  }
#pragma unroll 1
  for (int offset = lanes / 2; offset > 0; offset /= 2) {
    x += __shfl_xor_sync(FULL_WARP, x, offset);
  }
  return x;
}

// a + b, rounded as it is stored: the backward pass sees what was normalised.
template <int N, typename T>
__device__ __forceinline__ Pack<T, N> add(const Pack<T, N>& a, const Pack<T, N>& b) {
  Pack<T, N> sum;
#pragma unroll
  for (int i = 0; i < N; i++) {
    sum.x[i] = narrow<T>(widen(a.x[i]) + widen(b.x[i]));
  }
  return sum;
}

template <int N, typename T>
__device__ __forceinline__ float squares(const Pack<T, N>& pack) {
  float sum = 0.0f;
#pragma unroll
  for (int i = 0; i < N; i++) {
    float x = widen(pack.x[i]);
    sum = fmaf(x, x, sum);
  }
  return sum;
}

template <int N, typename T, typename W>
__device__ __forceinline__ void normalise(T* out, const Pack<T, N>& x, const W* weight, float rstd) {
  Pack<float, N> y = load_wide<N>(weight);
#pragma unroll
  for (int i = 0; i < N; i++) {
    y.x[i] *= widen(x.x[i]) * rstd;
  }
  store_narrow<N>(out, y);
}

// sum = x + residual (both null: x is what is normalised), rstd = 1 / sqrt(mean(sum^2) + epsilon), out = sum rstd
// weight. sum may be x or residual.
template <int N, typename T, typename W>
__device__ __forceinline__ void rms_norm(
    T* out, float* rstd, T* sum, const T* x, const T* residual, const W* weight, float epsilon, long long rows,
    long long columns, int lanes) {
  __shared__ float shared[MOST_THREADS / 32];
  int lane = threadIdx.x % lanes;
  long long row = blockIdx.x * static_cast<long long>(blockDim.x / lanes) + threadIdx.x / lanes;
  // Threads without a row take part in the sums of their warp.
  int packs = row < rows ? static_cast<int>(columns / N) : 0;
  long long begin = row * columns;
  Pack<T, N> held[HELD];
#pragma unroll
  for (int k = 0; k < HELD; k++) {
    int pack = lane + k * lanes;
    if (pack < packs) {
      held[k] = load_pack<N>(x + begin + static_cast<long long>(pack) * N);
    }
  }
  if (residual) {
    Pack<T, N> other[HELD];
#pragma unroll
    for (int k = 0; k < HELD; k++) {
      int pack = lane + k * lanes;
      if (pack < packs) {
        other[k] = load_pack<N>(residual + begin + static_cast<long long>(pack) * N);
      }
    }
#pragma unroll
    for (int k = 0; k < HELD; k++) {
      int pack = lane + k * lanes;
      if (pack < packs) {
        held[k] = add(held[k], other[k]);
        store_pack<N>(sum + begin + static_cast<long long>(pack) * N, held[k]);
      }
    }
  }
  float total = 0.0f;
#pragma unroll
  for (int k = 0; k < HELD; k++) {
    if (lane + k * lanes < packs) {
      total += squares(held[k]);
    }
  }
#pragma unroll 1
  for (int pack = lane + HELD * lanes; pack < packs; pack += lanes) {
    long long at = begin + static_cast<long long>(pack) * N;
    Pack<T, N> own = load_pack<N>(x + at);
    if (residual) {
      own = add(own, load_pack<N>(residual + at));
      store_pack<N>(sum + at, own);
    }
    total += squares(own);
  }
  total = row_sum(total, lanes, shared);
  float r = 1.0f / sqrtf(total / static_cast<float>(columns) + epsilon);
  if (lane == 0 && row < rows) {
    rstd[row] = r;
  }
#pragma unroll
  for (int k = 0; k < HELD; k++) {
    int pack = lane + k * lanes;
    if (pack < packs) {
      long long column = static_cast<long long>(pack) * N;
      normalise(out + begin + column, held[k], weight + column, r);
    }
  }
  // Each thread reads what it wrote itself.
  const T* normalised = residual ? sum : x;
#pragma unroll 1
  for (int pack = lane + HELD * lanes; pack < packs; pack += lanes) {
    long long column = static_cast<long long>(pack) * N;
    normalise(out + begin + column, load_pack<N>(normalised + begin + column), weight + column, r);
  }
}

// sum(g n) of a pack, with g = d_out weight and n = x rstd.
template <int N, typename T, typename W>
__device__ __forceinline__ float projection(const Pack<T, N>& d_out, const Pack<T, N>& x, const W* weight, float rstd) {
  Pack<float, N> w = load_wide<N>(weight);
  float sum = 0.0f;
#pragma unroll
  for (int i = 0; i < N; i++) {
    sum = fmaf(widen(d_out.x[i]) * w.x[i], widen(x.x[i]) * rstd, sum);
  }
  return sum;
}

// d_x (+)= rstd (g - n mean).
template <int N, typename T, typename W>
__device__ __forceinline__ void store_gradient(
    T* d_x, int accumulate, const Pack<T, N>& d_out, const Pack<T, N>& x, const W* weight, float rstd, float mean) {
  Pack<float, N> w = load_wide<N>(weight);
  Pack<float, N> y{};
  if (accumulate) {
    y = load_wide<N>(d_x);
  }
#pragma unroll
  for (int i = 0; i < N; i++) {
    float n = widen(x.x[i]) * rstd;
    y.x[i] = fmaf(rstd, fmaf(-n, mean, widen(d_out.x[i]) * w.x[i]), y.x[i]);
  }
  store_narrow<N>(d_x, y);
}

// sums += d_out n.
template <int N, typename T>
__device__ __forceinline__ void add_products(
    Pack<float, N>& sums, const Pack<T, N>& d_out, const Pack<T, N>& x, float rstd) {
#pragma unroll
  for (int i = 0; i < N; i++) {
    sums.x[i] = fmaf(widen(d_out.x[i]), widen(x.x[i]) * rstd, sums.x[i]);
  }
}

// Of the rows of one part after the other: d_x, and with part_sums [parts, columns] sum(d_out n) over the part. A thread
// has the same columns of all rows, so these sums stay in registers too. d_x may be null, or d_out.
template <int N, typename T, typename W>
__device__ __forceinline__ void rms_norm_backward(
    T* d_x, int accumulate, float* part_sums, const T* d_out, const T* x, const W* weight, const float* rstd,
    long long rows, long long columns, long long part_rows, int lanes) {
  __shared__ float shared[MOST_THREADS / 32];
  int lane = threadIdx.x % lanes;
  int packs = static_cast<int>(columns / N);
  long long part = blockIdx.x * static_cast<long long>(blockDim.x / lanes) + threadIdx.x / lanes;
  Pack<float, N> sums[HELD]{};
#pragma unroll 1
  for (long long i = 0; i < part_rows; i++) {
    long long row = part * part_rows + i;
    // Threads without a row take part in the sums of their warp.
    int own = row < rows ? packs : 0;
    float r = row < rows ? rstd[row] : 0.0f;
    long long begin = row * columns;
    Pack<T, N> held_d_out[HELD];
    Pack<T, N> held_x[HELD];
#pragma unroll
    for (int k = 0; k < HELD; k++) {
      int pack = lane + k * lanes;
      if (pack < own) {
        held_d_out[k] = load_pack<N>(d_out + begin + static_cast<long long>(pack) * N);
        held_x[k] = load_pack<N>(x + begin + static_cast<long long>(pack) * N);
      }
    }
    float mean = 0.0f;
    if (d_x) {
#pragma unroll
      for (int k = 0; k < HELD; k++) {
        int pack = lane + k * lanes;
        if (pack < own) {
          mean += projection(held_d_out[k], held_x[k], weight + static_cast<long long>(pack) * N, r);
        }
      }
#pragma unroll 1
      for (int pack = lane + HELD * lanes; pack < own; pack += lanes) {
        long long column = static_cast<long long>(pack) * N;
        mean += projection(
            load_pack<N>(d_out + begin + column), load_pack<N>(x + begin + column), weight + column, r);
      }
      mean = row_sum(mean, lanes, shared) / static_cast<float>(columns);
    }
#pragma unroll
    for (int k = 0; k < HELD; k++) {
      int pack = lane + k * lanes;
      if (pack < own) {
        long long column = static_cast<long long>(pack) * N;
        if (d_x) {
          store_gradient(d_x + begin + column, accumulate, held_d_out[k], held_x[k], weight + column, r, mean);
        }
        add_products(sums[k], held_d_out[k], held_x[k], r);
      }
    }
#pragma unroll 1
    for (int pack = lane + HELD * lanes; pack < own; pack += lanes) {
      long long column = static_cast<long long>(pack) * N;
      Pack<T, N> last_d_out = load_pack<N>(d_out + begin + column);
      Pack<T, N> last_x = load_pack<N>(x + begin + column);
      if (d_x) {
        store_gradient(d_x + begin + column, accumulate, last_d_out, last_x, weight + column, r, mean);
      }
      if (part_sums) {
        float* at = part_sums + part * columns + column;
        Pack<float, N> last{};
        if (i > 0) {
          last = load_pack<N>(at);
        }
        add_products(last, last_d_out, last_x, r);
        store_pack<N>(at, last);
      }
    }
  }
  if (part_sums && part * part_rows < rows) {
#pragma unroll
    for (int k = 0; k < HELD; k++) {
      int pack = lane + k * lanes;
      if (pack < packs) {
        store_pack<N>(part_sums + part * columns + static_cast<long long>(pack) * N, sums[k]);
      }
    }
  }
}

#define RMS_NORM(NAME, T, W)                                                                                      \
  extern "C" __global__ void __launch_bounds__(MOST_THREADS)                                                      \
      rms_norm_##NAME(T* out, float* rstd, T* sum, const T* x, const T* residual, const W* weight, float epsilon, \
                      long long rows, long long columns, int lanes, int packed) {                                 \
    if (packed) {                                                                                                 \
      rms_norm<WIDEST<T>>(out, rstd, sum, x, residual, weight, epsilon, rows, columns, lanes);                    \
    } else {                                                                                                      \
      rms_norm<1>(out, rstd, sum, x, residual, weight, epsilon, rows, columns, lanes);                            \
    }                                                                                                             \
  }                                                                                                               \
  extern "C" __global__ void __launch_bounds__(MOST_THREADS) rms_norm_backward_##NAME(                            \
      T* d_x, int accumulate, float* part_sums, const T* d_out, const T* x, const W* weight, const float* rstd,   \
      long long rows, long long columns, long long part_rows, int lanes, int packed) {                            \
    if (packed) {                                                                                                 \
      rms_norm_backward<WIDEST<T>>(d_x, accumulate, part_sums, d_out, x, weight, rstd, rows, columns, part_rows,  \
                                   lanes);                                                                        \
    } else {                                                                                                      \
      rms_norm_backward<1>(d_x, accumulate, part_sums, d_out, x, weight, rstd, rows, columns, part_rows, lanes);  \
    }                                                                                                             \
  }
RMS_NORM(f32_f32, float, float)
RMS_NORM(f32_bf16, float, bf16)
RMS_NORM(f32_f16, float, f16)
RMS_NORM(bf16_f32, bf16, float)
RMS_NORM(bf16_bf16, bf16, bf16)
RMS_NORM(bf16_f16, bf16, f16)

// A block of 8 warps takes 64 rows of the adapted weight and walks over the tiles of 128 columns of its part; a thread
// has 8 rows by 4 columns of a tile in registers, and of B and A the block has 16 of the rank at a time.
constexpr int TILE_ROWS = 64;
constexpr int TILE_COLUMNS = 128;
constexpr int TILE_RANK = 16;
constexpr int TILE_THREADS = 256;
constexpr int OWN_ROWS = TILE_ROWS / (TILE_THREADS / 32);
constexpr int OWN_COLUMNS = TILE_COLUMNS / 32;

// part_squares[p,n] = sum of (W[n,k] + scale sum_r B[n,r] A[r,k])^2 over the columns k of part p, which has part_tiles
// tiles. The sum of squares is taken of the elements themselves: expanding it would cancel.
template <int N, typename W>
__device__ __forceinline__ void adapted_row_norm(
    float* part_squares, const W* w, const float* b, const float* a, float scale, long long rows, long long columns,
    int rank, int part_tiles) {
  // Rows of B's tile lie 4 banks apart, or its transposition would write most of them through one bank.
  __align__(16) __shared__ float tile_b[TILE_RANK][TILE_ROWS + 4];
  __align__(16) __shared__ float tile_a[TILE_RANK][TILE_COLUMNS];
  int lane = threadIdx.x % 32;
  int warp = threadIdx.x / 32;
  long long first_row = blockIdx.x * static_cast<long long>(TILE_ROWS);
  long long own_row = first_row + warp * OWN_ROWS;
  float total[OWN_ROWS]{};
  long long tile = blockIdx.y * static_cast<long long>(part_tiles);
#pragma unroll 1
  for (int t = 0; t < part_tiles && (tile + t) * TILE_COLUMNS < columns; t++) {
    long long first_column = (tile + t) * TILE_COLUMNS;
    long long own_column = first_column + lane * OWN_COLUMNS;
    // The weight's own elements, to which the product is added; they arrive while A and B are fetched.
    Pack<float, OWN_COLUMNS> element[OWN_ROWS]{};
#pragma unroll
    for (int i = 0; i < OWN_ROWS; i++) {
#pragma unroll
      for (int j = 0; j < OWN_COLUMNS; j += N) {
        if (own_row + i < rows && own_column + j < columns) {
          Pack<float, N> base = load_wide<N>(w + (own_row + i) * columns + own_column + j);
#pragma unroll
          for (int k = 0; k < N; k++) {
            element[i].x[j + k] = base.x[k];
          }
        }
      }
    }
#pragma unroll 1
    for (int from = 0; from < rank; from += TILE_RANK) {
      __syncthreads();
#pragma unroll
      for (int i = threadIdx.x; i < TILE_RANK * TILE_COLUMNS; i += TILE_THREADS) {
        int r = i / TILE_COLUMNS;
        long long column = first_column + i % TILE_COLUMNS;
        bool inside = from + r < rank && column < columns;
        tile_a[r][i % TILE_COLUMNS] = inside ? a[(from + r) * columns + column] : 0.0f;
      }
#pragma unroll
      for (int i = threadIdx.x; i < TILE_RANK * TILE_ROWS; i += TILE_THREADS) {
        // Neighbouring threads read neighbours in B, whose rows are of the rank.
        int r = i % TILE_RANK;
        long long row = first_row + i / TILE_RANK;
        bool inside = from + r < rank && row < rows;
        tile_b[r][i / TILE_RANK] = inside ? scale * b[row * rank + from + r] : 0.0f;
      }
      __syncthreads();
#pragma unroll 4
      for (int r = 0; r < TILE_RANK; r++) {
        Pack<float, OWN_COLUMNS> right = load_pack<OWN_COLUMNS>(&tile_a[r][lane * OWN_COLUMNS]);
        Pack<float, OWN_ROWS> left = load_pack<OWN_ROWS>(&tile_b[r][warp * OWN_ROWS]);
#pragma unroll
        for (int i = 0; i < OWN_ROWS; i++) {
#pragma unroll
          for (int j = 0; j < OWN_COLUMNS; j++) {
            element[i].x[j] = fmaf(left.x[i], right.x[j], element[i].x[j]);
          }
        }
      }
    }
    // Rows beyond the edge are not written; columns beyond it are not 0 where B is not finite.
#pragma unroll
    for (int i = 0; i < OWN_ROWS; i++) {
#pragma unroll
      for (int j = 0; j < OWN_COLUMNS; j++) {
        float x = element[i].x[j];
        total[i] = own_column + j < columns ? fmaf(x, x, total[i]) : total[i];
      }
    }
  }
#pragma unroll
  for (int i = 0; i < OWN_ROWS; i++) {
    float sum = warp_sum(total[i]);
    if (lane == 0 && own_row + i < rows) {
      part_squares[blockIdx.y * rows + own_row + i] = sum;
    }
  }
}

#define ADAPTED_ROW_NORM(NAME, W)                                                                                 \
  extern "C" __global__ void __launch_bounds__(TILE_THREADS, 2)                                                   \
      adapted_row_norm_##NAME(float* part_squares, const W* w, const float* b, const float* a, float scale,       \
                              long long rows, long long columns, int rank, int part_tiles, int packed) {          \
    if (packed) {                                                                                                 \
      adapted_row_norm<OWN_COLUMNS>(part_squares, w, b, a, scale, rows, columns, rank, part_tiles);               \
    } else {                                                                                                      \
      adapted_row_norm<1>(part_squares, w, b, a, scale, rows, columns, rank, part_tiles);                         \
    }                                                                                                             \
  }
ADAPTED_ROW_NORM(f32, float)
ADAPTED_ROW_NORM(bf16, bf16)
ADAPTED_ROW_NORM(f16, f16)

// out[n] = sqrt(sum_p part_squares[p,n]), in order of p.
extern "C" __global__ void root_of_sums_f32(float* out, const float* part_squares, int parts, long long rows) {
  long long row = blockIdx.x * static_cast<long long>(blockDim.x) + threadIdx.x;
  if (row >= rows) {
    return;
  }
  float sum = 0.0f;
#pragma unroll 4
  for (int part = 0; part < parts; part++) {
    sum += part_squares[part * rows + row];
  }
  out[row] = sqrtf(sum);
}
