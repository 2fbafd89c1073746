// The manifest is a JSON object:
//
//     processor, components   what the plan was built for and by; of a GPU, "processor" is the GPU
//     backend, device, precision, optimize, threads, shapes
//     outputs, refused        as Engine gives them
//     constants               [{dtype, shape, blob}]: parameters; blob -1 where the copies are all there is
//     copies                  [{constant, kind, dtype, shape, blob}]: what was derived from them; one whose kind
//                             begins with the name of a GPU is to lie in its memory
//     kernels, versions       of a GPU: [{source, blob}], machine code by the hash of what it was compiled from,
//                             and the versions of the libraries that it was built with
//     programs, saved         [{inputs: {name: shape}, blob}], one a batch size, and which of them was saved
//
// A program is a blob of its own, which is read when it is asked for:
//
//     {graph, np_shape, constants: {variable: number}, steps: [
//       {node, implementation, variant, refusals, covers, body: {graph, np_shape, inputs, program}}]}

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include <tenon/version.h>

#include "core/error.h"
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
  explicit Manifest(const EngineState& engine) : engine_(engine), memory_(*engine.backend.memory) {
    EngineFamily* family = engine.family;
    for (std::size_t i = 0; family != nullptr && i < family->size(); ++i) add(*family->at(i));
    if (family == nullptr) add(engine);
    manifest_ = {{"processor", memory_.processor()},
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
    for (const auto& [name, shape] : engine_.options.shapes) manifest_["shapes"][name] = shape.dims();
    for (const RefusedNode& node : engine_.refused) {
      manifest_["refused"].push_back(
          {{"node", node.node}, {"op", node.op}, {"rule", node.rule}, {"reason", node.reason}});
    }
    manifest_["constants"] = constants_json();
    manifest_["copies"] = copies_json();
  }

  /// Those that the programs launch.
  void add(const KernelBinaries& kernels) {
    manifest_["kernels"] = json::array();
    manifest_["versions"] = kernels.versions();
    for (const auto& [source, code] : kernels.codes()) {
      manifest_["kernels"].push_back({{"source", {source.low, source.high}}, {"blob", add_blob(code)}});
    }
  }

  std::string text() const { return manifest_.dump(); }
  const std::vector<std::span<const std::byte>>& blobs() const { return blobs_; }

 private:
  struct Constant {
    Hash identity;
    Shape shape;
    DType dtype;
    Tensor value;  // empty where no step reads it
    bool resident = false;
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
    const std::string& words = step.info.implementation;
    const std::size_t end = std::min(words.find(' '), words.size());
    json record = {{"node", node.name},
                   {"implementation", words.substr(0, end)},
                   {"variant", end < words.size() ? words.substr(end + 1) : ""},
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
    if (!value.empty()) {
      constants_[found->second].value = value;
      constants_[found->second].resident = is_resident(identity, value);
    }
    return found->second;
  }

  /// Whether a parameter lies in a device's memory, because steps read it there.
  bool is_resident(Hash identity, const Tensor& value) const {
    if (memory_.is_host()) return false;
    const auto copies = engine_.store->copies_of(identity);
    return std::ranges::any_of(copies, [&](const ParameterStore::Copy& copy) {
      return copy.tensor->data() == value.data() && ParameterStore::is_resident(copy.kind, memory_);
    });
  }

  int add_blob(const Tensor& tensor) {
    kept_.push_back(tensor);
    blobs_.push_back({static_cast<const std::byte*>(tensor.data()), tensor.bytes()});
    return static_cast<int>(blobs_.size()) - 1;
  }

  /// A blob for memory of the device, once; its bytes are fetched.
  int add_resident_blob(const Tensor& tensor) {
    const auto [blob, is_new] = resident_blobs_.try_emplace(tensor.data(), 0);
    if (!is_new) return blob->second;
    Tensor host(tensor.shape(), tensor.dtype());
    if (!queue_) queue_ = memory_.open_queue();
    queue_->copy_out(host.mutable_data(), tensor.data(), host.bytes());
    return blob->second = add_blob(host);
  }

  json constants_json() {
    json list = json::array();
    for (const Constant& constant : constants_) {
      json entry = type_json(constant.shape, constant.dtype);
      entry["blob"] = constant.value.empty() ? -1
                      : constant.resident    ? add_resident_blob(constant.value)
                                             : add_blob(constant.value);
      list.push_back(std::move(entry));
    }
    return list;
  }

  /// The copies that this engine holds; the store may know others, of other engines of the model.
  json copies_json() {
    json list = json::array();
    for (std::size_t i = 0; i < constants_.size(); ++i) {
      for (const ParameterStore::Copy& copy : engine_.store->copies_of(constants_[i].identity)) {
        if (!packed_.contains(copy.tensor->data())) continue;
        json entry = type_json(copy.tensor->shape(), copy.tensor->dtype());
        entry.update({{"constant", i}, {"kind", copy.kind}, {"blob", copy_blob(copy)}});
        list.push_back(std::move(entry));
      }
    }
    return list;
  }

  int copy_blob(const ParameterStore::Copy& copy) {
    if (ParameterStore::is_resident(copy.kind, memory_)) return add_resident_blob(*copy.tensor);
    const auto [blob, is_new] = copy_blobs_.try_emplace(copy.tensor->data(), 0);
    if (is_new) blob->second = add_blob(*copy.tensor);
    return blob->second;
  }

  const EngineState& engine_;
  DeviceMemory& memory_;
  std::unique_ptr<DeviceQueue> queue_;
  json manifest_;
  std::map<std::tuple<Hash, std::string, DType>, std::size_t> numbers_;
  std::vector<Constant> constants_;
  std::set<const void*> packed_;  // what the programs' steps hold
  // The copy of one content may have several sources.
  std::map<const void*, int> copy_blobs_, resident_blobs_;
  std::vector<Tensor> kept_;       // while the blobs are written
  std::deque<std::string> texts_;  // of the programs; they stay where they are
  json programs_ = json::array();
  std::size_t saved_ = 0;
  std::vector<std::span<const std::byte>> blobs_;
};

/// The kernels of the manifest's programs: what these ask for when they are built again, as loading will.
KernelBinaries kernels_of(const Manifest& manifest, const std::string& path) {
  const std::string text = manifest.text();
  Plan plan = read_plan(path, {text, manifest.blobs(), nullptr});
  plan.kernels = std::make_shared<KernelBinaries>();
  for (const PlanProgram& program : plan.programs) EngineState(plan, program.read());
  return std::move(*plan.kernels);
}

}  // namespace

std::string plan_components(const Backend& backend) {
  return backend.identity.empty() ? fmt::format("Tenon {}", version())
                                  : fmt::format("Tenon {}, {}", version(), backend.identity);
}

void save_plan(const EngineState& engine, const std::string& path) {
  if (engine.options.backend.find('/') != std::string::npos) {
    fail(ErrorCode::unsupported, "an engine of the guest '{}' cannot be saved: what it compiled is its own",
         engine.options.backend);
  }
  Manifest manifest(engine);
  if (engine.kernels) {
    manifest.add(*engine.kernels);
  } else if (!engine.backend.memory->is_host()) {
    manifest.add(kernels_of(manifest, path));
  }
  write_plan(path, manifest.text(), manifest.blobs());
}

}  // namespace tenon
