// SPDX-License-Identifier: Apache-2.0
// What kernel.cu needs of the machine and CUDA C++ has no plain words for: PTX of compute capability 8.0 and later.

__device__ __forceinline__ unsigned char* shared_memory() {
  extern __shared__ __align__(16) unsigned char arena[];
  return arena;
}

// Starts to copy one float into shared memory; nobody may read it before wait_for_copies and a barrier.
__device__ __forceinline__ void start_copy(float* to, const float* from) {
  const unsigned address = (unsigned)__cvta_generic_to_shared(to);
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(address), "l"(from) : "memory");
}

__device__ __forceinline__ void wait_for_copies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

// A count that one block raises and another watches: what was written before `publish` is seen after `watch` returns it.
__device__ __forceinline__ void publish(int* count, int value) {
  asm volatile("st.release.gpu.global.s32 [%0], %1;" ::"l"(count), "r"(value) : "memory");
}

__device__ __forceinline__ int watch(const int* count) {
  int value;
  asm volatile("ld.acquire.gpu.global.s32 %0, [%1];" : "=r"(value) : "l"(count) : "memory");
  return value;
}

// Numbers that one block leaves for another; they pass the caches that blocks do not share.
__device__ __forceinline__ void leave(double* at, double value) {
  asm volatile("st.relaxed.gpu.global.f64 [%0], %1;" ::"l"(at), "d"(value) : "memory");
}

__device__ __forceinline__ double fetch(const double* at) {
  double value;
  asm volatile("ld.relaxed.gpu.global.f64 %0, [%1];" : "=d"(value) : "l"(at) : "memory");
  return value;
}
