/*
 * NVIDIA's driver as far as a test needs it, on the host's memory: built as libcuda.so.1, so that JCuda's own native
 * library and the foreign-function calls run against it. Strict where the driver is: a context must be current in the
 * calling thread, memory must be mapped before it is used, shared memory beyond 48 KiB must be asked for, a fault
 * stays. Kernels run when they are launched. HOST_CUDA_... in the environment says what kind of machine this is.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef int Result;
typedef uint64_t Address;

enum { MOST_MODULES = 16, MOST_MAPPINGS = 64, GRANULARITY = 2 << 20 };

struct Properties { int type, handles, location_type, location; void *win32; unsigned char flags[8]; };
struct Access { int location_type, location, flags; };
struct Handle { size_t bytes; int mapped; };
struct Function { char name[64]; int shared_limit; };
struct Module { char *text; };

static __thread void *current_context;
static int initialized, sticky, retained;
static size_t used_bytes;
static struct { Address address; size_t bytes; } mappings[MOST_MAPPINGS];
static int mapping_count;
static const size_t static_shared = 16 << 10;

static long setting(const char *name, long otherwise) {
  const char *text = getenv(name);
  return text ? atol(text) : otherwise;
}

#define REQUIRE(condition, code) do { if (!(condition)) return (code); } while (0)
#define ENTER() do { REQUIRE(initialized, 3); REQUIRE(current_context, 201); REQUIRE(!sticky, sticky); } while (0)

static size_t total_bytes(void) { return (size_t)setting("HOST_CUDA_MEMORY", 1L << 30); }

/* Whether memory is behind all of a range, be it in several pieces. */
static int is_mapped(Address address, size_t bytes) {
  Address end = address + bytes;
  for (int i = 0; i < mapping_count && address < end; i++)
    if (address >= mappings[i].address && address < mappings[i].address + mappings[i].bytes) {
      address = mappings[i].address + mappings[i].bytes;
      i = -1;
    }
  return address >= end;
}

/* Whether memory is behind any of a range. */
static int overlaps(Address address, size_t bytes) {
  for (int i = 0; i < mapping_count; i++)
    if (address < mappings[i].address + mappings[i].bytes && mappings[i].address < address + bytes) return 1;
  return 0;
}

Result cuInit(unsigned flags) {
  int code = setting("HOST_CUDA_INIT", 0);
  REQUIRE(!flags && !code, code ? code : 1);
  initialized = 1;
  return 0;
}

Result cuDriverGetVersion(int *version) { *version = setting("HOST_CUDA_VERSION", 12040); return 0; }
Result cuDeviceGetCount(int *count) { *count = setting("HOST_CUDA_DEVICES", 1); return initialized ? 0 : 3; }
Result cuDeviceGet(int *device, int ordinal) { *device = ordinal; return ordinal < setting("HOST_CUDA_DEVICES", 1) ? 0 : 101; }
Result cuDeviceGetName(char *name, int length, int device) { snprintf(name, length, "Host GPU %d", device); return 0; }
Result cuDeviceTotalMem_v2(size_t *bytes, int device) { (void)device; *bytes = total_bytes(); return 0; }

Result cuDeviceGetAttribute(int *value, int attribute, int device) {
  (void)device;
  int capability = setting("HOST_CUDA_CAPABILITY", 80);
  switch (attribute) {
    case 13: *value = 1500000; return 0;
    case 16: *value = 4; return 0;
    case 75: *value = capability / 10; return 0;
    case 76: *value = capability % 10; return 0;
    case 97: *value = 99 << 10; return 0;
    case 102: *value = setting("HOST_CUDA_VIRTUAL_MEMORY", 1); return 0;
    default: return 1;
  }
}

