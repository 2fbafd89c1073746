#include "backends/cpu/onednn.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include <fmt/ranges.h>

#include "core/hash.h"
#include "core/pages.h"

namespace tenon::onednn {
namespace {

using Tag = dnnl::memory::format_tag;

Description described(const Shape& shape, Tag tag) {
  return {{shape.begin(), shape.end()}, dnnl::memory::data_type::f32, tag};
}

/// Of three to five axes.
Tag blocked_tag(int rank, MemoryFormat format) {
  constexpr Tag blocked8[] = {Tag::nCw8c, Tag::nChw8c, Tag::nCdhw8c};
  constexpr Tag blocked16[] = {Tag::nCw16c, Tag::nChw16c, Tag::nCdhw16c};
  return (format.block == 8 ? blocked8 : blocked16)[rank - 3];
}

/// Words that tell one description from another.
std::string key_of(const Description& description) {
#if DNNL_VERSION_MAJOR < 3
  const Hash hash = hash_of(&description.data, sizeof(description.data));
  return fmt::format("{:016x}{:016x}", hash.high, hash.low);
#else
  std::string key;
  for (const auto& numbers : {description.get_dims(), description.get_padded_dims(), description.get_strides(),
                              description.get_inner_blks(), description.get_inner_idxs()}) {
    key += fmt::format("({})", fmt::join(numbers, ","));
  }
  return key;
#endif
}

void reorder_once(const Tensor& source, Tensor& packed, const Description& from, const Description& to) {
  dnnl::memory src(from, engine(), const_cast<void*>(source.data()));
  dnnl::memory dst(to, engine(), packed.mutable_data());
  dnnl::stream stream(engine());
  dnnl::reorder(src, dst).execute(stream, src, dst);
  stream.wait();
}

/// A large row-major weight goes in pieces, each of which leaves the resident set once it is copied: the first dense
/// layer of VGG holds 411 MB.
void reorder_in_pieces(const Tensor& source, Tensor& packed, const Description& from, const Description& to) {
  constexpr std::size_t kPiece = std::size_t{16} << 20;
  constexpr std::int64_t kBlock = 64;  // the most rows that a layout of the library joins
  if (source.bytes() <= kPiece || from != describe(source.shape())) return reorder_once(source, packed, from, to);
  const Shape& shape = source.shape();
  const std::size_t row_bytes = source.bytes() / static_cast<std::size_t>(shape[0]);
  const auto blocks = static_cast<std::int64_t>(kPiece / (row_bytes * kBlock));
  const std::int64_t step = kBlock * std::max<std::int64_t>(blocks, 1);
  for (std::int64_t first = 0; first < shape[0]; first += step) {
    dnnl::memory::dims rows(shape.begin(), shape.end()), offsets(rows.size(), 0);
    rows[0] = std::min(step, shape[0] - first);
    offsets[0] = first;
    reorder_once(source, packed, from.submemory_desc(rows, offsets), to.submemory_desc(rows, offsets));
    release_file_pages(static_cast<const std::byte*>(source.data()) + static_cast<std::size_t>(first) * row_bytes,
                       static_cast<std::size_t>(rows[0]) * row_bytes);
  }
}

/// A primitive with its memory objects, which are told an operand's address when it changes. Used by one thread at a
/// time.
class Call {
 public:
  Call(dnnl::primitive primitive, const Description& scratchpad, std::vector<Argument> arguments)
      : primitive_(std::move(primitive)), stream_(engine()), arguments_(std::move(arguments)) {
    for (const Argument& argument : arguments_) {
      void* address = argument.kept ? const_cast<void*>(argument.kept->data()) : nullptr;
      add(argument.id, argument.description, address);
    }
    add(DNNL_ARG_SCRATCHPAD, scratchpad, nullptr);
  }

  void run(const Operands& operands) {
    for (std::size_t i = 0; i < arguments_.size(); ++i) {
      const auto index = static_cast<std::size_t>(arguments_[i].index);
      if (arguments_[i].from == Argument::From::src) set(i, const_cast<void*>(operands.src[index]));
      if (arguments_[i].from == Argument::From::dst) set(i, operands.dst[index]);
    }
    set(arguments_.size(), operands.workspace);
    dnnl::error::wrap_c_api(
        dnnl_primitive_execute(primitive_.get(), stream_.get(), static_cast<int>(passed_.size()), passed_.data()),
        "could not execute a primitive");
  }

 private:
  void add(int id, const Description& description, void* address) {
    memories_.emplace_back(description, engine(), address);
    addresses_.push_back(address);
    passed_.push_back({id, memories_.back().get()});
  }

  void set(std::size_t i, void* address) {
    if (addresses_[i] == address) return;
    memories_[i].set_data_handle(address);
    addresses_[i] = address;
  }

