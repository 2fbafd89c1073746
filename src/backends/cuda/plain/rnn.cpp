// The fused recurrent operator: layer by layer and direction by direction, the inputs' products of all steps in one
// kernel, then the steps one after another.

#include <optional>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/rnn.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;  // what the kernels' shared memory is made for

/// What the kernels take by value.
struct ProjectGeometry {
  std::int64_t samples, inner, rows;
};
struct StepGeometry {
  std::int64_t steps, batch, hidden, recurrent;
  std::int64_t step, output_stride, output_offset;
  int backwards, projected;
};

/// `next` from x and gate (their sums, Wx x + bx and Wh h + bh), h and c: ops/rnn.cpp.
const char* update_of(RnnCell cell) {
  switch (cell) {
    case RnnCell::relu:  // through float, in float64 too, as MXNet's
      return "next = x[0] + gate[0] > 0 ? A(static_cast<float>(x[0] + gate[0])) : A(0);";
    case RnnCell::tanh:
      return "next = tanh(x[0] + gate[0]);";
    case RnnCell::lstm:
      return "c[at] = sigmoid(x[1] + gate[1]) * c[at] + sigmoid(x[0] + gate[0]) * tanh(x[2] + gate[2]);\n"
             "    next = sigmoid(x[3] + gate[3]) * tanh(c[at]);";
    case RnnCell::gru:
      break;
  }
  return "const A n_gate = tanh(x[2] + sigmoid(x[0] + gate[0]) * gate[2]), z = sigmoid(x[1] + gate[1]);\n"
         "    next = (1 - z) * n_gate + z * h[at];";
}

/// Where a stream's scratch lies in the workspace, in bytes.
struct Places {
  std::size_t gx, h[2], c, unprojected, between[2], total;

  Places(const RnnLayout& layout, std::int64_t steps, std::int64_t batch, std::size_t wide, std::size_t narrow) {
    std::size_t bytes = 0;
    const auto take = [&bytes](std::int64_t count, std::size_t each) {
      const std::size_t at = bytes;
      bytes += (static_cast<std::size_t>(count) * each + 63) / 64 * 64;
      return at;
    };
    gx = take(steps * batch * layout.gates * layout.hidden, wide);
    for (std::size_t& place : h) place = take(batch * layout.recurrent, wide);
    c = take(batch * layout.hidden, wide);
    unprojected = take(layout.projected ? batch * layout.hidden : 0, wide);
    for (std::size_t& place : between) {
      place = take(layout.layers > 1 ? steps * batch * layout.directions * layout.recurrent : 0, narrow);
    }
    total = bytes;
  }
};

class Recurrence {
 public:
  Recurrence(const GpuDevice& device, const OpCall& call)
      : layout_(call.attributes()),
        steps_(call.shape_in(0)[0]),
        batch_(call.shape_in(0)[1]),
        input_(call.shape_in(0)[2]),
        narrow_(size_of(call.dtype_in(0))),
        places_(layout_, steps_, batch_, call.dtype_in(0) == DType::float64 ? 8 : 4, narrow_) {
    std::int64_t size = 0;
    offsets_ = rnn_blob_offsets(layout_, input_, size);
    if (call.attributes().flag("use_sequence_length")) lengths_ = layout_.cell == RnnCell::lstm ? 4 : 3;
    const Words types = {{"T", type_name(call.dtype_in(0))},
                         {"L", type_name(call.dtype_in(lengths_ ? static_cast<int>(*lengths_) : 0))}};
    const std::string text =
        typed_text(types, "rnn", {{"GATES", std::to_string(layout_.gates)}, {"UPDATE", update_of(layout_.cell)}});
    const auto kernel = [&](const char* name) { return GpuFunction::get(device, text, name); };
    project_ = kernel("rnn_project");
    step_ = kernel("rnn_step");
    project_state_ = kernel("rnn_project_state");
    widen_ = kernel("rnn_widen");
    narrow_state_ = kernel("rnn_narrow");
  }

  std::size_t workspace_bytes() const { return places_.total; }

  void operator()(const Operands& at) const {
    const void* src = at.src[0];
    for (std::int64_t layer = 0; layer < layout_.layers; ++layer) {
      void* dst = layer + 1 == layout_.layers ? at.dst[0] : at.workspace + places_.between[layer % 2];
      for (std::int64_t direction = 0; direction < layout_.directions; ++direction) {
        run_layer(at, layer, direction, src, dst);
      }
      src = dst;
    }
  }

