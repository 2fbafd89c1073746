#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <tenon/engine.h>

namespace tenon {

/// The buffers with which one thread at a time runs an Engine; Sessions of one Engine run in parallel threads, and what
/// one computes does not depend on the others. forward() allocates nothing and takes no lock; the same input gives the
/// same bits.
class Session {
 public:
  explicit Session(const Engine& engine);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  const Engine& engine() const;

  /// Names and types of what forward() reads and of what it gives, in MXNet's order.
  std::vector<std::string> inputs() const;
  std::vector<std::string> outputs() const;
  const TensorType& type(const std::string& name) const;

  /// Copies `value` into the input, converting the element type; the shape must be the bound one. Inputs start as
  /// zeros.
  void set_input(const std::string& name, const Tensor& value);
  /// Runs the program and waits for it.
  void forward();
  /// Queues a forward on the device and returns; on the CPU it is done by then. Inputs may be set and forwards queued
  /// at once: each works on what was set before it. What fails on the device is thrown by the call that waits.
  void forward_async();
  /// Returns when all that was queued is done. output() waits by itself.
  void wait();
  /// A view of the i-th output, overwritten by the next forward(); clone() it to keep it.
  const Tensor& output(int i) const;

  // For callers whose arrays lie in the memory of the device. The pointers are addresses there; a stream is a CUstream
  // (or cudaStream_t), null being CUDA's default stream. On the CPU the device's memory is the host's, and streams do
  // nothing.

  /// Reads the input where it lies from here on, without a copy: memory of the Session's device, on a 64-byte boundary,
  /// that holds the bound type and shape in row-major order. `owner` keeps it alive while the Session reads it; whoever
  /// writes it orders the writes and the forwards (wait_for()). Waits for queued forwards where they read other memory.
  /// set_input() goes back to memory of the Session's own.
  void share_input(const std::string& name, const void* data, std::shared_ptr<const void> owner = {});
  /// Where the device has the i-th output, row-major; the next forward overwrites it. Does not wait.
  const void* device_output(int i) const;
  /// The stream that forwards are queued on; null on the CPU. It lives as long as the Session.
  void* stream() const;
  /// Forwards queued from here on begin after what `stream` has queued by now. The host does not wait.
  void wait_for(void* stream);
  /// What is queued on `stream` from here on begins after the forwards queued by now. The host does not wait.
  void precede(void* stream);

  /// The same model and options with other input shapes; parameters are shared, not copied. A batch size that the
  /// engine was built for (BindOptions::batches) is there at once, another one is compiled; throws Error(unsupported)
  /// where it would have to be and the engine comes from a plan.
  Session reshape(const std::map<std::string, Shape>& shapes) const;

  /// Called during forward() after each node, with each visible output's name ("conv0_output") and value. A batch is
  /// then no longer taken in portions; outputs looked at before are gone.
  using Monitor = std::function<void(const std::string& name, const Tensor& value)>;
  void set_monitor(Monitor monitor);

  /// The steps in order of execution, those inside engine nodes included.
  std::vector<StepInfo> steps() const;
  /// Runs forward() once on the present inputs; milliseconds of each of steps(). A device repeats each step, so that
  /// outputs are then those of no forward.
  std::vector<double> time_steps();
  /// Milliseconds that the device takes for what `work` queues by this Session's calls, without the way there and back;
  /// waits for it. On the CPU the time that `work` takes.
  double time_on_device(const std::function<void()>& work);
  /// What a backend with engine nodes left to plain steps; empty for the others.
  std::vector<RefusedNode> refused() const;
  /// Bytes of the planned activations and workspaces at their peak, and of parameters kept (packed copies included).
  std::size_t activation_bytes() const;
  std::size_t parameter_bytes() const;

 private:
  struct State;
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tenon
