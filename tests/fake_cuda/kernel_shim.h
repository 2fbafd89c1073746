// What a kernel of the plain executor needs to be compiled by the host's compiler: the words of CUDA C++ it uses, and
// the threads of a block, which take turns from one __syncthreads() to the next.
#pragma once

#include <math.h>
#include <ucontext.h>

#include <bit>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "core/half.h"
#include "emulated_kernel.h"
#include "ops/special.h"

#define __device__
#define __global__
#define __forceinline__ inline
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __shared__ static  // blocks run one after another

struct EmulatedIndex {
  unsigned x = 0, y = 0, z = 0;
};
static EmulatedIndex threadIdx, blockIdx, blockDim, gridDim;

template <class T>
T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
T max(T a, T b) {
  return a < b ? b : a;
}
inline double erfinv(double x) {
  return tenon::inverse_erf(x);
}
inline float __int_as_float(int bits) {
  return std::bit_cast<float>(bits);
}
// Rounded by themselves: the host's compiler is told to contract nothing.
inline float __fmul_rn(float a, float b) {
  return a * b;
}
inline float __fadd_rn(float a, float b) {
  return a + b;
}
inline double __dmul_rn(double a, double b) {
  return a * b;
}
inline double __dadd_rn(double a, double b) {
  return a + b;
}
inline float float_of_f16(unsigned short bits) {
  return tenon::to_float(tenon::float16{bits});
}
inline unsigned short f16_of_float(float x) {
  return tenon::to_float16(x).bits;
}
inline unsigned short bf16_of_float(float x) {
  return tenon::to_bfloat16(x).bits;
}

namespace emulated {

/// One thread of a block.
struct Fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack;
  bool done = false;
};

static ucontext_t scheduler;
static std::vector<Fiber> fibers;
static void (*body)(void*);
static void* body_argument;

inline void enter() {
  body(body_argument);
  fibers[threadIdx.x].done = true;
  swapcontext(&fibers[threadIdx.x].context, &scheduler);
}

inline void prepare_fibers(unsigned threads) {
  constexpr std::size_t kStack = 64 << 10;
  fibers.resize(threads);
  for (Fiber& fiber : fibers) {
    if (!fiber.stack) fiber.stack = std::make_unique<char[]>(kStack);
    fiber.done = false;
    getcontext(&fiber.context);
    fiber.context.uc_stack = {fiber.stack.get(), 0, kStack};
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, enter, 0);
  }
}

/// All threads up to their next barrier, until all are done.
inline void run_in_turns(unsigned threads) {
  prepare_fibers(threads);
  for (bool busy = true; busy;) {
    busy = false;
    for (unsigned thread = 0; thread < threads; ++thread) {
      if (fibers[thread].done) continue;
      threadIdx.x = thread;
      swapcontext(&scheduler, &fibers[thread].context);
      busy = busy || !fibers[thread].done;
    }
  }
}

template <class... Args>
class Launch : public EmulatedLaunch {
 public:
  Launch(void (*kernel)(Args...), void** arguments)
      : kernel_(kernel), values_(copied(arguments, std::index_sequence_for<Args...>{})) {}

  void run(unsigned blocks, unsigned threads) override {
    gridDim = {blocks, 1, 1};
    blockDim = {threads, 1, 1};
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) {
#ifdef TENON_KERNEL_SYNCHRONIZES
      body = [](void* self) { static_cast<Launch*>(self)->call(); };
      body_argument = this;
      run_in_turns(threads);
#else
      for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x) call();
#endif
    }
  }

 private:
  template <std::size_t... I>
  static std::tuple<std::remove_const_t<Args>...> copied(void** arguments, std::index_sequence<I...>) {
    return {*static_cast<std::remove_const_t<Args>*>(arguments[I])...};
  }
  void call() {
    std::apply(kernel_, values_);
  }

  void (*kernel_)(Args...);
  std::tuple<std::remove_const_t<Args>...> values_;
};

template <class... Args>
EmulatedLaunch* prepare(void (*kernel)(Args...), void** arguments) {
  return new Launch<Args...>(kernel, arguments);
}

}  // namespace emulated

// Threads run one after another.
template <class T>
T atomicCAS(T* at, T expected, T value) {
  const T found = *at;
  if (found == expected) *at = value;
  return found;
}
template <class T>
T atomicExch(T* at, T value) {
  return std::exchange(*at, value);
}
template <class T>
T atomicMax(T* at, T value) {
  return std::exchange(*at, max(*at, value));
}
template <class T>
T atomicAdd(T* at, T value) {
  return std::exchange(*at, *at + value);
}
inline void __threadfence() {}

/// Lanes meet at each exchange as at a barrier: all have written their numbers before one of them reads. Those of the
/// next exchange go to the other half.
template <class T>
T __shfl_xor_sync(unsigned, T value, int distance) {
  static T slots[2][1024];
  static unsigned exchanges[1024];
  T* const half = slots[exchanges[threadIdx.x]++ % 2];
  half[threadIdx.x] = value;
  swapcontext(&emulated::fibers[threadIdx.x].context, &emulated::scheduler);
  return half[threadIdx.x ^ static_cast<unsigned>(distance)];
}

inline void __syncthreads() {
  swapcontext(&emulated::fibers[threadIdx.x].context, &emulated::scheduler);
}
