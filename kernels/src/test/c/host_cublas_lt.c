/* What cuBLAS rests on; here only proof that it was loaded. */
int cublasLtGetVersion(void) { return CUDA_MAJOR; }
