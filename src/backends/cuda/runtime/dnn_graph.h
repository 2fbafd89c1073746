#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backends/cuda/runtime/dnn.h"

namespace tenon::cuda {

/// A tensor of a graph.
struct DnnTensor {
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  std::vector<std::int64_t> dims;  ///< (N, C, spatial…); of weights (K, C of a group, kernel…)
  bool is_virtual = false;         ///< handed on within the graph only
};

/// A function of each element; tensors go by their number.
struct DnnPointwise {
  cudnnPointwiseMode_t mode = CUDNN_POINTWISE_IDENTITY;
  int x = 0, b = -1, y = 0;               ///< no b: of x alone
  std::optional<double> upper_clip = {};  ///< of a rectifier
};

/// A convolution and what is done to its results, as cuDNN's graph API describes it. Groups follow from the channels.
struct DnnGraph {
  std::vector<DnnTensor> tensors;
  int src = 0, weight = 1, dst = 2;
  bool transposed = false;  ///< from the results of a convolution to its data
  std::vector<std::int64_t> stride, dilate, pad_begin, pad_end;
  std::vector<DnnPointwise> pointwise;
  bool channels_last = true;  ///< else all tensors lie row-major
  bool float32 = false;       ///< products of whole float32 numbers: no tensor cores
};
/// What the graph is, on one line.
std::string to_text(const DnnGraph& graph);

/// One of cuDNN's engines made ready for a graph. Any number of threads may run it.
class DnnPlan {
 public:
  /// Of each tensor its address; those of virtual ones are not looked at. cuDNN allocates host memory for the
  /// addresses, so this is for recording and measuring, not for every forward.
  void run(const GpuDevice& device, void* stream, std::span<void* const> tensors, void* workspace) const;
  std::size_t workspace_bytes() const { return workspace_bytes_; }

 private:
  friend class DnnEngines;
  std::shared_ptr<void> plan_;
  std::vector<std::int64_t> real_;  // tensors that are not virtual
  std::size_t workspace_bytes_ = 0;
};

/// cuDNN's engines for a graph, in the order of its heuristics, but for those that would not give the same bits each
/// time or that round more than the graph allows. Any number of threads may use it.
class DnnEngines {
 public:
  /// Those of the same graph and device once a process, while somebody holds them: layers are often alike. Throws
  /// Error(internal) with the reason where there is none.
  static std::shared_ptr<DnnEngines> get(GpuDevice& device, const DnnGraph& graph);

  std::size_t count() const { return configurations_.size(); }
  /// Makes the one of this rank ready and runs it once on memory of its own. Empty where it needs too much memory or
  /// fails; `why` says which.
  std::optional<DnnPlan> plan(std::size_t rank, std::string& why);

 private:
  DnnEngines(GpuDevice& device, DnnGraph graph);
  DnnPlan make_plan(std::size_t rank) const;
  /// What an engine loads at its first run must not be loaded while work is recorded.
  void run_once(const DnnPlan& plan) const;

  GpuDevice& device_;
  DnnGraph graph_;
  std::vector<std::shared_ptr<void>> parts_;  // what the graph's description refers to
  std::vector<std::shared_ptr<void>> configurations_;
  std::mutex mutex_;
  std::map<std::size_t, DnnPlan> made_;  // by rank
};

}  // namespace tenon::cuda
