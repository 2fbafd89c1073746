// Operators on the matrices in a tensor's last two axes. Each is a kernel or two of the text "linalg".

#include <algorithm>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "backends/cuda/runtime/refusal.h"
#include "graph/graph.h"
#include "ops/linalg.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 128;

/// What the kernels take by value.
struct LinalgGeometry {
  std::int64_t batch = 0, rows = 0, columns = 0;
  std::int64_t b_rows = 0, b_columns = 0;
  int lower = 1, transpose = 0, rightside = 0;
  double alpha = 1;
};

LinalgGeometry geometry_of(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  const Shape& a = call.shape_in(0);
  const auto flag = [&](const char* name) { return attributes.all().contains(name) && attributes.flag(name) ? 1 : 0; };
  LinalgGeometry g{.batch = a.elements(0, a.rank() - 2), .rows = a[a.rank() - 2], .columns = a[a.rank() - 1]};
  g.lower = flag("lower");
  g.transpose = flag("transpose");
  g.rightside = flag("rightside");
  if (call.inputs.size() < 2) return g;
  const Shape& b = call.shape_in(1);
  g.b_rows = b[b.rank() - 2];
  g.b_columns = b[b.rank() - 1];
  g.alpha = attributes.real("alpha");
  return g;
}

GpuFunction kernel_of(const StepRequest& request, const char* name) {
  return GpuFunction::get(device_of(request.memory),
                          typed_text({{"T", type_name(request.call.dtype_in(0))}}, {"refusal", "linalg"},
                                     {{"THREADS", std::to_string(kThreads)}}),
                          name);
}

/// Blocks that make a matrix each, as many as a device runs at a time: each has a part of the workspace.
unsigned matrix_blocks(const LinalgGeometry& g) {
  constexpr std::int64_t kMost = 1024;
  return static_cast<unsigned>(std::min(g.batch, kMost));
}

std::size_t doubles(std::int64_t count) {
  return static_cast<std::size_t>(count) * sizeof(double);
}

/// The kernel `name` with a block a matrix, each with so many doubles of memory of its own.
struct MatrixKernel {
  LinalgGeometry g;
  unsigned blocks;
  GpuFunction kernel;
  std::size_t workspace_bytes;

  MatrixKernel(const StepRequest& request, const char* name, std::int64_t (*memory)(const LinalgGeometry&))
      : g(geometry_of(request.call)),
        blocks(matrix_blocks(g)),
        kernel(kernel_of(request, name)),
        workspace_bytes(doubles(blocks * memory(g))) {}

  /// Outputs and inputs stand between the geometry and the workspace.
  template <class... Pointers>
  void operator()(const Operands& at, Pointers... pointers) const {
    launch(kernel, at.stream, blocks, kThreads, g, pointers..., at.workspace);
  }
};

std::int64_t one_square(const LinalgGeometry& g) {
  return g.rows * g.rows;
}
std::int64_t two_squares(const LinalgGeometry& g) {
  return 2 * g.rows * g.rows;
}
std::int64_t reflectors(const LinalgGeometry& g) {
  return 2 * g.rows * g.columns + g.rows;
}

Offer offer_determinant(const StepRequest& request) {
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  const MatrixKernel kernel(request, "determinant", one_square);
  StepPlan plan;
  plan.kernel = {[kernel](const Operands& at) {
                   void* logarithms = at.dst.size() > 1 ? at.dst[1] : nullptr;
                   kernel(at, at.dst[0], logarithms, at.src[0]);
                 },
                 kernel.workspace_bytes};
  return plan;
}

Offer offer_potri(const StepRequest& request) {
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  const MatrixKernel kernel(request, "potri", two_squares);
  StepPlan plan;
  plan.kernel = {[kernel](const Operands& at) { kernel(at, at.dst[0], at.src[0]); }, kernel.workspace_bytes};
  return plan;
}

