#include <cstring>

#include <tenon/devices.h>

#include "runtime/c_api/handles.h"

// The numbers are promises of both APIs.
static_assert(static_cast<int>(tenon::ErrorCode::internal) == TENON_INTERNAL);
static_assert(static_cast<int>(tenon::DType::float32) == TENON_FLOAT32);
static_assert(static_cast<int>(tenon::DType::boolean) == TENON_BOOL);

namespace tenon::c_api {
namespace {

thread_local std::string last_error;

/// Of an option that lists names.
std::set<std::string> names_of(std::size_t count, const char* const* names, const char* argument) {
  std::set<std::string> result;
  for (const char* name : array(count, names, argument)) result.insert(require(name, argument));
  return result;
}

}  // namespace

std::vector<std::string> keys(const Parameters& parameters) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : parameters) names.push_back(name);
  return names;
}

char* new_string(const std::string& text) {
  char* const string = new char[text.size() + 1];
  std::memcpy(string, text.c_str(), text.size() + 1);
  return string;
}

TenonStatus failed(TenonStatus status, const char* sentence) noexcept {
  try {
    last_error = sentence;
  } catch (...) {
    last_error.clear();  // not even memory for the sentence; the status still says what happened
  }
  return status;
}

bool is_dtype(TenonDType dtype) {
  return dtype >= TENON_FLOAT32 && dtype <= TENON_BOOL;
}

DType dtype_of(TenonDType dtype) {
  if (!is_dtype(dtype)) fail(ErrorCode::invalid_argument, "{} is no element type", static_cast<int>(dtype));
  return static_cast<DType>(dtype);
}

Shape shape_of(std::int32_t rank, const std::int64_t* dims, bool may_be_unknown) {
  if (rank == -1 && may_be_unknown) return {};
  if (rank < 0 || rank > 32) fail(ErrorCode::invalid_argument, "the rank {} is not between 0 and 32", rank);
  const auto items = array(static_cast<std::size_t>(rank), dims, "dims");
  Shape shape(std::vector<std::int64_t>(items.begin(), items.end()));
  for (const std::int64_t dim : shape) {
    const bool legal = dim >= 0 || (may_be_unknown && dim == Shape::unknown);
    if (!legal) fail(ErrorCode::invalid_argument, "{} is no dimension, in the shape {}", dim, shape.str());
  }
  return shape;
}

std::map<std::string, TensorType> types_of(std::size_t count, const TenonType* types, const char* argument) {
  std::map<std::string, TensorType> result;
  for (const TenonType& type : array(count, types, argument)) {
    TensorType& known = result[require(type.name, "name")];
    known.shape = shape_of(type.rank, type.dims, true);
    if (type.dtype != TENON_DTYPE_UNKNOWN) known.dtype = dtype_of(type.dtype);
  }
  return result;
}

std::map<std::string, Shape> shapes_of(const std::map<std::string, TensorType>& types) {
  std::map<std::string, Shape> shapes;
  for (const auto& [name, type] : types) {
    if (type.shape.has_rank()) shapes[name] = type.shape;
  }
  return shapes;
}

std::function<bool(const BuildProgress&)> progress_of(TenonProgress progress, void* context) {
  if (progress == nullptr) return {};
  return [progress, context](const BuildProgress& now) {
    const TenonGoOn answer = progress(now.done, now.total, now.node.c_str(), context);
    if (answer == TENON_CANCEL) throw Cancelled();
    return answer == TENON_GO_ON;
  };
}

BindOptions options_of(const TenonBindOptions* options) {
  require(options, "options");
  BindOptions bound;
  const auto types = types_of(options->input_count, options->inputs, "inputs");
  bound.shapes = shapes_of(types);
  for (const auto& [name, type] : types) {
    if (type.dtype) bound.types[name] = *type.dtype;
  }
  if (options->device != nullptr) bound.device = Device::parse(options->device);
  if (options->backend != nullptr) bound.backend = options->backend;
  bound.threads = options->threads;
  if (options->precision != nullptr) bound.precision = options->precision;
  if (options->selector != nullptr) bound.selector = options->selector;
  bound.min_subgraph = options->min_subgraph;
  if (options->dump_passes != nullptr) bound.dump_passes = options->dump_passes;
  bound.disabled_passes = names_of(options->disabled_pass_count, options->disabled_passes, "disabled_passes");
  bound.keep_fp32 = names_of(options->keep_fp32_count, options->keep_fp32, "keep_fp32");
  if (options->tune != nullptr) bound.tune = options->tune;
  bound.progress = progress_of(options->progress, options->progress_context);
  if (options->first_batch != 0 || options->last_batch != 0)
    bound.batches = {options->first_batch, options->last_batch};
  if (options->optimize != nullptr) bound.optimize = options->optimize;
  return bound;
}

}  // namespace tenon::c_api

extern "C" {

const char* tenon_version(void) {
  return tenon::version();
}

TenonStatus tenon_components(size_t* count, const char* const** names, const char* const** values) {
  using namespace tenon::c_api;
  return guarded([&] {
    const auto column = [](auto member) {
      std::vector<std::string> texts;
      for (const auto& component : tenon::components()) texts.push_back(component.*member);
      return texts;
    };
    using Component = std::pair<std::string, std::string>;
    static const NameList all_names(column(&Component::first)), all_values(column(&Component::second));
    require(count, "count");
    all_names.give(count, require(names, "names"));
    all_values.give(count, require(values, "values"));
  });
}

TenonStatus tenon_devices(size_t* count, const char* const** names) {
  using namespace tenon::c_api;
  return guarded([&] {
    static const NameList all([] {
      std::vector<std::string> devices;
      for (const tenon::DeviceInfo& info : tenon::list_devices().devices) devices.push_back(info.device.str());
      return devices;
    }());
    all.give(require(count, "count"), require(names, "names"));
  });
}

int32_t tenon_c_api_version(void) {
  return TENON_C_API_VERSION;
}

const char* tenon_last_error(void) {
  return tenon::c_api::last_error.c_str();
}

const char* tenon_status_name(TenonStatus status) {
  if (status == TENON_CANCELLED) return "cancelled";
  return status == TENON_OK ? "ok" : tenon::name(static_cast<tenon::ErrorCode>(status));
}

}  // extern "C"
