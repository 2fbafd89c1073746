#include "core/processor.h"

#include <fstream>
#include <map>

namespace tenon {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  std::map<std::string, std::string> facts;  // of the first core
  for (std::string line; std::getline(file, line) && !line.empty();) {
    const auto tab = line.find('\t'), colon = line.find(": ");
    if (tab != std::string::npos && colon != std::string::npos) facts[line.substr(0, tab)] = line.substr(colon + 2);
  }
  const std::string name = facts["model name"];
  return (name.empty() ? "unknown" : name) + " " + facts["cpu family"] + "." + facts["model"] + "." + facts["stepping"];
}

}  // namespace tenon
