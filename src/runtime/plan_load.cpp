// Nothing that a manifest says is believed. Types are inferred again from those of the variables, sizes of blobs follow
// from shapes, and the program is built by the same code as from a model: the manifest only says what to choose.

#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include <nlohmann/json.hpp>

#include "backends/registry.h"
#include "core/error.h"
#include "core/pages.h"
#include "engine/portions.h"
#include "formats/plan/plan_file.h"
#include "partition/replace.h"
#include "passes/primitives.h"
#include "runtime/plan.h"

namespace tenon {
namespace {

using nlohmann::json;

/// What the graphs of plans consist of; nodes point to it for good.
const OpRegistry& plan_ops(const std::vector<const Op*>& fused) {
  static std::mutex mutex;
  static auto& registries = *new std::map<std::vector<const Op*>, OpRegistry>;
  const std::scoped_lock lock(mutex);
  const auto [made, is_new] = registries.try_emplace(fused);
  if (!is_new) return made->second;
  OpRegistry& all = made->second = body_ops();
  all.add(engine_op());
  all.add(portions_op());
  for (const Op* op : fused) all.add(*op);
  return all;
}

TensorType type_of(const json& entry) {
  const auto word = entry.at("dtype").get<std::string>();
  const std::optional<DType> dtype = parse_dtype(word);
  if (!dtype) fail(ErrorCode::corrupt, "'{}' is no element type", word);
  TensorType type{Shape(entry.at("shape").get<std::vector<std::int64_t>>()), dtype};
  if (!type.shape.is_known()) fail(ErrorCode::corrupt, "the shape {} has unknown dimensions", type.shape.str());
  return type;
}

std::size_t bytes_of(const TensorType& type) {
  constexpr std::int64_t most = std::int64_t{1} << 46;  // of elements: no address space has more
  if (type.shape.elements() > most) fail(ErrorCode::corrupt, "a parameter of shape {}", type.shape.str());
  return static_cast<std::size_t>(type.shape.elements()) * size_of(*type.dtype);
}

/// Addresses for parameters of which only copies are left: implementations tell parameters apart by them. Pages of
/// zeros that take no memory.
class Addresses {
 public:
  /// Where the next `bytes` are to lie, as an offset.
  std::size_t reserve(std::size_t bytes) {
    const std::size_t at = size_;
    if (__builtin_add_overflow(size_, (bytes / 64 + 1) * 64, &size_)) fail(ErrorCode::corrupt, "too many parameters");
    return at;
  }
  void map() {
    const std::size_t size = std::max<std::size_t>(size_, 64);
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) fail(ErrorCode::out_of_memory, "{} bytes of addresses could not be had", size);
    memory_ = {memory, [size](const void* p) { ::munmap(const_cast<void*>(p), size); }};
  }
  Tensor tensor_at(std::size_t offset, const TensorType& type) const {
    return Tensor::borrow_const(static_cast<const std::byte*>(memory_.get()) + offset, type.shape, *type.dtype,
                                memory_);
  }

 private:
  std::size_t size_ = 0;
  std::shared_ptr<const void> memory_;
};

/// Runs a part of the loading; what is wrong is said of this file.
template <class Part>
auto said_of(const std::string& path, Part part) {
  try {
    return part();
  } catch (const Error& error) {
    const bool elsewhere = error.code() == ErrorCode::unsupported || error.code() == ErrorCode::out_of_memory;
    throw Error(elsewhere ? error.code() : ErrorCode::corrupt, fmt::format("the plan '{}': {}", path, error.what()));
  } catch (const std::exception& error) {  // of the JSON library, or an index beyond the end
    fail(ErrorCode::corrupt, "the plan '{}': its manifest is none: {}", path, error.what());
  }
}

class Reader {
 public:
  Reader(std::string path, PlanFile file)
      : path_(std::move(path)), file_(std::move(file)), manifest_(json::parse(file_.manifest)) {}

