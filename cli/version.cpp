// tenon version: what this build is made of.

#include <memory>

#include <fmt/format.h>

#include <tenon/c_api.h>
#include <tenon/version.h>

#include "report.h"
#include "verbs.h"

namespace tenon::cli {

Verb version_verb(CLI::App& parent) {
  const auto json = std::make_shared<bool>(false);
  CLI::App& app = *parent.add_subcommand("version", "Print the version and what this build is made of");
  app.add_flag("--json", *json, "One JSON object");
  return {&app, [json] {
            Json object = {{"tenon", version()}, {"c_api", TENON_C_API_VERSION}};
            std::string text = fmt::format("tenon {}\n", version());
            for (const auto& [what, which] : components()) {
              object[what] = which;
              text += fmt::format("{}: {}\n", what, which);
            }
            *json ? print_json(object) : print(text);
            return 0;
          }};
}

}  // namespace tenon::cli
