// Sums of products over named axes (einsum, tensordot): a matrix product where the axes make one, a kernel of their own
// elsewhere.

#include <algorithm>
#include <optional>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/plain/product.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"
#include "ops/kernel_form.h"

namespace tenon::cuda {
namespace {

using Loop = ContractionForm::Loop;

/// The loop with the one inside it, where one stride walks both in every operand.
std::optional<Loop> joined(const Loop& outer, const Loop& inner) {
  for (std::size_t k = 0; k < outer.src.size(); ++k) {
    if (outer.src[k] != inner.extent * inner.src[k]) return {};
  }
  if (outer.dst != inner.extent * inner.dst) return {};
  return Loop{outer.extent * inner.extent, inner.src, inner.dst};
}

void add_loop(std::vector<Loop>& loops, const Loop& loop) {
  if (!loops.empty()) {
    if (const auto both = joined(loops.back(), loop)) {
      loops.back() = *both;
      return;
    }
  }
  loops.push_back(loop);
}

/// Loops of two operands by who is walked: what a matrix product calls them.
struct ProductLoops {
  std::vector<Loop> batch, rows, inner, columns;
};

/// The form as a product of input 0 and input 1, where each side of the matrices is one loop at most.
std::optional<ProductForm> product_form(const ContractionForm& contraction) {
  ProductLoops sorted;
  for (std::size_t i = 0; i < contraction.loops.size(); ++i) {
    const Loop& loop = contraction.loops[i];
    if (loop.src.size() != 2) return {};
    const bool in_a = loop.src[0] != 0, in_b = loop.src[1] != 0, kept = i < contraction.kept;
    if (loop.extent == 1) continue;
    if (!kept && !(in_a && in_b)) return {};
    add_loop(!kept ? sorted.inner : in_a && in_b ? sorted.batch : in_a ? sorted.rows : sorted.columns, loop);
  }
  if (sorted.rows.size() > 1 || sorted.inner.size() > 1 || sorted.columns.size() > 1) return {};
  // Where there is none, strides as if the matrices were dense: cuBLASLt takes those.
  const auto only = [&](const std::vector<Loop>& loops, const Loop& none) { return loops.empty() ? none : loops[0]; };
  const Loop columns = only(sorted.columns, {1, {0, 1}, 1});
  const Loop inner = only(sorted.inner, {1, {1, columns.extent}, 0});
  const Loop rows = only(sorted.rows, {1, {inner.extent, 0}, columns.extent});
  ProductForm form{{{},
                    rows.extent,
                    inner.extent,
                    columns.extent,
                    {rows.src[0], inner.src[0], {}},
                    {inner.src[1], columns.src[1], {}},
                    {rows.dst, columns.dst, {}}},
                   0,
                   1,
                   0};
  for (const Loop& loop : sorted.batch) {
    form.matmul.batch.push_back(loop.extent);
    form.matmul.a.batch.push_back(loop.src[0]);
    form.matmul.b.batch.push_back(loop.src[1]);
    form.matmul.c.batch.push_back(loop.dst);
  }
  return form;
}

/// What the kernel "contract" takes by value.
struct ContractGeometry {
  std::int64_t count = 1, rounds = 1, steps = 1;
  int kept = 0, around = 0;
  std::int64_t kept_extent[kMostAxes] = {}, kept_stride[kMostSources][kMostAxes] = {};
  std::int64_t around_extent[kMostAxes] = {}, around_stride[kMostSources][kMostAxes] = {};
  std::int64_t step[kMostSources] = {};
};
struct Inputs {
  const void* src[kMostSources] = {};
};

/// The loops, the kept ones and the summed ones each joined where they can be.
struct ContractLoops {
  std::vector<Loop> kept, summed;

  explicit ContractLoops(const ContractionForm& form) {
    for (std::size_t i = 0; i < form.loops.size(); ++i) {
      if (form.loops[i].extent != 1) add_loop(i < form.kept ? kept : summed, form.loops[i]);
    }
  }
};

ContractGeometry geometry_of(const ContractLoops& loops) {
  ContractGeometry g;
  const auto place = [](const Loop& loop, std::size_t at, std::int64_t* extent, std::int64_t(*stride)[kMostAxes]) {
    extent[at] = loop.extent;
    for (std::size_t k = 0; k < loop.src.size(); ++k) stride[k][at] = loop.src[k];
  };
  for (const Loop& loop : loops.kept) {
    g.count *= loop.extent;
    place(loop, static_cast<std::size_t>(g.kept++), g.kept_extent, g.kept_stride);
  }
  for (std::size_t i = 0; i + 1 < loops.summed.size(); ++i) {
    g.rounds *= loops.summed[i].extent;
    place(loops.summed[i], static_cast<std::size_t>(g.around++), g.around_extent, g.around_stride);
  }
  if (!loops.summed.empty()) {
    g.steps = loops.summed.back().extent;
    std::copy(loops.summed.back().src.begin(), loops.summed.back().src.end(), g.step);
  }
  return g;
}

Conditions contraction_conditions(const OpCall& call) {
  Conditions conditions = floating_conditions(call);
  conditions.require(call.inputs.size() <= kMostSources, "there are {} inputs, more than {}", call.inputs.size(),
                     kMostSources);
  return conditions;
}

ContractionForm form_of(const OpCall& call) {
  return std::get<ContractionForm>(call.node.op->reference(call).form->what);
}

Offer offer_by_blas(const StepRequest& request) {
  const Conditions conditions = contraction_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  const auto product = product_form(form_of(request.call));
  if (!product) return "it is no matrix product";
  return blas_product_plan(request, *product);
}

Offer offer(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = contraction_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const ContractionForm contraction = form_of(call);
  if (const auto product = product_form(contraction)) return tiled_product_plan(request, *product);
  const ContractLoops loops(contraction);
  conditions.require(std::max(loops.kept.size(), loops.summed.size()) <= kMostAxes,
                     "{} axes are kept and {} summed, more than {}", loops.kept.size(), loops.summed.size(), kMostAxes);
  if (conditions.refuse()) return conditions.reason();
  constexpr unsigned threads = 256;
  const GpuFunction kernel = GpuFunction::get(device_of(request.memory),
                                              typed_text({{"T", type_name(call.dtype_out())}}, "contract",
                                                         {{"AXES", std::to_string(kMostAxes)},
                                                          {"SOURCES", std::to_string(kMostSources)},
                                                          {"COUNT", std::to_string(call.inputs.size())}}),
                                              "contract");
  StepPlan plan;
  plan.kernel.run = [kernel, g = geometry_of(loops)](const Operands& at) {
    Inputs inputs;
    std::copy(at.src.begin(), at.src.end(), inputs.src);
    launch(kernel, at.stream, grid_size(g.count, threads), threads, g, at.dst[0], inputs);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> contraction_implementations() {
  const std::vector<std::string> ops = {"_npi_einsum", "_npi_tensordot", "_npi_tensordot_int_axes", "khatri_rao"};
  return {{"cublas:contraction", ops, offer_by_blas}, {"cuda:contraction", ops, offer}};
}

}  // namespace tenon::cuda