  /// The plan's programs read on from here.
  static Plan read(const std::shared_ptr<Reader>& reader) {
    Plan plan = reader->plan();
    for (const json& program : reader->manifest_.at("programs")) {
      PlanProgram& made = plan.programs.emplace_back();
      for (const auto& [name, dims] : program.at("inputs").items()) {
        made.inputs[name] = Shape(dims.get<std::vector<std::int64_t>>());
      }
      made.read = [reader, blob = program.at("blob").get<std::size_t>(), inputs = made.inputs] {
        return said_of(reader->path_, [&] { return reader->program_at(blob, inputs); });
      };
    }
    plan.saved = reader->manifest_.at("saved");
    if (plan.saved >= plan.programs.size()) fail(ErrorCode::corrupt, "there is no program {}", plan.saved);
    return plan;
  }

 private:
  Plan plan() {
    Plan plan{.path = path_};
    DeviceMemory& memory = check_machine(plan.options);
    read_parameters(plan, memory);
    if (manifest_.contains("kernels")) read_kernels(plan);
    plan.output_names = manifest_.at("outputs").get<std::vector<std::string>>();
    outputs_ = plan.output_names.size();
    for (const json& node : manifest_.at("refused")) {
      plan.refused.push_back({node.at("node"), node.at("op"), node.at("rule"), node.at("reason")});
    }
    return plan;
  }

  ProgramRecord program_at(std::size_t blob, const std::map<std::string, Shape>& inputs) const {
    const std::span<const std::byte> bytes = file_.blobs.at(blob);
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    ProgramRecord record = program_of(json::parse(text, text + bytes.size()));
    if (outputs_ != record.graph.outputs.size()) {
      fail(ErrorCode::corrupt, "{} names for {} outputs", outputs_, record.graph.outputs.size());
    }
    for (const auto& [name, shape] : inputs) {
      const NodeId input = record.graph.find_variable(name);
      if (input < 0 || record.constants.contains(name) || record.graph.type({input, 0}).shape != shape) {
        fail(ErrorCode::corrupt, "there is no input '{}' of shape {}", name, shape.str());
      }
    }
    return record;
  }

  /// Fills in how it was built, and gives the memory it was built for.
  DeviceMemory& check_machine(BindOptions& options) {
    options.backend = manifest_.at("backend");
    options.device = Device::parse(manifest_.at("device").get<std::string>());
    options.precision = manifest_.at("precision");
    options.optimize = manifest_.at("optimize");
    options.threads = manifest_.at("threads");
    if (options.backend.find('/') != std::string::npos) fail(ErrorCode::corrupt, "it names a guest");
    const Backend& backend = find_backend(options.backend, options.device, options.precision, options.optimize);
    const auto processor = manifest_.at("processor").get<std::string>(), here = backend.memory->processor();
    if (processor != here) {
      fail(ErrorCode::unsupported, "it was built for the processor {}, and this is {}; build it again here", processor,
           here);
    }
    const auto built_by = manifest_.at("components").get<std::string>(), now = plan_components(backend);
    if (built_by != now) {
      fail(ErrorCode::unsupported, "it was built by {}, and this is {}; build it again", built_by, now);
    }
    for (const auto& [name, dims] : manifest_.at("shapes").items()) {
      options.shapes[name] = Shape(dims.get<std::vector<std::int64_t>>());
    }
    ops_ = &plan_ops(backend.fused_ops);
    return *backend.memory;
  }

  Tensor blob_tensor(std::size_t blob, const TensorType& type) const {
    const std::span<const std::byte> bytes = file_.blobs.at(blob);
    if (bytes.size() != bytes_of(type)) {
      fail(ErrorCode::corrupt, "blob {} has {} bytes, not those of {} {}", blob, bytes.size(), name(*type.dtype),
           type.shape.str());
    }
    return Tensor::borrow_const(bytes.data(), type.shape, *type.dtype, file_.owner);
  }

  Tensor blob_bytes(std::size_t blob) const {
    const std::span<const std::byte> bytes = file_.blobs.at(blob);
    return Tensor::borrow_const(bytes.data(), Shape{static_cast<std::int64_t>(bytes.size())}, DType::uint8,
                                file_.owner);
  }

