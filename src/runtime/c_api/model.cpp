#include <map>

#include <nlohmann/json.hpp>

#include "graph/graph.h"
#include "partition/carve.h"
#include "runtime/c_api/handles.h"

using namespace tenon::c_api;
using tenon::ErrorCode;
using tenon::fail;

namespace {

TenonStatus make_model(TenonModel** model, auto make) noexcept {
  return guarded([&] {
    require(model, "model");
    *model = new TenonModel(make());
  });
}

/// By places in topological order, which is that of the nodes in JSON.
nlohmann::json tensorrt_subgraphs(const tenon::Graph& graph) {
  const auto order = graph.topological_order();
  std::map<tenon::NodeId, std::size_t> place;
  for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  const auto selector = tenon::mxnet_tensorrt_selector();
  auto all = nlohmann::json::array();
  for (const auto& subgraph : tenon::carve(graph, *selector, {.minimum_nodes = selector->minimum_nodes()}).subgraphs) {
    auto places = nlohmann::json::array();
    for (const tenon::NodeId id : subgraph) places.push_back(place.at(id));
    all.push_back(std::move(places));
  }
  return all;
}

}  // namespace

extern "C" {

TenonStatus tenon_model_load(const char* prefix, int32_t epoch, TenonModel** model) {
  return make_model(model, [&] {
    if (epoch < TENON_NEWEST_EPOCH) fail(ErrorCode::invalid_argument, "there is no epoch {}", epoch);
    return tenon::Model::load(require(prefix, "prefix"),
                              epoch == TENON_NEWEST_EPOCH ? std::nullopt : std::optional<int>(epoch));
  });
}

TenonStatus tenon_model_load_files(const char* symbol, const char* params, TenonModel** model) {
  return make_model(
      model, [&] { return tenon::Model::load_files(require(symbol, "symbol"), params == nullptr ? "" : params); });
}

TenonStatus tenon_model_from_json(const char* json, size_t length, TenonModel** model) {
  return make_model(model, [&] { return tenon::Model::from_json({require(json, "json"), length}); });
}

TenonStatus tenon_model_zoo(const char* name, uint64_t seed, TenonModel** model) {
  return make_model(model, [&] { return tenon::Model::zoo(require(name, "name"), seed); });
}

TenonStatus tenon_model_zoo_pretrained(const char* name, const char* folder, TenonModel** model) {
  return make_model(
      model, [&] { return tenon::Model::zoo_pretrained(require(name, "name"), folder == nullptr ? "" : folder); });
}

TenonStatus tenon_zoo_names(size_t* count, const char* const** names) {
  return guarded([&] {
    static const NameList all(tenon::Model::zoo_names());
    all.give(require(count, "count"), require(names, "names"));
  });
}

void tenon_model_free(TenonModel* model) {
  delete model;
}

TenonStatus tenon_model_names(const TenonModel* model, TenonNames which, size_t* count, const char* const** names) {
  return guarded([&] {
    if (which < TENON_ARGUMENTS || which > TENON_PARAMETERS) {
      fail(ErrorCode::invalid_argument, "{} is no list of names", static_cast<int>(which));
    }
    require(model, "model")->lists[which].give(require(count, "count"), require(names, "names"));
  });
}

TenonStatus tenon_model_parameter(const TenonModel* model, const char* name, TenonTensor** tensor) {
  return guarded([&] {
    require(tensor, "tensor");
    const tenon::Parameters& parameters = require(model, "model")->model.parameters();
    const auto found = parameters.find(require(name, "name"));
    if (found == parameters.end()) fail(ErrorCode::not_found, "the model has no parameter '{}'", name);
    const tenon::Tensor& value = found->second;
    // Read-only, and the handle's copy keeps the memory alive.
    *tensor = new TenonTensor{tenon::Tensor::borrow_const(value.data(), value.shape(), value.dtype(),
                                                          std::make_shared<const tenon::Tensor>(value))};
  });
}

TenonStatus tenon_model_with_parameters(const TenonModel* model, size_t count, const char* const* names,
                                        const TenonTensor* const* tensors, TenonModel** result) {
  return make_model(result, [&] {
    const auto given = array(count, names, "names");
    const auto values = array(count, tensors, "tensors");
    tenon::Parameters parameters;
    for (std::size_t i = 0; i < count; ++i) {
      parameters[require(given[i], "names[i]")] = require(values[i], "tensors[i]")->tensor;
    }
    return require(model, "model")->model.with_parameters(std::move(parameters));
  });
}

TenonStatus tenon_model_json(const TenonModel* model, char** json) {
  return guarded([&] {
    require(json, "json");
    *json = new_string(require(model, "model")->model.json());
  });
}

TenonStatus tenon_model_tensorrt_subgraphs(const TenonModel* model, char** json) {
  return guarded([&] {
    require(json, "json");
    *json = new_string(tensorrt_subgraphs(require(model, "model")->model.graph()).dump());
  });
}

void tenon_string_free(char* string) {
  delete[] string;
}

TenonStatus tenon_model_save(const TenonModel* model, const char* prefix, int32_t epoch) {
  return guarded([&] { require(model, "model")->model.save(require(prefix, "prefix"), epoch); });
}

TenonStatus tenon_model_infer(const TenonModel* model, size_t count, const TenonType* known, TenonTypes** types) {
  return guarded([&] {
    require(types, "types");
    *types = new TenonTypes(require(model, "model")->model.infer(types_of(count, known, "known")));
  });
}

TenonStatus tenon_zoo_input(const char* name, TenonTypes** types) {
  return guarded([&] {
    require(types, "types");
    const tenon::Shape shape = tenon::Model::zoo_input(require(name, "name"));
    *types = new TenonTypes({{"data", {shape, tenon::DType::float32}}});
  });
}

void tenon_types_free(TenonTypes* types) {
  delete types;
}

size_t tenon_types_count(const TenonTypes* types) {
  return types == nullptr ? 0 : types->types.size();
}

const TenonType* tenon_types_get(const TenonTypes* types, size_t i) {
  return i < tenon_types_count(types) ? &types->types[i] : nullptr;
}

}  // extern "C"
