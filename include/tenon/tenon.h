#pragma once

/// Everything of the C++ API: load a Model, bind it to shapes and a device, run the Executor.
///
///     const auto model = tenon::Model::load("resnet18");
///     auto executor = tenon::Executor::bind(model, {.shapes = {{"data", {1, 3, 224, 224}}}});
///     executor.set_input("data", image);
///     executor.forward();
///     const float* scores = executor.output(0).data<float>();
///
/// Every function that can fail throws tenon::Error, whose what() is a whole sentence and whose code() says the kind.

#include <tenon/device.h>
#include <tenon/dtype.h>
#include <tenon/engine.h>
#include <tenon/error.h>
#include <tenon/executor.h>
#include <tenon/model.h>
#include <tenon/npz.h>
#include <tenon/session.h>
#include <tenon/shape.h>
#include <tenon/tensor.h>
#include <tenon/version.h>
