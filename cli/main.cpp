#include <cstdio>
#include <new>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <tenon/error.h>

#include "verbs.h"

namespace tenon::cli {
namespace {

constexpr const char* kFooter = R"(Start here:
  tenon zoo                                        the networks that are built in
  tenon run resnet18_v2                            run one on seeded random input
  tenon run mymodel --image cat.jpg --labels synset.txt
  tenon bench mymodel --batch 1,8,32               time it, before and after acceleration
  tenon build mymodel --output mymodel.plan        compile it once; `tenon run mymodel.plan` starts in milliseconds
  tenon explain mymodel                            what was taken, fused and refused, what each step costs
  tenon show mymodel --shape data=1,3,224,224      layers, shapes, parameters, multiply-adds

`tenon VERB --help` explains a verb and shows examples.

Exit codes: 0 done, 1 invalid argument, 2 not found, 3 damaged file, 4 unsupported, 5 out of memory,
6 reading or writing failed, 7 a defect in Tenon, 8 `compare` found a difference, 130 interrupted.
)";

int complain(ErrorCode code, const std::string& sentence) {
  fmt::print(stderr, "tenon: {}\n", sentence);
  return static_cast<int>(code);
}

int refuse_command_line(const CLI::App& app, const CLI::ParseError& error) {
  const auto parsed = app.get_subcommands();
  const auto unknown = app.remaining();
  const std::string verb = parsed.empty() ? "" : parsed.front()->get_name() + " ";
  const std::string what =
      parsed.empty() && !unknown.empty() ? fmt::format("there is no verb '{}'", unknown.front()) : error.what();
  return complain(ErrorCode::invalid_argument, fmt::format("{} (`tenon {}--help` explains)", what, verb));
}

int main_with(int argc, char** argv) {
  CLI::App app("Tenon runs the models people trained in Apache MXNet, without MXNet.", "tenon");
  app.footer(kFooter);
  app.require_subcommand(1);
  const std::vector<Verb> verbs = {run_verb(app),     build_verb(app),  bench_verb(app),  explain_verb(app),
                                   compare_verb(app), show_verb(app),   report_verb(app), zoo_verb(app),
                                   devices_verb(app), version_verb(app)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return refuse_command_line(app, error);
  }
  for (const Verb& verb : verbs) {
    if (verb.app->parsed()) return verb.run();
  }
  return 0;
}

}  // namespace
}  // namespace tenon::cli

int main(int argc, char** argv) {
  using tenon::ErrorCode;
  try {
    return tenon::cli::main_with(argc, argv);
  } catch (const tenon::Error& error) {
    return tenon::cli::complain(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return tenon::cli::complain(ErrorCode::out_of_memory, "there is not enough memory");
  } catch (const std::exception& error) {
    return tenon::cli::complain(ErrorCode::internal, error.what());
  }
}
