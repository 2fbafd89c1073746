#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <tenon/executor.h>

#include "engine/device_memory.h"
#include "engine/memory_format.h"
#include "engine/parameters.h"
#include "graph/op.h"
#include "passes/pipeline.h"

namespace tenon {

class Selector;
class Tuner;
struct Backend;
struct Program;
struct ProgramRecord;

/// What a step is asked to do: one operator, every type known, its operands lying as they do.
struct StepRequest {
  const OpCall& call;
  std::vector<MemoryFormat> src;        ///< the format each input is in
  std::vector<const Tensor*> constant;  ///< for each input that is a parameter, its value; null for the others
  std::vector<bool> read;               ///< for each output, whether anybody wants it
  ParameterStore& parameters;
  DeviceMemory& memory = *host_memory();
  const Backend* backend = nullptr;     ///< whose list is asked; for what compiles a body
  Tuner* tuner = nullptr;               ///< for what compiles a body; null: nothing is measured
  const PassOptions* passes = nullptr;  ///< for what compiles a body: what the user asked, beside the precision
  const Origins* origins = nullptr;  ///< for what compiles a body: the model's nodes that a node computes; null: itself
  const ProgramRecord* record = nullptr;  ///< for what compiles a body: how it was compiled before
  const std::string* variant = nullptr;   ///< which kernel was taken before, by its name; null: one is to be chosen
  bool rarely_best = false;               ///< to accept against a rule of thumb, too: it will be measured
};

/// Where in output 0 an input may lie already.
struct Part {
  int input;
  std::size_t offset;  ///< in bytes, a multiple of 64
};

/// Where in input 0 an output may lie already.
struct Piece {
  int output;
  std::size_t offset;  ///< in bytes, a multiple of 64
};

/// A step made ready. Empty lists mean: all row-major, nothing packed, nothing in place.
struct StepPlan {
  Kernel kernel;
  std::vector<MemoryFormat> src, dst;                 ///< the format it reads each input in and writes each output in
  std::vector<std::shared_ptr<const Tensor>> packed;  ///< copies of parameters that the kernel holds
  std::vector<int> absorbed;                          ///< inputs that run() does not read: constants that were packed
  std::vector<int> in_place;                          ///< inputs whose memory output 0 may take over
  std::vector<Part> parts;                            ///< inputs that may be written there; run() then leaves them
  std::vector<Piece> pieces;                          ///< outputs that may lie in input 0; run() then leaves them
  std::optional<int> view_of;                         ///< output 0 is this input as it lies; the kernel is empty
  std::shared_ptr<const Program> body;                ///< of an engine node: what the kernel runs, for reports
  std::string variant;                                ///< which of an implementation's kernels, for reports
  std::optional<double> operations;                   ///< that the kernel does, where not the formula's, for reports
};

/// A plan, or the reason why there is none.
using Offer = std::variant<StepPlan, std::string>;

/// One way to run some operators.
struct Implementation {
  std::string name;              ///< printable, one word: "onednn:conv"
  std::vector<std::string> ops;  ///< canonical names; empty: any operator
  std::function<Offer(const StepRequest& request)> offer;
};

/// A column of conditions of which the first that does not hold is the reason to refuse:
///
///     Conditions conditions;
///     conditions.require(dtype == DType::float32, "the data is {}, not float32", name(dtype));
///     if (conditions.refuse()) return conditions.reason();
class Conditions {
 public:
  template <class... Args>
  void require(bool holds, fmt::format_string<Args...> format, Args&&... args) {
    if (!holds && reason_.empty()) reason_ = fmt::format(format, std::forward<Args>(args)...);
  }
  bool refuse() const { return !reason_.empty(); }
  const std::string& reason() const { return reason_; }

 private:
  std::string reason_;
};

/// A list of implementations, best first, and the way between formats.
struct Backend {
  std::string name;
  std::vector<Implementation> implementations;
  /// A kernel that copies its input in one format to its output in another; empty where all is row-major.
  std::function<Kernel(const TensorType& type, MemoryFormat from, MemoryFormat to)> reorder;
  std::string reorder_name;
  /// What becomes engine nodes, which one of the implementations takes; none: every node is a step of its own.
  std::shared_ptr<const Selector> selector = nullptr;
  /// Of what runs the bodies of engine nodes: how they are lowered to primitives.
  PassOptions passes = {};
  /// Joins what its kernels do at once, after the passes.
  std::function<void(Body&)> fuse;
  /// The operators that it joins to, beside the primitives. They live as long as the process.
  std::vector<const Op*> fused_ops = {};
  std::shared_ptr<DeviceMemory> memory = host_memory();  ///< where its kernels read and write
  /// Whether operators may take a batch in portions (engine/portions.h), which one of the implementations runs.
  bool portions = false;
  /// What its kernels' times depend on beside the processor: versions of libraries, sets of instructions.
  std::string identity = {};
};

}  // namespace tenon
