#include "backends/cuda/codegen/fuse.h"
#include "backends/cuda/codegen/layer_plan.h"
#include "backends/cuda/cuda.h"
#include "backends/cuda/engine/engine.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "core/error.h"

namespace tenon::cuda {
namespace {

FusedKernel reorder_kernel(const GpuDevice& device, const Shape& shape, MemoryFormat blocks, bool to_blocks) {
  const BlockedShape lying = blocked_shape(shape, blocks);
  return FusedKernel(device, reorder_spec(lying, storage_in(blocks), to_blocks, target_of(device)));
}

}  // namespace

Kernel engine_reorder(const GpuDevice& device, const TensorType& type, MemoryFormat from, MemoryFormat to) {
  if (type.dtype != DType::float32 || type.shape.rank() < 2) {
    fail(ErrorCode::internal, "a value of {} axes has no other layout on the device", type.shape.rank());
  }
  const auto launch = [](const FusedKernel& kernel, const void* src, void* dst, void* stream) {
    KernelPointers pointers;
    pointers.src = src;
    pointers.dst[0] = dst;
    kernel.launch(stream, pointers);
  };
  if (from.row_major() || to.row_major()) {
    const FusedKernel kernel = reorder_kernel(device, type.shape, from.row_major() ? to : from, from.row_major());
    return {[=](const Operands& operands) { launch(kernel, operands.src[0], operands.dst[0], operands.stream); }};
  }
  if (from.stored == to.stored) {
    const FusedKernel kernel = relayout_kernel(device, type.shape, to);
    return {[=](const Operands& operands) { launch(kernel, operands.src[0], operands.dst[0], operands.stream); }};
  }
  const FusedKernel there = reorder_kernel(device, type.shape, from, false);
  const FusedKernel back = reorder_kernel(device, type.shape, to, true);
  return {[=](const Operands& operands) {
            launch(there, operands.src[0], operands.workspace, operands.stream);
            launch(back, operands.workspace, operands.dst[0], operands.stream);
          },
          padded_bytes(type, {})};
}

Backend engine_backend(int ordinal) {
  Backend backend = plain_backend(ordinal);
  backend.name = "cuda";
  backend.reorder_name = "tenon:reorder";
  backend.identity = target_of(device_of(*backend.memory)).wgmma() ? "kernels by wgmma" : "kernels by mma.sync";
  backend.reorder = [&device = device_of(*backend.memory)](const TensorType& type, MemoryFormat from, MemoryFormat to) {
    return engine_reorder(device, type, from, to);
  };
  backend.fuse = [&device = device_of(*backend.memory)](Body& body) {
    if (!only_cudnn()) fuse_for_kernels(body, target_of(device));
  };
  backend.fused_ops = fused_ops();
  std::vector<Implementation> own;
  for (const auto family :
       {engine_convolution_implementations, engine_cudnn_implementations, engine_matmul_implementations,
        engine_layer_implementations, engine_concat_implementations}) {
    for (Implementation& implementation : family()) own.push_back(forgiving(std::move(implementation)));
  }
  backend.implementations.insert(backend.implementations.begin(), own.begin(), own.end());
  return backend;
}

}  // namespace tenon::cuda
