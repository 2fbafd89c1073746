#pragma once

#include <string>
#include <variant>
#include <vector>

#include "backends/cuda/codegen/kernel_spec.h"
#include "backends/cuda/runtime/dnn_graph.h"
#include "passes/primitives.h"

namespace tenon::cuda {

/// A convolution or a deconvolution of one to three spatial axes as a graph for cuDNN. Channels last they are filled up
/// to whole units.
struct ConvolutionGraph {
  DnnGraph graph;
  WeightLayout weights;
  std::vector<int> operands;  ///< the tensor of each operand of the epilogue
  std::vector<int> outputs;   ///< the tensor of each output; -1: nobody reads it
};

/// The product alone, stored in `graph.dst`.
ConvolutionGraph product_graph(const OpCall& call, Storage storage);
/// The same of row-major float32.
ConvolutionGraph row_major_graph(const OpCall& call);

/// With the epilogue in the graph, or why that cannot be.
std::variant<ConvolutionGraph, std::string> fused_graph(const OpCall& call, Storage storage,
                                                        const EpilogueSpec& epilogue);

}  // namespace tenon::cuda
