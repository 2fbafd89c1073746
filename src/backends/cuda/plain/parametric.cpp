// Element-wise functions with numbers of their own, and what is done to several inputs one by one.

#include <cmath>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/elementwise.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/plain/strided_map.h"
#include "backends/cuda/runtime/memory.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

Offer offer_smooth_l1(const StepRequest& request) {
  const double sigma = request.call.attributes().real("scalar");
  return elementwise_plan(request, arithmetic_name(request.call.dtype_in(0)),
                          "[](auto size, auto squared) { return size > 1 / squared ? size - 1 / squared / 2 : "
                          "size * size * squared / 2; }(fabs(real(a)), decltype(real(a))(p0) * decltype(real(a))(p0))",
                          1, {sigma});
}

Offer offer_quadratic(const StepRequest& request) {
  const Attributes& attributes = request.call.attributes();
  const auto single = [&](const char* name) { return static_cast<double>(static_cast<float>(attributes.real(name))); };
  return elementwise_plan(request, arithmetic_name(request.call.dtype_in(0)),
                          "[](auto x, auto p, auto q, auto r) { return p * x * x + q * x + r; }(real(a), "
                          "decltype(real(a))(p0), decltype(real(a))(p1), decltype(real(a))(p2))",
                          1, {single("a"), single("b"), single("c")});
}

Offer offer_div_sqrt_dim(const StepRequest& request) {
  const Shape& src = request.call.shape_in(0);
  const double last = src.rank() > 0 ? static_cast<double>(src[src.rank() - 1]) : 1;
  return elementwise_plan(request, arithmetic_name(request.call.dtype_in(0)), "a / A(p0)", 1, {std::sqrt(last)});
}

/// In double, whatever the data, as the reference.
Offer offer_erfinv(const StepRequest& request) {
  return elementwise_plan(request, arithmetic_name(request.call.dtype_in(0)),
                          "decltype(real(a))(erfinv(static_cast<double>(real(a))))", 1);
}

Offer offer_multicast(const StepRequest& request) {
  const OpCall& call = request.call;
  std::vector<Kernel> casts;
  casts.reserve(call.inputs.size());
  for (int i = 0; i < static_cast<int>(call.inputs.size()); ++i) {
    casts.push_back(map_kernel(
        device_of(request.memory),
        {type_name(call.dtype_out(i)), {type_name(call.dtype_in(i))}, arithmetic_name(call.dtype_in(i)), "a"},
        broadcast_map({call.shape_in(i)}, call.shape_out(i)), {{i}, i}));
  }
  StepPlan plan;
  plan.kernel.run = [casts = std::move(casts)](const Operands& at) {
    for (const Kernel& cast : casts) cast.run(at);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> parametric_implementations() {
  return {{"cuda:map", {"smooth_l1"}, offer_smooth_l1},
          {"cuda:map", {"_contrib_quadratic"}, offer_quadratic},
          {"cuda:map", {"_contrib_div_sqrt_dim"}, offer_div_sqrt_dim},
          {"cuda:map", {"erfinv"}, offer_erfinv},
          {"cuda:map", {"amp_multicast"}, offer_multicast}};
}

}  // namespace tenon::cuda
