// The machine, as all kernels see it: numbers as they are stored, barriers, copies into shared memory, tensor cores.
// NVRTC compiles this without any header. Generated before it (kernel_source.cpp): `kStorage`, TENON_WGMMA and
// TENON_SPLIT (fp32 by wgmma, split.cuh).

using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;

#define TENON_DEVICE __device__ __forceinline__

template <bool Condition, class A, class B>
struct Choose {
  using Type = A;
};
template <class A, class B>
struct Choose<false, A, B> {
  using Type = B;
};

__host__ __device__ constexpr int round_up(int a, int b) { return (a + b - 1) / b * b; }
__host__ __device__ constexpr int div_up(int a, int b) { return (a + b - 1) / b; }
__host__ __device__ constexpr int smaller(int a, int b) { return a < b ? a : b; }
__host__ __device__ constexpr int larger(int a, int b) { return a > b ? a : b; }

// ---- numbers ----------------------------------------------------------------------------------------------------
// Two neighbouring channels travel together: 4 bytes of a 16-bit type, 8 bytes of a 32-bit type.

constexpr int kElementBytes = kStorage == Storage::f16 || kStorage == Storage::bf16 ? 2 : 4;
constexpr int kWeightElementBytes = TENON_SPLIT ? 8 : kElementBytes;
constexpr int kUnit = 16 / kElementBytes;      // channels in 16 bytes: the block of the layout
constexpr int kStepChannels = 2 * kUnit;       // channels one tensor core instruction takes

struct Pair {
  float a, b;
};
struct Raw {
  u32 lo, hi;  // hi is unused by 16-bit types
};

TENON_DEVICE float round_tf32(float x) {
  u32 bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return __uint_as_float(bits);
}

TENON_DEVICE u32 pack16(float a, float b) {
  u32 bits;
  if constexpr (kStorage == Storage::bf16) {
    asm("cvt.rn.bf16x2.f32 %0, %2, %1;" : "=r"(bits) : "f"(a), "f"(b));
  } else {
    asm("cvt.rn.f16x2.f32 %0, %2, %1;" : "=r"(bits) : "f"(a), "f"(b));
  }
  return bits;
}

TENON_DEVICE Pair unpack16(u32 bits) {
  Pair pair;
  if constexpr (kStorage == Storage::bf16) {
    pair = {__uint_as_float(bits << 16), __uint_as_float(bits & 0xffff0000u)};
  } else {
    asm("{.reg .b16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h;}"
        : "=f"(pair.a), "=f"(pair.b)
        : "r"(bits));
  }
  return pair;
}

TENON_DEVICE Pair unpack(Raw raw) {
  if constexpr (kElementBytes == 2) return unpack16(raw.lo);
  return {__uint_as_float(raw.lo), __uint_as_float(raw.hi)};
}

TENON_DEVICE Raw pack(float a, float b) {
  if constexpr (kElementBytes == 2) return {pack16(a, b), 0};
  if constexpr (kStorage == Storage::tf32) return {__float_as_uint(round_tf32(a)), __float_as_uint(round_tf32(b))};
  return {__float_as_uint(a), __float_as_uint(b)};
}

// Activations are read past the first-level cache: with programmatic launch it may hold lines from before the wait.
TENON_DEVICE Raw load_pair(const void* base, int element) {
  Raw raw{0, 0};
  const char* from = static_cast<const char*>(base) + static_cast<u64>(element) * kElementBytes;
  if constexpr (kElementBytes == 2) {
    asm volatile("ld.global.cg.u32 %0, [%1];" : "=r"(raw.lo) : "l"(from) : "memory");
  } else {
    asm volatile("ld.global.cg.v2.u32 {%0, %1}, [%2];" : "=r"(raw.lo), "=r"(raw.hi) : "l"(from) : "memory");
  }
  return raw;
}

TENON_DEVICE void store_pair(void* base, int element, float a, float b) {
  char* to = static_cast<char*>(base) + static_cast<u64>(element) * kElementBytes;
  const Raw raw = pack(a, b);
  if constexpr (kElementBytes == 2) {
    *reinterpret_cast<u32*>(to) = raw.lo;
  } else {
    *reinterpret_cast<uint2*>(to) = uint2{raw.lo, raw.hi};
  }
}

TENON_DEVICE uint4 load_unit(const void* base, int unit) {
  uint4 v;
  asm volatile("ld.global.cg.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(static_cast<const uint4*>(base) + unit)
               : "memory");
  return v;
}

