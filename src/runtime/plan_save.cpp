// The manifest is a JSON object:
//
//     processor, components   what the plan was built for and by
//     backend, device, precision, optimize, threads, shapes
//     outputs, refused        as Engine gives them
//     constants               [{dtype, shape, blob}]: parameters; blob -1 where the copies are all there is
//     copies                  [{constant, kind, dtype, shape, blob}]: what was derived from them
//     programs, saved         [{inputs: {name: shape}, blob}], one a batch size, and which of them was saved
//
// A program is a blob of its own, which is read when it is asked for:
//
//     {graph, np_shape, constants: {variable: number}, steps: [
//       {node, implementation, refusals, covers, body: {graph, np_shape, inputs, program}}]}

#include <deque>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include <tenon/version.h>

#include "core/error.h"
#include "core/processor.h"
#include "formats/plan/plan_file.h"
#include "runtime/engine_state.h"
#include "runtime/plan.h"

namespace tenon {
namespace {

using nlohmann::json;

json type_json(const Shape& shape, DType dtype) {
  return {{"dtype", name(dtype)}, {"shape", shape.dims()}};
}

class Manifest {
 public:
  explicit Manifest(const EngineState& engine) : engine_(engine) {
    EngineFamily* family = engine.family;
    for (std::size_t i = 0; family != nullptr && i < family->size(); ++i) add(*family->at(i));
    if (family == nullptr) add(engine);
  }

  std::string text() {
    json manifest = {{"processor", processor_name()},
                     {"components", plan_components(engine_.backend)},
                     {"backend", engine_.options.backend},
                     {"device", engine_.options.device.str()},
                     {"precision", engine_.options.precision},
                     {"optimize", engine_.options.optimize},
                     {"threads", engine_.threads},
                     {"shapes", json::object()},
                     {"outputs", engine_.output_names},
                     {"refused", json::array()},
                     {"programs", programs_},
                     {"saved", saved_}};
    for (const auto& [name, shape] : engine_.options.shapes) manifest["shapes"][name] = shape.dims();
    for (const RefusedNode& node : engine_.refused) {
      manifest["refused"].push_back(
          {{"node", node.node}, {"op", node.op}, {"rule", node.rule}, {"reason", node.reason}});
    }
    manifest["constants"] = constants_json();
    manifest["copies"] = copies_json();
    return manifest.dump();
  }

  const std::vector<std::span<const std::byte>>& blobs() const { return blobs_; }

 private:
  struct Constant {
    Hash identity;
    Shape shape;
    DType dtype;
    Tensor value;  // empty where no step reads it
  };

  void add(const EngineState& member) {
    if (&member == &engine_) saved_ = programs_.size();
    json inputs = json::object();
    for (const auto& [name, shape] : member.input_shapes()) inputs[name] = shape.dims();
    texts_.push_back(program_json(member.program).dump());
    programs_.push_back({{"inputs", std::move(inputs)}, {"blob", blobs_.size()}});
    blobs_.push_back(std::as_bytes(std::span(texts_.back())));
  }

  json program_json(const Program& program) {
    json constants = json::object();
    for (std::size_t i = 0; i < program.constants.size(); ++i) {
      const NodeId variable = program.sources[i].variable;
      constants[program.graph.node(variable).name] =
          number_of(program.sources[i].identity, program.graph.type({variable, 0}), program.constants[i]);
    }
    for (const auto& copy : program.packed) packed_.insert(copy->data());
    json steps = json::array();
    for (const Step& step : program.steps) {
      if (step.node >= 0) steps.push_back(step_json(program.graph.node(step.node), step));
    }
    return {{"graph", to_text(program.graph)},
            {"np_shape", program.graph.np_shape},
            {"constants", std::move(constants)},
            {"steps", std::move(steps)}};
  }

  json step_json(const Node& node, const Step& step) {
    json record = {{"node", node.name},
                   {"implementation", step.info.implementation.substr(0, step.info.implementation.find(' '))},
                   {"refusals", step.info.refusals},
                   {"covers", step.info.covers}};
    if (!step.body) return record;
    record["body"] = {{"graph", to_text(*node.body)},
                      {"np_shape", node.body->np_shape},
                      {"inputs", step.body->inputs},
                      {"program", program_json(*step.body)}};
    return record;
  }

  std::size_t number_of(Hash identity, const TensorType& type, const Tensor& value) {
    const auto [found, is_new] = numbers_.try_emplace({identity, type.shape.str(), *type.dtype}, constants_.size());
    if (is_new) constants_.push_back({identity, type.shape, *type.dtype, {}});
    if (!value.empty()) constants_[found->second].value = value;
    return found->second;
  }

  int add_blob(const Tensor& tensor) {
    blobs_.push_back({static_cast<const std::byte*>(tensor.data()), tensor.bytes()});
    return static_cast<int>(blobs_.size()) - 1;
  }

  json constants_json() {
    json list = json::array();
    for (const Constant& constant : constants_) {
      json entry = type_json(constant.shape, constant.dtype);
      entry["blob"] = constant.value.empty() ? -1 : add_blob(constant.value);
      list.push_back(std::move(entry));
    }
    return list;
  }

  /// The copies that this engine holds; the store may know others, of other engines of the model.
  json copies_json() {
    json list = json::array();
    std::map<const void*, int> added;  // a copy of one content may have several sources
    for (std::size_t i = 0; i < constants_.size(); ++i) {
      for (const ParameterStore::Copy& copy : engine_.store->copies_of(constants_[i].identity)) {
        if (!packed_.contains(copy.tensor->data())) continue;
        const auto [blob, is_new] = added.try_emplace(copy.tensor->data(), 0);
        if (is_new) blob->second = add_blob(*copy.tensor);
        kept_.push_back(copy.tensor);
        json entry = type_json(copy.tensor->shape(), copy.tensor->dtype());
        entry.update({{"constant", i}, {"kind", copy.kind}, {"blob", blob->second}});
        list.push_back(std::move(entry));
      }
    }
    return list;
  }

  const EngineState& engine_;
  std::map<std::tuple<Hash, std::string, DType>, std::size_t> numbers_;
  std::vector<Constant> constants_;
  std::set<const void*> packed_;                     // what the programs' steps hold
  std::vector<std::shared_ptr<const Tensor>> kept_;  // while the blobs are written
  std::deque<std::string> texts_;                    // of the programs; they stay where they are
  json programs_ = json::array();
  std::size_t saved_ = 0;
  std::vector<std::span<const std::byte>> blobs_;
};

}  // namespace

std::string plan_components(const Backend& backend) {
  return backend.identity.empty() ? fmt::format("Tenon {}", version())
                                  : fmt::format("Tenon {}, {}", version(), backend.identity);
}

void save_plan(const EngineState& engine, const std::string& path) {
  if (engine.options.device.kind != Device::Kind::cpu) {
    fail(ErrorCode::unsupported, "an engine on {} cannot be saved yet, only one on the CPU",
         engine.options.device.str());
  }
  if (engine.options.backend.find('/') != std::string::npos) {
    fail(ErrorCode::unsupported, "an engine of the guest '{}' cannot be saved: what it compiled is its own",
         engine.options.backend);
  }
  Manifest manifest(engine);
  const std::string text = manifest.text();
  write_plan(path, text, manifest.blobs());
}

}  // namespace tenon
