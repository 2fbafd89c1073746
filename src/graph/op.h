#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "graph/attributes.h"
#include "graph/inference.h"

namespace tenon {

struct Node;
struct KernelForm;

/// What a kernel works on: raw memory, because shapes and types were fixed when the kernel was made. dst[i] is null
/// where output i is hidden and nobody reads it. The workspace is 64-byte aligned. On a device the memory is the
/// device's, and run() queues its work on the stream (a CUstream on CUDA) and returns.
struct Operands {
  std::span<const void* const> src;
  std::span<void* const> dst;
  std::byte* workspace = nullptr;
  void* stream = nullptr;  ///< null on the host

  template <class T>
  const T* in(int i) const {
    return static_cast<const T*>(src[static_cast<std::size_t>(i)]);
  }
  template <class T>
  T* out(int i = 0) const {
    return static_cast<T*>(dst[static_cast<std::size_t>(i)]);
  }
};

/// An operator made ready for one node: everything that can be computed or allocated beforehand has been. run() neither
/// allocates nor locks.
struct Kernel {
  std::function<void(const Operands&)> run;
  std::size_t workspace_bytes = 0;
  /// What run() does, as data (ops/kernel_form.h); null where it is not said.
  std::shared_ptr<const KernelForm> form = nullptr;
};

/// One node with every shape and type known: what a kernel is made for.
struct OpCall {
  const Node& node;
  std::vector<TensorType> inputs;
  std::vector<TensorType> outputs;
  bool np_shape = false;

  const Attributes& attributes() const;
  const Shape& shape_in(int i) const { return inputs[static_cast<std::size_t>(i)].shape; }
  const Shape& shape_out(int i = 0) const { return outputs[static_cast<std::size_t>(i)].shape; }
  DType dtype_in(int i) const { return *inputs[static_cast<std::size_t>(i)].dtype; }
  DType dtype_out(int i = 0) const { return *outputs[static_cast<std::size_t>(i)].dtype; }

  /// Throws Error with "node 'conv0' (Convolution): " before the sentence.
  template <class... Args>
  [[noreturn]] void refuse(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) const {
    refuse_node(node, code, fmt::format(format, std::forward<Args>(args)...));
  }
};

/// Input or output names as a function of the attributes.
using Names = std::function<std::vector<std::string>(const Attributes&)>;
/// The same names whatever the attributes.
Names always(std::vector<std::string> names);
/// The names, without the last where the flag is set: `unless_last("no_bias", {"data", "weight", "bias"})`.
Names unless_last(std::string flag, std::vector<std::string> names);
/// arg0, arg1, …; as many as the integer attribute says.
Names counted(std::string attribute = "num_args", std::string stem = "arg");

/// An operator of MXNet, declared once, as data. The loader, the validator, both inferences, the documentation and the
/// executors read it; nothing else in Tenon knows one operator from another.
struct Op {
  std::string name;                                       ///< canonical, as in symbol files
  std::vector<std::string> aliases;                       ///< other names that resolve to it
  std::string doc;                                        ///< the formula, one or two lines
  Names inputs = always({"data"});                        ///< auxiliary states included
  std::vector<int> auxiliary;                             ///< positions among the inputs
  Names outputs = always({"output"});                     ///< hidden ones included
  std::function<int(const Attributes&)> visible_outputs;  ///< the first so many; empty: all
  std::vector<AttributeSpec> attributes;
  std::function<void(ShapeInference&)> infer_shape;
  std::function<void(TypeInference&)> infer_type = same_type;
  /// The naive implementation, which reads like the formula: the oracle of every backend. It is not tuned.
  std::function<Kernel(const OpCall&)> reference;

  bool is_auxiliary(int input) const;
  int visible(const Attributes& attributes) const;
};

/// The operators, by name and alias.
class OpRegistry {
 public:
  void add(Op op);
  /// Null for an unknown name.
  const Op* find(std::string_view name) const;
  /// Every operator once, by canonical name.
  std::vector<const Op*> all() const;

 private:
  std::map<std::string, std::shared_ptr<const Op>, std::less<>> by_name_;
};

}  // namespace tenon