/// The kUnit channels of 16 bytes.
struct Unit {
  float v[kUnit];
};
TENON_DEVICE Unit unpack_unit(uint4 bits) {
  Unit unit;
  const u32 words[4] = {bits.x, bits.y, bits.z, bits.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if constexpr (kElementBytes == 2) {
      const Pair pair = unpack16(words[i]);
      unit.v[2 * i] = pair.a;
      unit.v[2 * i + 1] = pair.b;
    } else {
      unit.v[i] = __uint_as_float(words[i]);
    }
  }
  return unit;
}
TENON_DEVICE uint4 pack_unit(const Unit& unit) {
  u32 words[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if constexpr (kElementBytes == 2) {
      words[i] = pack16(unit.v[2 * i], unit.v[2 * i + 1]);
    } else {
      words[i] = __float_as_uint(kStorage == Storage::tf32 ? round_tf32(unit.v[i]) : unit.v[i]);
    }
  }
  return {words[0], words[1], words[2], words[3]};
}

TENON_DEVICE float load_one(const void* base, int element) {
  if constexpr (kElementBytes == 4) return __ldcg(static_cast<const float*>(base) + element);
  u16 bits;
  asm volatile("ld.global.cg.u16 %0, [%1];" : "=h"(bits) : "l"(static_cast<const u16*>(base) + element) : "memory");
  return unpack16(bits).a;
}
TENON_DEVICE void store_one(void* base, int element, float value) {
  const Raw raw = pack(value, 0);
  if constexpr (kElementBytes == 4) {
    static_cast<u32*>(base)[element] = raw.lo;
  } else {
    static_cast<u16*>(base)[element] = static_cast<u16>(raw.lo);
  }
}

// ---- functions of epilogues; a NaN stays one ----------------------------------------------------------------------

TENON_DEVICE float max_nan(float a, float b) {
  float r;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
  return r;
}
TENON_DEVICE float min_nan(float a, float b) {
  float r;
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
  return r;
}
/// Of two 16-bit numbers at once.
TENON_DEVICE u32 max_packed(u32 a, u32 b) {
  u32 r;
  if constexpr (kStorage == Storage::bf16) {
    asm("max.NaN.bf16x2 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
  } else {
    asm("max.NaN.f16x2 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
  }
  return r;
}
TENON_DEVICE float relu(float a) { return max_nan(a, 0.0f); }
TENON_DEVICE float leaky(float a, float slope) { return a > 0 ? a : slope * a; }
TENON_DEVICE float elu(float a, float slope) { return a > 0 ? a : slope * expm1f(a); }
TENON_DEVICE float sigmoid(float a) { return 1 / (1 + expf(-a)); }
TENON_DEVICE float softrelu(float a) { return a > 20 ? a : log1pf(expf(a)); }
TENON_DEVICE float softsign(float a) { return a / (1 + fabsf(a)); }

// ---- shared memory ------------------------------------------------------------------------------------------------

TENON_DEVICE u32 shared_address(const void* p) { return static_cast<u32>(__cvta_generic_to_shared(p)); }

/// 16 bytes, or zeros where `valid` does not hold.
TENON_DEVICE void copy_unit(u32 to, const void* from, bool valid) {
  const int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}
TENON_DEVICE void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int Pending>
TENON_DEVICE void copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}
TENON_DEVICE void copy_wait_all() { asm volatile("cp.async.wait_all;" ::: "memory"); }

TENON_DEVICE void store_shared_unit(u32 to, uint4 v) {
  asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(to), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory");
}
TENON_DEVICE void store_shared2(u32 to, float a, float b) {
  asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(to), "f"(a), "f"(b) : "memory");
}
TENON_DEVICE float4 load_shared4(u32 from) {
  float4 v;
  asm volatile("ld.shared.v4.f32 {%0, %1, %2, %3}, [%4];"
               : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w)
               : "r"(from)
               : "memory");
  return v;
}

template <int Barrier, int Threads>
TENON_DEVICE void sync_some() {
  asm volatile("bar.sync %0, %1;" ::"n"(Barrier), "n"(Threads) : "memory");
}
TENON_DEVICE void sync_warpgroup(int barrier) { asm volatile("bar.sync %0, 128;" ::"r"(barrier) : "memory"); }

// ---- mma.sync, sm_80 and up ---------------------------------------------------------------------------------------

TENON_DEVICE void load_matrices(u32 (&m)[4], u32 from) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(from)
               : "memory");
}

/// d[16×8] += a[16×kStepChannels] · b: four matrices of 8 rows × 16 bytes against two.
TENON_DEVICE void mma(float* d, const u32 (&a)[4], u32 b0, u32 b1) {
  if constexpr (kStorage == Storage::f16) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  } else if constexpr (kStorage == Storage::bf16) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  } else {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
}

