/*
 * cuBLAS as far as a test needs it, with products on the host's memory, computed as the column-major formula of its
 * documentation says. Refuses what cuBLAS refuses, and what would make results change from call to call: a workspace
 * forgotten, as setting a stream makes cuBLAS forget it, or a math mode that shortens operands or partial sums.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef CUDA_MAJOR
#error "-DCUDA_MAJOR=12"
#endif

enum { F32 = 0, F16 = 2, BF16 = 14 };
enum { OK = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, NOT_SUPPORTED = 15, INTERNAL_ERROR = 14 };

struct Context { int magic, math_mode; void *stream, *workspace; size_t workspace_bytes; };

int cublasLtGetVersion(void); /* from libcublasLt, which must have been loaded before */

static int alive(const struct Context *c) { return c && c->magic == 4711; }

int cublasCreate_v2(struct Context **handle) {
  if (getenv("HOST_CUBLAS_CREATE")) return atoi(getenv("HOST_CUBLAS_CREATE"));
  if (cublasLtGetVersion() != CUDA_MAJOR) return NOT_INITIALIZED;
  *handle = calloc(1, sizeof **handle);
  (*handle)->magic = 4711;
  return OK;
}
int cublasDestroy_v2(struct Context *c) {
  if (!alive(c)) return NOT_INITIALIZED;
  free(c);
  return OK;
}
int cublasGetVersion_v2(struct Context *c, int *version) {
  *version = CUDA_MAJOR * 10000 + 304;
  return alive(c) ? OK : NOT_INITIALIZED;
}
int cublasSetStream_v2(struct Context *c, void *stream) {
  if (!alive(c)) return NOT_INITIALIZED;
  c->stream = stream;
  c->workspace = NULL;
  return OK;
}
int cublasSetWorkspace_v2(struct Context *c, void *workspace, size_t bytes) {
  if (!alive(c) || (uintptr_t)workspace % 256) return INVALID_VALUE;
  c->workspace = workspace;
  c->workspace_bytes = bytes;
  return OK;
}
int cublasSetMathMode(struct Context *c, int mode) {
  if (!alive(c)) return NOT_INITIALIZED;
  c->math_mode = mode;
  return OK;
}
const char *cublasGetStatusName(int status) {
  switch (status) {
    case OK: return "CUBLAS_STATUS_SUCCESS";
    case NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
    default: return "CUBLAS_STATUS_INTERNAL_ERROR";
  }
}

static float load(const void *at, int type, int64_t i) {
  if (type == F32) return ((const float *)at)[i];
  if (type == F16) return (float)((const _Float16 *)at)[i];
  uint32_t bits = (uint32_t)((const uint16_t *)at)[i] << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static void store(void *at, int type, int64_t i, float value) {
  if (type == F32) ((float *)at)[i] = value;
  else if (type == F16) ((_Float16 *)at)[i] = (_Float16)value;
  else {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    bits += 0x7fff + (bits >> 16 & 1);
    ((uint16_t *)at)[i] = (uint16_t)(bits >> 16);
  }
}

static int bytes(int type) { return type == F32 ? 4 : 2; }

int cublasGemmStridedBatchedEx_64(struct Context *c, int ta, int tb, int64_t m, int64_t n, int64_t k,
                                  const void *alpha, const void *a, int a_type, int64_t lda, long long a_stride,
                                  const void *b, int b_type, int64_t ldb, long long b_stride, const void *beta,
                                  void *out, int c_type, int64_t ldc, long long c_stride, int64_t batch,
                                  int compute, int algorithm) {
  if (!alive(c)) return NOT_INITIALIZED;
  if (!c->workspace || c->workspace_bytes != 32 << 20 || c->math_mode != 16) return INTERNAL_ERROR;
  if (compute != 68 || algorithm != -1 || a_type != b_type || (c_type != a_type && c_type != F32)) return NOT_SUPPORTED;
  if (m < 1 || n < 1 || k < 1 || batch < 1 || ta < 0 || ta > 1 || tb < 0 || tb > 1) return INVALID_VALUE;
  if (lda < (ta ? k : m) || ldb < (tb ? n : k) || ldc < m) return INVALID_VALUE;
  float factor = *(const float *)alpha, keep = *(const float *)beta;
  for (int64_t s = 0; s < batch; s++) {
    const char *as = (const char *)a + s * a_stride * bytes(a_type);
    const char *bs = (const char *)b + s * b_stride * bytes(b_type);
    char *cs = (char *)out + s * c_stride * bytes(c_type);
    for (int64_t j = 0; j < n; j++)
      for (int64_t i = 0; i < m; i++) {
        float sum = 0;
        for (int64_t l = 0; l < k; l++)
          sum += load(as, a_type, ta ? l + i * lda : i + l * lda) * load(bs, b_type, tb ? j + l * ldb : l + j * ldb);
        float before = keep == 0 ? 0 : keep * load(cs, c_type, i + j * ldc);
        store(cs, c_type, i + j * ldc, factor * sum + before);
      }
  }
  return OK;
}
