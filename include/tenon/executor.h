#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <tenon/device.h>
#include <tenon/model.h>

namespace tenon {

/// How a Model is bound.
struct BindOptions {
  /// Shapes of the inputs; the rest is inferred.
  std::map<std::string, Shape> shapes;
  /// Element types of inputs; float32 where absent and not inferable.
  std::map<std::string, DType> types;
  Device device;
  /// "plain": the best library call per operator; "cpu": subgraphs compiled for the processor; "reference": the naive
  /// loops; a path with a slash: a guest (<tenon/backend.h>).
  std::string backend = "plain";
  /// How subgraphs multiply: "fp32", "tf32", "bf16", "fp16", as far as the backend can. Sums are in float32.
  std::string precision = "fp32";
  /// Threads a forward may use; 0 takes every core the process may run on.
  int threads = 0;
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
};

/// A node that no engine node took, and why.
struct RefusedNode {
  std::string node;
  std::string op;
  std::string rule;  ///< a short key, the same for every node it refuses
  std::string reason;
};

/// A Model bound to shapes and a device. One thread uses an Executor at a time; Executors of one Model share its
/// parameters and run in parallel threads. forward() allocates nothing; the same input gives the same bits.
class Executor {
 public:
  /// Throws Error, naming the node, when shapes contradict, cannot be inferred, or an operator cannot run on the
  /// device.
  static Executor bind(const Model& model, const BindOptions& options);

  Executor(Executor&&) noexcept;
  Executor& operator=(Executor&&) noexcept;
  ~Executor();

  /// Names and types of what forward() reads and of what it gives, in MXNet's order.
  std::vector<std::string> inputs() const;
  std::vector<std::string> outputs() const;
  const TensorType& type(const std::string& name) const;

  /// Copies `value` into the input, converting the element type; the shape must be the bound one. Inputs start as
  /// zeros.
  void set_input(const std::string& name, const Tensor& value);
  /// Runs the program and waits for it.
  void forward();
  /// A view of the i-th output, overwritten by the next forward(); clone() it to keep it.
  const Tensor& output(int i) const;

  /// The same model and options with other input shapes; parameters are shared, not copied.
  Executor reshape(const std::map<std::string, Shape>& shapes) const;

  /// Called during forward() after each node, with each visible output's name ("conv0_output") and value. A batch is
  /// then no longer taken in portions; outputs looked at before are gone.
  using Monitor = std::function<void(const std::string& name, const Tensor& value)>;
  void set_monitor(Monitor monitor);

  /// The steps in order of execution, those inside engine nodes included.
  std::vector<StepInfo> steps() const;
  /// Runs forward() once on the present inputs; milliseconds of each of steps().
  std::vector<double> time_steps();
  /// What a backend with engine nodes left to plain steps; empty for the others.
  std::vector<RefusedNode> refused() const;
  /// Bytes of the planned activations and workspaces at their peak, and of parameters kept (packed copies included).
  std::size_t activation_bytes() const;
  std::size_t parameter_bytes() const;

 private:
  struct State;
  explicit Executor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tenon
