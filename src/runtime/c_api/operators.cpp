#include <cstring>

#include <nlohmann/json.hpp>

#include "graph/graph.h"
#include "ops/registry.h"
#include "runtime/c_api/handles.h"

using namespace tenon::c_api;
using tenon::ErrorCode;
using tenon::fail;

namespace {

using Json = nlohmann::ordered_json;

const char* type_name(tenon::AttributeType type) {
  static constexpr const char* kNames[] = {"boolean", "integer", "real", "text", "choice", "ints", "reals"};
  return kNames[static_cast<std::size_t>(type)];
}

Json bound(const std::optional<double>& limit) {
  return limit ? Json(*limit) : Json();
}

Json describe(const tenon::AttributeSpec& spec) {
  return {{"name", spec.name},
          {"type", type_name(spec.type)},
          {"choices", spec.choices},
          {"required", spec.required},
          {"nullable", spec.nullable},
          {"default", spec.required ? Json() : Json(tenon::format_attribute(spec.fallback))},
          {"minimum", bound(spec.minimum)},
          {"maximum", bound(spec.maximum)}};
}

std::string describe_all() {
  Json all = Json::array();
  for (const tenon::Op* op : tenon::ops().all()) {
    Json attributes = Json::array();
    for (const tenon::AttributeSpec& spec : op->attributes) attributes.push_back(describe(spec));
    all.push_back({{"name", op->name}, {"aliases", op->aliases}, {"doc", op->doc}, {"attributes", attributes}});
  }
  return all.dump();
}

Json signature(const tenon::Op& op, const tenon::Attributes& attributes) {
  return {{"op", op.name},
          {"inputs", op.inputs(attributes)},
          {"outputs", op.outputs(attributes)},
          {"visible", op.visible(attributes)},
          {"auxiliary", op.auxiliary}};
}

}  // namespace

extern "C" {

TenonStatus tenon_operators(const char** json) {
  return guarded([&] {
    static const std::string all = describe_all();
    *require(json, "json") = all.c_str();
  });
}

TenonStatus tenon_operator_signature(const char* op, size_t count, const char* const* keys, const char* const* values,
                                     char** json) {
  return guarded([&] {
    require(json, "json");
    const tenon::Op* found = tenon::ops().find(require(op, "op"));
    if (found == nullptr) fail(ErrorCode::not_found, "there is no operator '{}'", op);
    const auto names = array(count, keys, "keys");
    const auto texts = array(count, values, "values");
    std::map<std::string, std::string> written;
    for (std::size_t i = 0; i < count; ++i) written[require(names[i], "keys[i]")] = require(texts[i], "values[i]");
    try {
      *json = new_string(signature(*found, tenon::parse_attributes(found->attributes, written)).dump());
    } catch (const tenon::Error& error) {
      fail(error.code(), "operator {}: {}", op, error.what());
    }
  });
}

}  // extern "C"
