#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <tenon/device.h>
#include <tenon/model.h>

namespace tenon {

struct EngineState;  // internal: src/runtime/engine_state.h

/// How far an engine is built.
struct BuildProgress {
  int done, total;   ///< steps whose implementation is decided; of those that are known to come
  std::string node;  ///< the last one
};

/// Sizes of a batch, both included.
struct BatchRange {
  std::int64_t first = 1, last = 1;
};

/// How a Model is bound.
struct BindOptions {
  /// Shapes of the inputs; the rest is inferred.
  std::map<std::string, Shape> shapes;
  /// Element types of inputs; float32 where absent and not inferable.
  std::map<std::string, DType> types;
  /// Every batch size that the engine serves: the first axis of the first input, and of those inputs whose first axis
  /// is as long. Session::reshape() then takes any of them without compiling. None: the one of `shapes`.
  std::optional<BatchRange> batches = {};
  Device device;
  /// "plain": the best library call per operator; "cpu": subgraphs compiled for the processor; "reference": the naive
  /// loops; a path with a slash: a guest (<tenon/backend.h>).
  std::string backend = "plain";
  /// How subgraphs multiply: "fp32", "tf32", "bf16", "fp16", as far as the backend can. Sums are in float32.
  std::string precision = "fp32";
  /// What subgraphs compiled for the processor spare: "speed", time; "memory", packed weights that take more than the
  /// original ones.
  std::string optimize = "speed";
  /// Nodes of the model that multiply in float32 whatever the precision.
  std::set<std::string> keep_fp32 = {};
  /// What becomes subgraphs where the backend has them: "" is the backend's own choice, "tenon" Tenon's,
  /// "mxnet-tensorrt" exactly what MXNet's TensorRT integration took.
  std::string selector = {};
  /// Subgraphs of fewer operators run plain; 0 leaves it to the selector.
  int min_subgraph = 0;
  /// Passes over subgraphs that are left out, by name.
  std::set<std::string> disabled_passes = {};
  /// The folder for the graph of each subgraph after each pass, SUBGRAPH/NNN_pass.txt; empty: nowhere.
  std::string dump_passes = {};
  /// Threads a forward may use; 0 takes every core the process may run on.
  int threads = 0;
  /// How subgraphs compiled for the processor choose between implementations: "off" takes the first that accepts,
  /// "fast" and "full" time them on the real shapes and keep the result for later builds in the user's cache folder.
  std::string tune = "off";
  /// Hears of every decided step; false stops the timing, the steps left take the first; what it throws ends the build.
  std::function<bool(const BuildProgress&)> progress = {};
};

/// One step of a program, for people: `tenon explain`.
struct StepInfo {
  std::string node;
  std::string op;
  std::string implementation;
  /// Who was asked before and why they declined: "onednn:conv: the data is float64, not float32".
  std::vector<std::string> refusals;
  /// The engine node that it is a part of; empty outside of all.
  std::string engine;
  /// The nodes of the model that it computes; none for a change of layout.
  std::vector<std::string> covers;
  std::vector<TensorType> inputs, outputs;
  /// Arithmetic operations of the formula (a multiply-add is two), and bytes that must move at least.
  double operations = 0, bytes = 0;
  /// Operations that the implementation does: fewer than the formula's where it multiplies less (Winograd).
  double done_operations = 0;
  /// How often it runs in a forward: once for each portion of the batch, where the batch is taken in portions. The
  /// figures above and the types are those of one portion.
  int portions = 1;
};

/// A node that no engine node took, and why.
struct RefusedNode {
  std::string node;
  std::string op;
  std::string rule;  ///< a short key, the same for every node it refuses
  std::string reason;
};

/// A Model compiled for shapes and a device. Immutable and cheap to copy; any number of threads may use one, and all
/// Sessions share its packed parameters.
class Engine {
 public:
  /// Throws Error, naming the node, when shapes contradict, cannot be inferred, or an operator cannot run on the
  /// device.
  static Engine build(const Model& model, const BindOptions& options);

  /// Writes a plan file: everything but the input, so that load() makes the same engine again, with the same bits in
  /// every result, without choosing, compiling and packing anything. Written atomically. Throws Error: io, unsupported
  /// for a device or backend whose engines cannot be saved.
  void save(const std::string& path) const;
  /// Maps a plan file and uses the packed parameters in it where they lie: the file must stay as it is while the engine
  /// or a Session of it lives (replacing it by another is harmless). The number of threads is the one that it was built
  /// for. A plan of a GPU is copied to its memory, and holds machine code: load only those that you would run. Throws
  /// Error: unsupported, with both in the sentence, where the plan was built for another processor or by another
  /// version of Tenon or of a library; corrupt for a damaged file; not_found; io.
  static Engine load(const std::string& path);

  /// As it was built; of a plan, as it was built then. `threads` is the number of them, never 0.
  const BindOptions& options() const;

  /// Names and types of what a forward reads and of what it gives, in MXNet's order.
  std::vector<std::string> inputs() const;
  std::vector<std::string> outputs() const;
  const TensorType& type(const std::string& name) const;

  /// The steps in order of execution, those inside engine nodes included.
  std::vector<StepInfo> steps() const;
  /// What a backend with engine nodes left to plain steps; empty for the others.
  std::vector<RefusedNode> refused() const;
  /// Bytes of the planned activations and workspaces at their peak, which each Session has of its own, and of
  /// parameters kept (packed copies included), which all share.
  std::size_t activation_bytes() const;
  std::size_t parameter_bytes() const;

 private:
  friend class Session;
  explicit Engine(std::shared_ptr<const EngineState> state) : state_(std::move(state)) {}
  std::shared_ptr<const EngineState> state_;
};

}  // namespace tenon