/// What TF32 keeps of each of four fp32 words, and the rest.
TENON_DEVICE void split_tf32(const u32 (&m)[4], u32 (&high)[4], u32 (&low)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float x = __uint_as_float(m[i]), h = round_tf32(x);
    high[i] = __float_as_uint(h);
    low[i] = __float_as_uint(round_tf32(x - h));
  }
}

// ---- programmatic dependent launch --------------------------------------------------------------------------------
// Before sm_90 kernels of a stream simply follow one another.

TENON_DEVICE void wait_for_predecessor() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
TENON_DEVICE void launch_dependents() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

#if __CUDA_ARCH__ >= 900
// ---- sm_90: mbarriers, bulk copies, clusters ----------------------------------------------------------------------

TENON_DEVICE void barrier_init(u32 barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
TENON_DEVICE void barrier_init_done() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  asm volatile("fence.proxy.async;" ::: "memory");
}
TENON_DEVICE void barrier_expect(u32 barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}
TENON_DEVICE void barrier_arrive(u32 barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
/// Arrives once the copies that this thread has started are done.
TENON_DEVICE void copies_arrive(u32 barrier) {
  asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(barrier) : "memory");
}
TENON_DEVICE void barrier_wait(u32 barrier, u32 phase) {
  asm volatile(
      "{\n.reg .pred p;\nL: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n@p bra D;\nbra L;\nD:\n}" ::"r"(
          barrier),
      "r"(phase)
      : "memory");
}
TENON_DEVICE void barrier_wait_cluster(u32 barrier, u32 phase) {
  asm volatile(
      "{\n.reg .pred p;\nL: mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%0], %1;\n@p bra D;\nbra "
      "L;\nD:\n}" ::"r"(barrier),
      "r"(phase)
      : "memory");
}

TENON_DEVICE void bulk_copy(u32 to, const void* from, int bytes, u32 barrier) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to),
               "l"(from), "r"(bytes), "r"(barrier)
               : "memory");
}
/// Between ordinary writes to shared memory and the tensor cores' or the copy engine's reads.
TENON_DEVICE void fence_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

TENON_DEVICE void cluster_arrive() { asm volatile("barrier.cluster.arrive.release;" ::: "memory"); }
TENON_DEVICE void cluster_wait() { asm volatile("barrier.cluster.wait.acquire;" ::: "memory"); }
TENON_DEVICE u32 in_block(u32 address, u32 rank) {
  u32 mapped;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(mapped) : "r"(address), "r"(rank));
  return mapped;
}
TENON_DEVICE void store_remote4(u32 to, float a, float b, float c, float d, u32 barrier) {
  asm volatile(
      "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.f32 [%0], {%1, %2, %3, %4}, [%5];" ::"r"(to),
      "f"(a), "f"(b), "f"(c), "f"(d), "r"(barrier)
      : "memory");
}
TENON_DEVICE Pair load_remote2(u32 from) {
  Pair pair;
  asm volatile("ld.shared::cluster.v2.f32 {%0, %1}, [%2];" : "=f"(pair.a), "=f"(pair.b) : "r"(from) : "memory");
  return pair;
}

/// A warpgroup leaves all registers but these, or takes what others have left.
template <int Registers>
TENON_DEVICE void keep_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers));
}
template <int Registers>
TENON_DEVICE void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers));
}

// ---- wgmma --------------------------------------------------------------------------------------------------------

/// An operand in shared memory, not swizzled: cores of 8 rows × 16 bytes, `leading` bytes from one 16 bytes of K to the
/// next, `stride` bytes from one 8 rows to the next. Adding bytes / 16 moves its start.
TENON_DEVICE u64 descriptor(u32 address, u32 leading, u32 stride) {
  return static_cast<u64>((address & 0x3ffff) >> 4) | static_cast<u64>(leading >> 4) << 16 |
         static_cast<u64>(stride >> 4) << 32;
}
TENON_DEVICE void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
TENON_DEVICE void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int Pending>
TENON_DEVICE void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Pending) : "memory");
}
/// Without it around a group ptxas may find the accumulators live in between and serialise the products (C7510, C7520;
/// 2,950 clocks became 1,023).
template <int N>
TENON_DEVICE void pin(float (&accumulators)[N]) {
#pragma unroll
  for (int i = 0; i < N; ++i) asm volatile("" : "+f"(accumulators[i])::"memory");
}
#endif