/// One output, and matrices that are refused.
Offer refusing_plan(const StepRequest& request, const char* name, std::int64_t (*memory)(const LinalgGeometry&),
                    KernelRefusals::Refuse refuse) {
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  const MatrixKernel kernel(request, name, memory);
  StepPlan plan;
  plan.kernel.workspace_bytes = kernel.workspace_bytes;
  plan.kernel.run = [kernel, refusals = std::make_shared<KernelRefusals>(std::move(refuse))](const Operands& at) {
    launch(kernel.kernel, at.stream, kernel.blocks, kThreads, kernel.g, at.dst[0], at.src[0], at.workspace,
           refusals->record(at.stream));
  };
  return plan;
}

Offer offer_potrf(const StepRequest& request) {
  return refusing_plan(request, "potrf", one_square, [refuse = DataRefusal(request.call)](const RefusalRecord& record) {
    refuse_indefinite(refuse, record.detail[0]);
  });
}
Offer offer_inverse(const StepRequest& request) {
  return refusing_plan(request, "inverse", two_squares,
                       [refuse = DataRefusal(request.call)](const RefusalRecord&) { refuse_singular(refuse); });
}

/// Two outputs.
Offer offer_factors(const StepRequest& request, const char* name, std::int64_t (*memory)(const LinalgGeometry&)) {
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  const MatrixKernel kernel(request, name, memory);
  StepPlan plan;
  plan.kernel = {[kernel](const Operands& at) { kernel(at, at.dst[0], at.dst[1], at.src[0]); }, kernel.workspace_bytes};
  return plan;
}

Offer offer_gelqf(const StepRequest& request) {
  return offer_factors(request, "gelqf", reflectors);
}
Offer offer_syevd(const StepRequest& request) {
  return offer_factors(request, "syevd", two_squares);
}

Offer offer_sumlogdiag(const StepRequest& request) {
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.kernel.run = [kernel = kernel_of(request, "sumlogdiag"), g = geometry_of(request.call)](const Operands& at) {
    launch(kernel, at.stream, grid_size(g.batch, kThreads), kThreads, g, at.dst[0], at.src[0]);
  };
  return plan;
}

Offer offer_trmm(const StepRequest& request) {
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.kernel.run = [kernel = kernel_of(request, "trmm"), g = geometry_of(request.call)](const Operands& at) {
    launch(kernel, at.stream, grid_size(g.batch * g.b_rows * g.b_columns, kThreads), kThreads, g, at.dst[0], at.src[0],
           at.src[1]);
  };
  return plan;
}

Offer offer_trsm(const StepRequest& request) {
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  const LinalgGeometry g = geometry_of(request.call);
  const std::int64_t elements = g.batch * g.b_rows * g.b_columns;
  StepPlan plan;
  plan.kernel.workspace_bytes = doubles(elements);
  plan.kernel.run = [g, blocks = grid_size(elements / g.rows, kThreads),
                     kernel = kernel_of(request, "trsm")](const Operands& at) {
    launch(kernel, at.stream, blocks, kThreads, g, at.dst[0], at.src[0], at.src[1], at.workspace);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> linalg_implementations() {
  return {{"cuda:linalg", {"_linalg_det", "_linalg_slogdet"}, offer_determinant},
          {"cuda:linalg", {"_linalg_potrf"}, offer_potrf},
          {"cuda:linalg", {"_linalg_inverse"}, offer_inverse},
          {"cuda:linalg", {"_linalg_potri"}, offer_potri},
          {"cuda:linalg", {"_linalg_gelqf"}, offer_gelqf},
          {"cuda:linalg", {"_linalg_syevd"}, offer_syevd},
          {"cuda:linalg", {"_linalg_sumlogdiag"}, offer_sumlogdiag},
          {"cuda:linalg", {"_linalg_trmm"}, offer_trmm},
          {"cuda:linalg", {"_linalg_trsm"}, offer_trsm}};
}

}  // namespace tenon::cuda
