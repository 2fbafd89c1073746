#pragma once

#include "backends/cuda/codegen/convolution_plan.h"
#include "passes/primitives.h"

namespace tenon::cuda {

Storage storage_of(Precision precision);
/// A convolution of one or two spatial axes (a single one is a row), stored as its precision says.
ConvolutionProblem convolution_problem(const OpCall& call);
/// The stem that a 7×7 convolution with stride 2 begins.
StemProblem stem_problem(const ConvolutionProblem& convolution);

}  // namespace tenon::cuda