  void read_parameters(Plan& plan, DeviceMemory& memory) {
    struct Entry {
      TensorType type;
      int blob;
      std::size_t offset;
    };
    std::vector<Entry> entries;
    Addresses addresses;
    for (const json& constant : manifest_.at("constants")) {
      const TensorType type = type_of(constant);
      entries.push_back({type, constant.at("blob"), addresses.reserve(bytes_of(type))});
    }
    addresses.map();
    std::vector<ParameterStore::Source> sources;
    for (const Entry& entry : entries) {
      // Of nothing, blobs have no address of their own.
      const bool absent = entry.blob < 0, elsewhere = absent || bytes_of(entry.type) == 0;
      constants_.push_back(elsewhere ? addresses.tensor_at(entry.offset, entry.type)
                                     : blob_tensor(static_cast<std::size_t>(entry.blob), entry.type));
      sources.push_back({constants_.back(), absent, {}});
    }
    std::map<std::size_t, Tensor> uploaded;  // by blob: it may be the copy of several parameters
    for (const json& copy : manifest_.at("copies")) {
      const std::string kind = copy.at("kind");
      const auto blob = copy.at("blob").get<std::size_t>();
      Tensor tensor = blob_tensor(blob, type_of(copy));
      if (ParameterStore::is_resident(kind, memory)) {
        Tensor& there = uploaded[blob];
        if (there.empty()) there = upload(blob, memory);
        tensor = Tensor::borrow_const(there.data(), tensor.shape(), tensor.dtype(), std::make_shared<Tensor>(there));
      }
      sources.at(copy.at("constant").get<std::size_t>())
          .copies.push_back({kind, std::make_shared<const Tensor>(std::move(tensor))});
    }
    plan.store = std::make_shared<ParameterStore>(std::move(sources));
  }

  /// The blob's bytes in the memory of a device; those of the file need not stay in the host's.
  Tensor upload(std::size_t blob, DeviceMemory& memory) const {
    const Tensor bytes = blob_bytes(blob);
    Tensor there = memory.resident(bytes);
    release_file_pages(bytes.data(), bytes.bytes());
    return there;
  }

  void read_kernels(Plan& plan) const {
    std::map<Hash, Tensor> codes;
    for (const json& kernel : manifest_.at("kernels")) {
      const Hash source{kernel.at("source").at(0), kernel.at("source").at(1)};
      codes[source] = blob_bytes(kernel.at("blob").get<std::size_t>());
    }
    auto versions = manifest_.at("versions").get<std::map<std::string, std::int64_t>>();
    plan.kernels = std::make_shared<KernelBinaries>(std::move(codes), std::move(versions));
  }

  Graph graph_of(const json& entry) const {
    Graph graph = parse_graph(entry.at("graph").get<std::string>(), *ops_);
    graph.np_shape = entry.at("np_shape");
    require_complete(graph);
    return graph;
  }

  ProgramRecord program_of(const json& entry) const {
    ProgramRecord record;
    record.graph = graph_of(entry);
    for (const auto& [variable, number] : entry.at("constants").items()) {
      record.constants[variable] = constants_.at(number.get<std::size_t>());
    }
    check_constants(record);
    const json& steps = entry.at("steps");
    std::size_t at = 0;
    for (const NodeId id : record.graph.topological_order()) {
      Node& node = record.graph.node(id);
      if (!node.is_variable()) record.steps.push_back(step_of(record.graph, node, steps.at(at++)));
    }
    check_types(record.graph);
    return record;
  }

  /// Of this node, which gets its body.
  StepRecord step_of(const Graph& graph, Node& node, const json& entry) const {
    StepRecord step{entry.at("node"),     entry.at("implementation"), entry.at("variant"),
                    entry.at("refusals"), entry.at("covers"),         nullptr};
    if (!entry.contains("body")) return step;
    const json& body = entry.at("body");
    ProgramRecord inner = program_of(body.at("program"));
    inner.inputs = body.at("inputs").get<std::vector<std::string>>();
    // Portions are compiled from the node's body as it is; of an engine node it is for reports.
    node.body = std::make_shared<const Graph>(is_portions(node) ? inner.graph : graph_of(body));
    check_body(graph, node, inner);
    step.body = std::make_shared<const ProgramRecord>(std::move(inner));
    return step;
  }

  static bool is_portions(const Node& node) { return node.op_name() == portions_op().name; }
  static bool is_engine(const Node& node) { return node.op_name() == engine_op().name; }

