#include "engine/engine_node.h"

#include <algorithm>
#include <set>

#include "core/log.h"
#include "core/pages.h"
#include "engine/portions.h"
#include "engine/run.h"
#include "partition/replace.h"
#include "passes/pipeline.h"

namespace tenon {
namespace {

/// The parameters that the body has absorbed.
Parameters absorbed(const Graph& body, const Parameters& parameters) {
  Parameters values;
  for (const std::vector<std::string>& names : {body.arguments(), body.auxiliary_states()}) {
    for (const std::string& name : names) {
      if (const auto found = parameters.find(name); found != parameters.end()) values.insert(*found);
    }
  }
  return values;
}

/// The names of the body's variables that stand for the inputs of the engine node, in their order.
std::vector<std::string> input_names(const Graph& body, const Parameters& values) {
  std::vector<std::string> names;
  for (NodeId id = 0; id < body.size(); ++id) {
    const Node& node = body.node(id);
    if (node.is_variable() && !values.contains(node.name)) names.push_back(node.name);
  }
  return names;
}

/// Lets feed i of the program be input i of the engine node.
void renumber_feeds(Program& program, const std::vector<std::string>& names) {
  std::vector<int> renumbered;
  for (const NodeId feed : program.feeds) {
    const auto found = std::ranges::find(names, program.graph.node(feed).name);
    if (found == names.end()) {
      refuse_node(program.graph.node(feed), ErrorCode::internal, "a variable of the body came from nowhere");
    }
    renumbered.push_back(static_cast<int>(found - names.begin()));
  }
  for (Step& step : program.steps) {
    for (Place& place : step.src) {
      if (place.kind == Place::Kind::feed) place.index = renumbered[static_cast<std::size_t>(place.index)];
    }
  }
  program.inputs = names;
  program.feeds.clear();
  for (const std::string& name : names) program.feeds.push_back(program.graph.find_variable(name));
}

/// A backend without implementations of primitives compiles MXNet's operators as they are.
bool takes_primitives(const Backend& backend) {
  return std::ranges::any_of(backend.implementations, [](const Implementation& implementation) {
    return std::ranges::any_of(implementation.ops,
                               [](const std::string& op) { return primitives().find(op) != nullptr; });
  });
}

/// As the backend lowers bodies, and as the user asked.
PassOptions passes_of(const Backend& inner, const StepRequest& request) {
  PassOptions options = inner.passes;
  if (request.passes == nullptr) return options;
  options.keep_fp32 = request.passes->keep_fp32;
  options.disabled.insert(request.passes->disabled.begin(), request.passes->disabled.end());
  const std::string& folder = request.passes->dump_folder;
  if (!folder.empty()) options.dump_folder = folder + "/" + request.call.node.name;
  return options;
}

/// The originals of what the program holds in another form stay in their file, but not in memory.
void release_originals(const Parameters& originals, const Program& program) {
  std::set<const void*> read;
  for (const Tensor& constant : program.constants) read.insert(constant.data());
  for (const auto& [name, original] : originals) {
    if (!read.contains(original.data())) release_file_pages(original.data(), original.bytes());
  }
}

/// A body as the program is built from it.
struct Lowered {
  Graph graph;
  Parameters parameters;
  std::vector<std::string> inputs;  ///< of the engine node, as the body's variables are called
  Origins origins;
  Parameters originals;  ///< those of the model that were absorbed
};

Lowered lower(const Backend& inner, const StepRequest& request, bool joined) {
  const Graph& body = *request.call.node.body;
  const Parameters values = absorbed(body, request.parameters.model().parameters());
  Body lowered(body, values);
  if (takes_primitives(inner)) run_passes(lowered, passes_of(inner, request));
  if (joined) inner.fuse(lowered);
  if (inner.portions) {
    std::set<std::string> constants;
    for (const auto& [name, value] : lowered.parameters) constants.insert(name);
    lowered.graph = in_portions(lowered.graph, constants, portion_cache_bytes());
  }
  return {std::move(lowered.graph), std::move(lowered.parameters), input_names(body, values),
          std::move(lowered.origins), values};
}

Lowered recorded(const ProgramRecord& record) {
  return {record.graph, record.constants, record.inputs, {}, {}};
}

Program build(const Backend& inner, const StepRequest& request, Lowered lowered) {
  Program program = build_program(
      std::move(lowered.graph), inner, lowered.parameters, request.parameters,
      {.give_results = true, .tuner = request.tuner, .origins = &lowered.origins, .record = request.record});
  release_originals(lowered.originals, program);
  renumber_feeds(program, lowered.inputs);
  return program;
}

Program build(const Backend& inner, const StepRequest& request) {
  if (request.record != nullptr) return build(inner, request, recorded(*request.record));
  if (!inner.fuse) return build(inner, request, lower(inner, request, false));
  try {
    return build(inner, request, lower(inner, request, true));
  } catch (const Error& error) {
    // What is joined runs by generated kernels alone, and those may not compile.
    if (error.code() != ErrorCode::unsupported) throw;
    log(LogLevel::warning, "node '{}': its operators are not joined: {}", request.call.node.name, error.what());
    return build(inner, request, lower(inner, request, false));
  }
}

Offer offer(const Backend& inner, const StepRequest& request) {
  const auto program = std::make_shared<const Program>(build(inner, request));

  StepPlan plan;
  plan.packed = parameters_of(*program);
  plan.body = program;
  plan.kernel.workspace_bytes = program->arena_bytes;
  plan.kernel.run = [program](const Operands& operands) {
    run(*program, {operands.workspace, operands.src, operands.dst, operands.stream});
  };
  return plan;
}

}  // namespace

Implementation engine_implementation(std::shared_ptr<const Backend> inner) {
  return {"engine:" + inner->name, {engine_op().name}, [inner = std::move(inner)](const StepRequest& request) {
            return offer(*inner, request);
          }};
}

}  // namespace tenon