static const struct { int code; const char *name, *text; } errors[] = {
  {0, "CUDA_SUCCESS", "no error"}, {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
  {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}, {3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
  {46, "CUDA_ERROR_DEVICE_UNAVAILABLE", "CUDA-capable device(s) is/are busy or unavailable"},
  {101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
  {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
  {218, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
  {500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
  {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
  {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
  {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"},
};

static Result find_error(int code, const char **out, int text) {
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    if (errors[i].code == code) { *out = text ? errors[i].text : errors[i].name; return 0; }
  *out = NULL;
  return 1;
}
Result cuGetErrorName(int code, const char **out) { return find_error(code, out, 0); }
Result cuGetErrorString(int code, const char **out) { return find_error(code, out, 1); }

/* Contexts */
Result cuDevicePrimaryCtxRetain(void **context, int device) {
  int code = setting("HOST_CUDA_RETAIN", 0);
  REQUIRE(!code, code);
  retained++;
  *context = (void *)(intptr_t)(0x1000 + device);
  return 0;
}
Result cuDevicePrimaryCtxRelease_v2(int device) { (void)device; REQUIRE(retained-- > 0, 1); return 0; }
Result cuCtxSetCurrent(void *context) { current_context = context; return 0; }
Result cuCtxSynchronize(void) { ENTER(); return 0; }

/* Memory */
Result cuMemGetInfo_v2(size_t *free_bytes, size_t *total) {
  ENTER();
  *total = total_bytes();
  *free_bytes = *total - used_bytes;
  return 0;
}
Result cuMemGetAllocationGranularity(size_t *bytes, const struct Properties *p, int option) {
  REQUIRE(p->type == 1 && p->location_type == 1 && !p->handles && !p->win32 && !option, 1);
  *bytes = GRANULARITY;
  return 0;
}
Result cuMemAddressReserve(Address *address, size_t bytes, size_t alignment, Address wish, unsigned long long flags) {
  REQUIRE(bytes && bytes % GRANULARITY == 0 && !alignment && !wish && !flags, 1);
  void *range = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(range != MAP_FAILED, 2);
  *address = (Address)range;
  return 0;
}
Result cuMemCreate(unsigned long long *handle, size_t bytes, const struct Properties *p, unsigned long long flags) {
  REQUIRE(bytes % GRANULARITY == 0 && p->type == 1 && p->location_type == 1 && !flags, 1);
  REQUIRE(bytes <= total_bytes() - used_bytes, 2);
  struct Handle *memory = malloc(sizeof *memory);
  memory->bytes = bytes;
  memory->mapped = 0;
  used_bytes += bytes;
  *handle = (unsigned long long)(uintptr_t)memory;
  return 0;
}
Result cuMemMap(Address address, size_t bytes, size_t offset, unsigned long long handle, unsigned long long flags) {
  struct Handle *memory = (struct Handle *)(uintptr_t)handle;
  REQUIRE(memory->bytes == bytes && !offset && !flags && mapping_count < MOST_MAPPINGS, 1);
  REQUIRE(!overlaps(address, bytes), 1);
  memory->mapped = 1;
  mappings[mapping_count].address = address;
  mappings[mapping_count++].bytes = bytes;
  return 0;
}
Result cuMemSetAccess(Address address, size_t bytes, const struct Access *access, size_t count) {
  REQUIRE(count == 1 && access->location_type == 1 && access->flags == 3 && is_mapped(address, bytes), 1);
  return mprotect((void *)address, bytes, PROT_READ | PROT_WRITE) ? 1 : 0;
}
Result cuMemUnmap(Address address, size_t bytes) {
  for (int i = 0; i < mapping_count; i++)
    if (mappings[i].address == address && mappings[i].bytes == bytes) {
      mprotect((void *)address, bytes, PROT_NONE);
      used_bytes -= bytes;
      mappings[i] = mappings[--mapping_count];
      return 0;
    }
  return 1;
}
Result cuMemRelease(unsigned long long handle) {
  struct Handle *memory = (struct Handle *)(uintptr_t)handle;
  if (!memory->mapped) used_bytes -= memory->bytes; /* Otherwise the memory goes when it is unmapped. */
  free(memory);
  return 0;
}
Result cuMemAddressFree(Address address, size_t bytes) { return munmap((void *)address, bytes) ? 1 : 0; }

Result cuMemAlloc_v2(Address *address, size_t bytes) {
  ENTER();
  REQUIRE(bytes <= total_bytes() - used_bytes && mapping_count < MOST_MAPPINGS, 2);
  *address = (Address)mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  used_bytes += bytes;
  mappings[mapping_count].address = *address;
  mappings[mapping_count++].bytes = bytes;
  return 0;
}
Result cuMemFree_v2(Address address) {
  ENTER();
  for (int i = 0; i < mapping_count; i++)
    if (mappings[i].address == address) {
      munmap((void *)address, mappings[i].bytes);
      used_bytes -= mappings[i].bytes;
      mappings[i] = mappings[--mapping_count];
      return 0;
    }
  return 1;
}
Result cuMemHostAlloc(void **memory, size_t bytes, unsigned flags) {
  ENTER();
  REQUIRE(!flags, 1);
  *memory = calloc(1, bytes);
  return 0;
}
Result cuMemFreeHost(void *memory) { free(memory); return 0; }

Result cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t bytes, void *stream) {
  ENTER();
  REQUIRE(stream && is_mapped(to, bytes), 1);
  memcpy((void *)to, from, bytes);
  return 0;
}
Result cuMemcpyDtoHAsync_v2(void *to, Address from, size_t bytes, void *stream) {
  ENTER();
  REQUIRE(stream && is_mapped(from, bytes), 1);
  memcpy(to, (void *)from, bytes);
  return 0;
}
Result cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, void *stream) {
  ENTER();
  REQUIRE(stream && is_mapped(to, bytes) && is_mapped(from, bytes), 1);
  memcpy((void *)to, (void *)from, bytes);
  return 0;
}
Result cuMemsetD8Async(Address to, unsigned char value, size_t bytes, void *stream) {
  ENTER();
  REQUIRE(stream && is_mapped(to, bytes), 1);
  memset((void *)to, value, bytes);
  return 0;
}

/* Order */
Result cuStreamCreate(void **stream, unsigned flags) { ENTER(); REQUIRE(flags == 1, 1); *stream = malloc(1); return 0; }
Result cuStreamDestroy_v2(void *stream) { free(stream); return 0; }
Result cuStreamSynchronize(void *stream) { ENTER(); REQUIRE(stream, 1); return 0; }
Result cuStreamWaitEvent(void *stream, void *event, unsigned flags) { ENTER(); REQUIRE(stream && event && !flags, 1); return 0; }

/* An event is the number of the record that reached it. */
static long records;
Result cuEventCreate(void **event, unsigned flags) { ENTER(); REQUIRE(!flags, 1); *event = calloc(1, sizeof(long)); return 0; }
Result cuEventDestroy_v2(void *event) { free(event); return 0; }
Result cuEventRecord(void *event, void *stream) { ENTER(); REQUIRE(stream, 1); *(long *)event = ++records; return 0; }
Result cuEventSynchronize(void *event) { ENTER(); REQUIRE(event, 1); return 0; }
Result cuEventElapsedTime(float *time, void *from, void *to) {
  ENTER();
  *time = (float)(*(long *)to - *(long *)from);
  return 0;
}

/* Code */
Result cuModuleLoadDataEx(void **module, const void *image, unsigned count, const int *options, void **values) {
  ENTER();
  const char *text = image;
  REQUIRE(count == 2 && options[0] == 5 && options[1] == 6, 1);
  if (strncmp(text, ".version", 8)) {
    snprintf(values[0], (size_t)values[1], "ptxas application ptx input, line 1; fatal   : Missing .version directive\n");
    return 218;
  }
  struct Module *loaded = malloc(sizeof *loaded);
  loaded->text = strdup(text);
  *module = loaded;
  return 0;
}
Result cuModuleUnload(void *module) { free(((struct Module *)module)->text); free(module); return 0; }
Result cuModuleGetFunction(void **function, void *module, const char *name) {
  ENTER();
  char entry[80];
  snprintf(entry, sizeof entry, ".entry %s(", name);
  REQUIRE(strstr(((struct Module *)module)->text, entry), 500);
  struct Function *found = calloc(1, sizeof *found);
  snprintf(found->name, sizeof found->name, "%s", name);
  found->shared_limit = (48 << 10) - static_shared;
  *function = found;
  return 0;
}
Result cuFuncGetAttribute(int *value, int attribute, void *function) {
  (void)function;
  REQUIRE(attribute == 1, 1);
  *value = static_shared;
  return 0;
}
Result cuFuncSetAttribute(void *function, int attribute, int value) {
  REQUIRE(attribute == 8 && value + static_shared <= (99 << 10), 1);
  ((struct Function *)function)->shared_limit = value;
  return 0;
}

/* The kernels: scale(out, in, float factor, double shift, int n, char-wide gaps between them as C has them), fault(). */
Result cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                      unsigned shared, void *stream, void **parameters, void **extra) {
  ENTER();
  struct Function *kernel = function;
  REQUIRE(stream && !extra && by == 1 && bz == 1 && gy == 1 && gz == 1, 1);
  REQUIRE((int)shared <= kernel->shared_limit, 1);
  if (!strcmp(kernel->name, "fault")) {
    sticky = 700;
    return 0;
  }
  REQUIRE(!strcmp(kernel->name, "scale"), 1);
  float *out = *(float **)parameters[0];
  const float *in = *(const float **)parameters[1];
  float factor = *(float *)parameters[2];
  double shift = *(double *)parameters[3];
  int n = *(int *)parameters[4];
  for (unsigned i = 0; i < gx * bx && (int)i < n; i++) out[i] = (float)(in[i] * factor + shift);
  return 0;
}

/* The GPU falls off the bus. */
void host_cuda_lose(void) { sticky = 719; }