  static void check_constants(const ProgramRecord& record) {
    std::map<std::string, TensorType> variables;
    for (NodeId id = 0; id < record.graph.size(); ++id) {
      const Node& node = record.graph.node(id);
      if (node.is_variable()) variables[node.name] = node.outputs[0];
    }
    for (const auto& [name, value] : record.constants) {
      const auto variable = variables.find(name);
      if (variable == variables.end() || variable->second != TensorType{value.shape(), value.dtype()}) {
        fail(ErrorCode::corrupt, "the parameter '{}' is not the variable's", name);
      }
    }
  }

  /// That all types follow from those of the variables, as kernels expect.
  static void check_types(const Graph& graph) {
    Graph again = graph;
    std::map<std::string, TensorType> variables;
    for (NodeId id = 0; id < again.size(); ++id) {
      Node& node = again.node(id);
      if (node.is_variable()) variables[node.name] = node.outputs[0];
      if (node.is_variable() || node.body) continue;
      if (is_engine(node) || is_portions(node)) refuse_node(node, ErrorCode::corrupt, "it has no body");
      if (!node.inputs.empty()) node.outputs.assign(node.outputs.size(), {});  // else it follows from who reads it
    }
    infer(again, variables);
    for (NodeId id = 0; id < again.size(); ++id) {
      if (again.node(id).outputs != graph.node(id).outputs) {
        refuse_node(graph.node(id), ErrorCode::corrupt, "its type does not follow from its inputs'");
      }
    }
  }

  /// That a node and its body fit each other: what the node reads and gives is what the body does, or, of a node that
  /// takes the batch in portions, as many times that.
  static void check_body(const Graph& graph, const Node& node, const ProgramRecord& inner) {
    const bool in_portions = is_portions(node);
    const auto require = [&](bool holds) {
      if (!holds) refuse_node(node, ErrorCode::corrupt, "its body does not fit it");
    };
    require(in_portions || is_engine(node));
    require(inner.inputs.size() == node.inputs.size() && inner.graph.outputs.size() == node.outputs.size() &&
            node.body->outputs.size() == node.outputs.size());
    require(!in_portions || (!node.outputs.empty() && node.outputs[0].shape.rank() > 0));
    std::int64_t portions = 1;
    if (in_portions) {
      const Shape& part = inner.graph.type(inner.graph.outputs[0]).shape;
      require(part.rank() > 0 && part[0] > 0);
      portions = node.outputs[0].shape[0] / part[0];
      require(portions > 0);
    }
    const auto fits = [&](TensorType whole, const TensorType& part, bool may_be_shared) {
      if (may_be_shared && whole == part) return true;
      if (in_portions && whole.shape.rank() > 0) {
        if (whole.shape[0] % portions != 0) return false;
        whole.shape[0] /= portions;
      }
      return whole == part;
    };
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      require(fits(node.outputs[i], inner.graph.type(inner.graph.outputs[i]), false));
    }
    std::map<std::string, std::size_t> inputs;
    for (std::size_t i = 0; i < inner.inputs.size(); ++i) require(inputs.emplace(inner.inputs[i], i).second);
    for (NodeId id = 0; id < inner.graph.size(); ++id) {
      const Node& variable = inner.graph.node(id);
      if (!variable.is_variable()) continue;
      const auto input = inputs.find(variable.name);
      if (input == inputs.end()) {
        require(!in_portions && inner.constants.contains(variable.name));
      } else {
        require(in_portions || !inner.constants.contains(variable.name));
        require(fits(graph.type(node.inputs[input->second]), variable.outputs[0], true));
      }
    }
  }

  std::string path_;
  PlanFile file_;
  json manifest_;
  const OpRegistry* ops_ = nullptr;
  std::vector<Tensor> constants_;
  std::size_t outputs_ = 0;
};

}  // namespace

Plan read_plan(const std::string& path, PlanFile file) {
  return said_of(path, [&] { return Reader::read(std::make_shared<Reader>(path, std::move(file))); });
}

Plan load_plan(const std::string& path) {
  return read_plan(path, open_plan(path));
}

}  // namespace tenon
