#include <cstring>

#include "runtime/c_api/handles.h"

using namespace tenon::c_api;
using tenon::ErrorCode;
using tenon::fail;

extern "C" {

TenonStatus tenon_executor_bind(const TenonModel* model, const TenonBindOptions* options, TenonExecutor** executor) {
  return guarded([&] {
    require(executor, "executor");
    *executor = new TenonExecutor(tenon::Executor::bind(require(model, "model")->model, options_of(options)));
  });
}

TenonStatus tenon_executor_reshape(const TenonExecutor* executor, size_t count, const TenonType* inputs,
                                   TenonExecutor** result) {
  return guarded([&] {
    require(result, "result");
    const auto shapes = shapes_of(types_of(count, inputs, "inputs"));
    *result = new TenonExecutor(require(executor, "executor")->executor.reshape(shapes));
  });
}

void tenon_executor_free(TenonExecutor* executor) {
  delete executor;
}

TenonStatus tenon_executor_names(const TenonExecutor* executor, TenonNames which, size_t* count,
                                 const char* const** names) {
  return guarded([&] {
    if (which != TENON_INPUTS && which != TENON_OUTPUTS) {
      fail(ErrorCode::invalid_argument, "an executor has TENON_INPUTS and TENON_OUTPUTS, not list {}",
           static_cast<int>(which));
    }
    require(executor, "executor");
    const NameList& list = which == TENON_INPUTS ? executor->inputs : executor->outputs;
    list.give(require(count, "count"), require(names, "names"));
  });
}

TenonStatus tenon_executor_type(const TenonExecutor* executor, const char* name, TenonType* type) {
  return guarded([&] {
    require(type, "type");
    require(name, "name");
    const tenon::TensorType& found = require(executor, "executor")->executor.type(name);
    for (const NameList* list : {&executor->inputs, &executor->outputs}) {
      for (const std::string& known : list->names()) {
        if (known == name) *type = TenonTypes::view(known, found);
      }
    }
  });
}

TenonStatus tenon_executor_set_input(TenonExecutor* executor, const char* name, const TenonTensor* value) {
  return guarded([&] {
    require(executor, "executor")->executor.set_input(require(name, "name"), require(value, "value")->tensor);
  });
}

TenonStatus tenon_executor_forward(TenonExecutor* executor) {
  return guarded([&] { require(executor, "executor")->executor.forward(); });
}

TenonStatus tenon_executor_forward_async(TenonExecutor* executor) {
  return guarded([&] { require(executor, "executor")->executor.forward_async(); });
}

TenonStatus tenon_executor_wait(TenonExecutor* executor) {
  return guarded([&] { require(executor, "executor")->executor.wait(); });
}

TenonStatus tenon_executor_output(const TenonExecutor* executor, size_t i, TenonTensor** tensor) {
  return guarded([&] {
    require(tensor, "tensor");
    const std::size_t count = require(executor, "executor")->outputs.names().size();
    if (i >= count) fail(ErrorCode::invalid_argument, "there is no output {}, the model has {}", i, count);
    *tensor = new TenonTensor{executor->executor.output(static_cast<int>(i))};
  });
}

TenonStatus tenon_executor_share_input(TenonExecutor* executor, const char* name, const void* data,
                                       void (*release)(void* context), void* context) {
  return guarded([&] {
    require(executor, "executor");
    const auto owner = std::make_shared<Release>(context);
    executor->executor.share_input(require(name, "name"), data, owner);
    owner->function = release;  // from here on nothing fails
  });
}

TenonStatus tenon_executor_device_output(const TenonExecutor* executor, size_t i, const void** data) {
  return guarded([&] {
    require(data, "data");
    const std::size_t count = require(executor, "executor")->outputs.names().size();
    if (i >= count) fail(ErrorCode::invalid_argument, "there is no output {}, the model has {}", i, count);
    *data = executor->executor.device_output(static_cast<int>(i));
  });
}

TenonStatus tenon_executor_stream(const TenonExecutor* executor, TenonStream* stream) {
  return guarded([&] { *require(stream, "stream") = require(executor, "executor")->executor.stream(); });
}

TenonStatus tenon_executor_wait_for(TenonExecutor* executor, TenonStream stream) {
  return guarded([&] { require(executor, "executor")->executor.wait_for(stream); });
}

TenonStatus tenon_executor_precede(TenonExecutor* executor, TenonStream stream) {
  return guarded([&] { require(executor, "executor")->executor.precede(stream); });
}

TenonStatus tenon_executor_run(TenonExecutor* executor, size_t src_count, const void* const* src, size_t dst_count,
                               void* const* dst) {
  return guarded([&] {
    const auto& inputs = require(executor, "executor")->inputs.names();
    const auto& outputs = executor->outputs.names();
    if (src_count != inputs.size() || dst_count != outputs.size()) {
      fail(ErrorCode::invalid_argument, "there are {} inputs and {} outputs, but {} and {} addresses", inputs.size(),
           outputs.size(), src_count, dst_count);
    }
    for (std::size_t i = 0; i < src_count; ++i) {
      if (src[i] == nullptr) continue;
      const tenon::TensorType& type = executor->executor.type(inputs[i]);
      executor->executor.set_input(inputs[i], tenon::Tensor::borrow_const(src[i], type.shape, *type.dtype));
    }
    executor->executor.forward();
    for (std::size_t i = 0; i < dst_count; ++i) {
      if (dst[i] == nullptr) continue;
      const tenon::Tensor& output = executor->executor.output(static_cast<int>(i));
      if (output.bytes() > 0) std::memcpy(dst[i], output.data(), output.bytes());
    }
  });
}

TenonStatus tenon_executor_set_monitor(TenonExecutor* executor, TenonMonitor monitor, void* context) {
  return guarded([&] {
    require(executor, "executor");
    if (monitor == nullptr) return executor->executor.set_monitor({});
    executor->executor.set_monitor([monitor, context](const std::string& name, const tenon::Tensor& value) {
      const TenonTensor view{value};
      monitor(name.c_str(), &view, context);
    });
  });
}

TenonStatus tenon_executor_steps(const TenonExecutor* executor, size_t* count, const TenonStep** steps) {
  return guarded([&] {
    require(executor, "executor");
    *require(count, "count") = executor->steps.size();
    *require(steps, "steps") = executor->steps.data();
  });
}

TenonStatus tenon_executor_memory(const TenonExecutor* executor, size_t* activation_bytes, size_t* parameter_bytes) {
  return guarded([&] {
    require(executor, "executor");
    *require(activation_bytes, "activation_bytes") = executor->executor.activation_bytes();
    *require(parameter_bytes, "parameter_bytes") = executor->executor.parameter_bytes();
  });
}

}  // extern "C"