 private:
  const std::byte* parameters(const Operands& at, std::int64_t offset) const {
    return static_cast<const std::byte*>(at.src[1]) + static_cast<std::size_t>(offset) * narrow_;
  }

  void run_layer(const Operands& at, std::int64_t layer, std::int64_t direction, const void* src, void* dst) const {
    const std::int64_t state = layer * layout_.directions + direction, rows = layout_.gates * layout_.hidden;
    const RnnOffsets& offset = offsets_[static_cast<std::size_t>(state)];
    const ProjectGeometry all{steps_ * batch_, layout_.input(layer, input_), rows};
    void* gx = at.workspace + places_.gx;
    void* c = at.workspace + places_.c;
    launch(project_, at.stream, grid_size((all.samples + 15) / 16 * ((rows + 15) / 16), 1), kThreads, all, gx, src,
           static_cast<const void*>(parameters(at, offset.wx)), static_cast<const void*>(parameters(at, offset.bx)));
    load_state(at, 2, state, layout_.recurrent, at.workspace + places_.h[0]);
    if (layout_.cell == RnnCell::lstm) load_state(at, 3, state, layout_.hidden, c);
    for (std::int64_t step = 0; step < steps_; ++step) {
      run_step(at,
               {steps_, batch_, layout_.hidden, layout_.recurrent, step, layout_.directions * layout_.recurrent,
                direction * layout_.recurrent, direction == 1 ? 1 : 0, layout_.projected ? 1 : 0},
               offset, dst);
    }
    store_state(at, 1, state, layout_.recurrent, at.workspace + places_.h[steps_ % 2]);
    store_state(at, 2, state, layout_.hidden, c);
  }

  void run_step(const Operands& at, const StepGeometry& g, const RnnOffsets& offset, void* dst) const {
    void* h = at.workspace + places_.h[g.step % 2];
    void* next = at.workspace + places_.h[(g.step + 1) % 2];
    void* unprojected = at.workspace + places_.unprojected;
    const void* lengths = lengths_ ? at.src[*lengths_] : nullptr;
    launch(step_, at.stream, grid_size(batch_ * ((layout_.hidden + 7) / 8), 1), kThreads, g, dst,
           layout_.projected ? unprojected : next, static_cast<const void*>(h),
           static_cast<void*>(at.workspace + places_.c), static_cast<const void*>(at.workspace + places_.gx),
           static_cast<const void*>(parameters(at, offset.wh)), static_cast<const void*>(parameters(at, offset.bh)),
           lengths);
    if (!layout_.projected) return;
    launch(project_state_, at.stream, grid_size(batch_ * ((layout_.recurrent + 7) / 8), 1), kThreads, g, dst, next,
           static_cast<const void*>(h), static_cast<const void*>(unprojected),
           static_cast<const void*>(parameters(at, offset.whr)), lengths);
  }

  void load_state(const Operands& at, std::size_t input, std::int64_t state, std::int64_t size, void* dst) const {
    const std::int64_t count = batch_ * size;
    const auto* src = static_cast<const std::byte*>(at.src[input]) + static_cast<std::size_t>(state * count) * narrow_;
    launch(widen_, at.stream, grid_size(count, kThreads), kThreads, count, dst, static_cast<const void*>(src));
  }

  void store_state(const Operands& at, std::size_t output, std::int64_t state, std::int64_t size,
                   const void* src) const {
    if (at.dst.size() <= output || at.dst[output] == nullptr) return;
    const std::int64_t count = batch_ * size;
    auto* dst = static_cast<std::byte*>(at.dst[output]) + static_cast<std::size_t>(state * count) * narrow_;
    launch(narrow_state_, at.stream, grid_size(count, kThreads), kThreads, count, static_cast<void*>(dst), src);
  }

  RnnLayout layout_;
  std::int64_t steps_, batch_, input_;
  std::size_t narrow_;  ///< bytes of an element
  Places places_;
  std::vector<RnnOffsets> offsets_;
  std::optional<std::size_t> lengths_;  ///< the input of the sequences' lengths
  GpuFunction project_, step_, project_state_, widen_, narrow_state_;
};

Offer offer(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = floating_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const Recurrence recurrence(device_of(request.memory), call);
  StepPlan plan;
  plan.kernel = {recurrence, recurrence.workspace_bytes()};
  return plan;
}

}  // namespace

std::vector<Implementation> rnn_implementations() {
  return {{"cuda:rnn", {"RNN"}, offer}};
}

}  // namespace tenon::cuda