  dnnl::primitive primitive_;
  dnnl::stream stream_;
  std::vector<Argument> arguments_;
  std::vector<dnnl::memory> memories_;
  std::vector<void*> addresses_;
  std::vector<dnnl_exec_arg_t> passed_;
};

/// Calls of one primitive, as many as there were runs of it at one time. A run takes one that waits, which costs an
/// exchange, and makes one where none does.
class Calls {
 public:
  explicit Calls(std::function<std::unique_ptr<Call>()> make) : make_(std::move(make)) { put_back(make_()); }
  ~Calls() {
    for (std::atomic<Call*>& slot : waiting_) delete slot.load();
  }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  void run(const Operands& operands) {
    std::unique_ptr<Call> call = take();
    if (!call) call = make_();
    call->run(operands);
    put_back(std::move(call));
  }

 private:
  std::unique_ptr<Call> take() {
    for (std::atomic<Call*>& slot : waiting_) {
      if (Call* call = slot.exchange(nullptr)) return std::unique_ptr<Call>(call);
    }
    return nullptr;
  }

  void put_back(std::unique_ptr<Call> call) {
    for (std::atomic<Call*>& slot : waiting_) {
      Call* empty = nullptr;
      if (!slot.compare_exchange_strong(empty, call.get())) continue;
      static_cast<void>(call.release());  // the slot owns it now
      return;
    }
  }

  std::function<std::unique_ptr<Call>()> make_;
  std::array<std::atomic<Call*>, 16> waiting_{};
};

}  // namespace

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

dnnl::eltwise_forward::primitive_desc describe_eltwise(dnnl::algorithm algorithm, const Description& data,
                                                       float alpha) {
  constexpr auto inference = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR < 3
  return describe_primitive<dnnl::eltwise_forward>(inference, algorithm, data, alpha, 0.0f);
#else
  return describe_primitive<dnnl::eltwise_forward>(inference, algorithm, data, data, alpha, 0.0f);
#endif
}

dnnl::lrn_forward::primitive_desc describe_lrn(const Description& data, std::int64_t size, float alpha, float beta,
                                               float k) {
  constexpr auto inference = dnnl::prop_kind::forward_inference;
  constexpr auto across = dnnl::algorithm::lrn_across_channels;
#if DNNL_VERSION_MAJOR < 3
  return describe_primitive<dnnl::lrn_forward>(inference, across, data, size, alpha, beta, k);
#else
  return describe_primitive<dnnl::lrn_forward>(inference, across, data, data, size, alpha, beta, k);
#endif
}

Description describe(const Shape& shape, MemoryFormat format) {
  if (!format.row_major()) return described(shape, blocked_tag(shape.rank(), format));
  std::vector<std::int64_t> strides;
  for (int axis = 0; axis < shape.rank(); ++axis) strides.push_back(shape.elements(axis + 1, shape.rank()));
  return strided(shape, strides);
}

Description any_layout(const Shape& shape) {
  return described(shape, Tag::any);
}

Description strided(const Shape& shape, const std::vector<std::int64_t>& strides) {
  return {{shape.begin(), shape.end()}, dnnl::memory::data_type::f32, strides};
}

std::optional<MemoryFormat> format_of(const Description& description, const Shape& shape) {
  if (description == describe(shape)) return MemoryFormat{};
  if (shape.rank() < 3) return {};
  for (const MemoryFormat format : {MemoryFormat{8}, MemoryFormat{16}}) {
    if (description == describe(shape, format)) return format;
  }
  return {};
}

Kernel kernel_of(const dnnl::primitive& primitive, const Description& scratchpad, std::vector<Argument> arguments) {
  const auto calls = std::make_shared<Calls>([primitive, scratchpad, arguments = std::move(arguments)] {
    return std::make_unique<Call>(primitive, scratchpad, arguments);
  });
  return {[calls](const Operands& operands) { calls->run(operands); }, scratchpad.get_size()};
}

std::shared_ptr<const Tensor> pack(const StepRequest& request, int input, const Description& from,
                                   const Description& to) {
  const Tensor& source = *request.constant[static_cast<std::size_t>(input)];
  if (from == to) return std::make_shared<const Tensor>(source);
  const TensorType type{Shape{static_cast<std::int64_t>(to.get_size() / sizeof(float))}, DType::float32};
  return request.parameters.derive(source, "onednn " + key_of(from) + " to " + key_of(to), type,
                                   [&](Tensor& packed) { reorder_in_pieces(source, packed, from, to); });
}

Kernel reorder(const TensorType& type, MemoryFormat from, MemoryFormat to) {
  const Description src = describe(type.shape, from), dst = describe(type.shape, to);
  const dnnl::reorder::primitive_desc desc(engine(), src, engine(), dst, attributes());
  return kernel_of(dnnl::reorder(desc), desc.scratchpad_desc(),
                   {{DNNL_ARG_FROM, src, Argument::From::src, 0}, {DNNL_ARG_TO, dst, Argument::From::dst, 0}});
}

}  // namespace tenon::onednn
