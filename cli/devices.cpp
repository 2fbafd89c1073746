// tenon devices: what models can run on, and which libraries that are opened at run time are there.

#include <memory>

#include <fmt/format.h>

#include <tenon/devices.h>

#include "report.h"
#include "table.h"
#include "verbs.h"

namespace tenon::cli {
namespace {

Json json_of(const DeviceList& list) {
  Json devices = Json::array(), libraries = Json::array();
  for (const DeviceInfo& info : list.devices) {
    devices.push_back({{"device", info.device.str()},
                       {"name", info.name},
                       {"detail", info.detail},
                       {"memory_bytes", info.memory_bytes},
                       {"bytes_per_second", info.bytes_per_second},
                       {"operations_per_second", info.operations_per_second}});
  }
  for (const LibraryInfo& info : list.libraries) {
    libraries.push_back(
        {{"library", info.what}, {"file", info.file}, {"version", info.version}, {"problem", info.problem}});
  }
  return {{"devices", devices}, {"libraries", libraries}};
}

std::string text_of(const DeviceList& list) {
  Table devices({"device", "name", "memory", ""});
  for (const DeviceInfo& info : list.devices) {
    devices.add({info.device.str(), info.name, megabytes(info.memory_bytes), info.detail});
  }
  std::string text = devices.str() + "\n";
  for (const LibraryInfo& info : list.libraries) {
    text += info.problem.empty() ? fmt::format("{} {}: {}\n", info.what, info.version, info.file)
                                 : fmt::format("{} is missing: {}\n", info.what, info.problem);
  }
  return text;
}

}  // namespace

Verb devices_verb(CLI::App& parent) {
  const auto json = std::make_shared<bool>(false);
  CLI::App& app = *parent.add_subcommand("devices", "List what models can run on, and what is missing for more");
  app.add_flag("--json", *json, "One JSON object");
  return {&app, [json] {
            const DeviceList list = list_devices();
            *json ? print_json(json_of(list)) : print(text_of(list));
            return 0;
          }};
}

}  // namespace tenon::cli
