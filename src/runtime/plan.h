#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <tenon/engine.h>

#include "engine/kernel_binaries.h"
#include "engine/parameters.h"
#include "engine/record.h"
#include "formats/plan/plan_file.h"

namespace tenon {

struct Backend;
struct EngineState;

/// One program of a plan.
struct PlanProgram {
  std::map<std::string, Shape> inputs;
  std::function<ProgramRecord()> read;  ///< throws Error as load_plan() does
};

/// What a plan file holds, checked and ready to be built again.
struct Plan {
  std::string path;
  BindOptions options;
  std::vector<PlanProgram> programs;  ///< one a batch size, in their order
  std::size_t saved = 0;              ///< the one of the engine that was saved
  std::vector<std::string> output_names;
  std::vector<RefusedNode> refused;
  std::shared_ptr<ParameterStore> store;    ///< over the file's memory, and over copies of it in a device's
  std::shared_ptr<KernelBinaries> kernels;  ///< of a device; null on the host
};

/// As Engine::save() and Engine::load() say.
void save_plan(const EngineState& engine, const std::string& path);
Plan load_plan(const std::string& path);
/// The same of what lies in memory; errors name `path`.
Plan read_plan(const std::string& path, PlanFile file);

/// What the packed parameters of a plan depend on, beside the processor.
std::string plan_components(const Backend& backend);

}  // namespace tenon
