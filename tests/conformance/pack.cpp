#include "conformance/pack.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>

#include <nlohmann/json.hpp>

#include "conformance/formula.h"
#include "conformance/npz.h"
#include "conformance/symbol.h"
#include "core/error.h"

namespace tenon::conformance {
namespace {

using nlohmann::json;
using std::filesystem::path;

std::string read_text(const path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) fail(ErrorCode::not_found, "{} cannot be opened", file.string());
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

json read_json(const path& file) {
  try {
    return json::parse(read_text(file));
  } catch (const json::exception& error) {
    fail(ErrorCode::corrupt, "{}: {}", file.string(), error.what());
  }
}

Shape read_shape(const json& dims) {
  return Shape(dims.get<std::vector<std::int64_t>>());
}

DType read_dtype(const json& word) {
  const auto dtype = parse_dtype(word.get<std::string>());
  if (!dtype) fail(ErrorCode::unsupported, "there is no element type {}", word.dump());
  return *dtype;
}

// Operators: FAMILY.json and FAMILY.npz.

Problem open_operator(const json& entry, const Npz& arrays) {
  Problem problem{read_symbol(entry.at("symbol").get<std::string>()), {}, {}};
  for (const char* kind : {"args", "aux"}) {
    for (const auto& [name, array] : entry.at(kind).items()) problem.values[name] = arrays.read(array.at("key"));
  }
  for (const json& output : entry.at("outputs")) {
    problem.expected.push_back({output.at("name"), arrays.read(output.at("key")),
                                output.contains("alt") ? arrays.read(output["alt"]) : Tensor{}, output.at("rtol"),
                                output.at("atol")});
  }
  return problem;
}

void read_family(const json& family, const path& file, std::vector<Case>& cases) {
  const auto arrays = std::make_shared<Npz>(path(file).replace_extension("npz"));
  for (const json& entry : family.at("cases")) {
    cases.push_back({family.at("family"), entry.at("name"), entry.at("op"), false, false,
                     [entry] { return entry.at("symbol").get<std::string>(); },
                     [entry, arrays] { return open_operator(entry, *arrays); }});
  }
}

// Refusals: errors.json.

Tensor read_values(const json& values, const Shape& shape, DType dtype) {
  Tensor tensor(shape, DType::float64);
  if (values.size() != static_cast<std::size_t>(tensor.elements())) {
    fail(ErrorCode::corrupt, "{} values do not fill shape {}", values.size(), shape.str());
  }
  for (std::size_t i = 0; i < values.size(); ++i) tensor.mutable_data<double>()[i] = values[i];
  return tensor.astype(dtype);
}

Problem open_refusal(const json& entry) {
  Problem problem{read_symbol(entry.at("symbol").get<std::string>()), {}, {}};
  for (const auto& [name, dims] : entry.at("shapes").items()) {
    const Shape shape = read_shape(dims);
    const DType dtype = entry.at("dtypes").contains(name) ? read_dtype(entry["dtypes"][name]) : DType::float32;
    Tensor& value = problem.values[name];
    if (entry.at("params").contains(name)) {
      value = read_values(entry["params"][name], shape, dtype);
    } else {
      value = Tensor(shape, dtype);
      std::fill_n(static_cast<std::byte*>(value.mutable_data()), value.bytes(), std::byte{});
    }
  }
  return problem;
}

void read_refusals(const json& family, std::vector<Case>& cases) {
  for (const json& entry : family.at("cases")) {
    const bool unregistered = entry.at("mxnet_error").get<std::string>().find("is not registered") != std::string::npos;
    cases.push_back({family.at("family"), entry.at("name"), entry.value("op", "graph"), true, unregistered,
                     [entry] { return entry.at("symbol").get<std::string>(); },
                     [entry] { return open_refusal(entry); }});
  }
}

// Whole models: index.json.

/// Fills every argument that is neither an input nor a label.
void add_formula_parameters(Problem& problem, double gain) {
  std::map<std::string, TensorType> known;
  for (const auto& [name, value] : problem.values) known[name] = {value.shape(), value.dtype()};
  infer(problem.graph, known);
  std::vector<std::string> names = problem.graph.arguments();
  for (const std::string& name : problem.graph.auxiliary_states()) names.push_back(name);
  for (const std::string& name : names) {
    if (problem.values.contains(name) || name.ends_with("label")) continue;
    problem.values[name] =
        formula_parameter(name, problem.graph.type({problem.graph.find_variable(name), 0}).shape, gain);
  }
}

Problem open_model(const json& entry, const path& folder, double relative_to_max) {
  const Npz arrays(folder / entry.at("golden").get<std::string>());
  Problem problem{read_symbol(read_text(folder / entry.at("symbol").get<std::string>())), {}, {}};
  for (const auto& [name, input] : entry.at("inputs").items()) {
    problem.values[name] = input.contains("key")
                               ? arrays.read(input["key"])
                               : formula(input.at("formula").get<std::string>(), read_shape(input.at("shape")));
  }
  const json& params = entry.at("params");
  if (params.is_string()) fail(ErrorCode::unsupported, ".params files cannot be read yet");
  add_formula_parameters(problem, params.at("formula").at("gain"));
  for (const std::string key : entry.at("outputs")) {
    Tensor golden = arrays.read(key);
    const double atol = relative_to_max * max_magnitude(golden);
    problem.expected.push_back({key, std::move(golden), {}, 0, atol});
  }
  return problem;
}

void read_models(const json& index, const path& folder, std::vector<Case>& cases) {
  for (const json& entry : index.at("cases")) {
    cases.push_back({index.at("kind"), entry.at("name"), "network", false, false,
                     [entry, folder] { return read_text(folder / entry.at("symbol").get<std::string>()); },
                     [entry, folder, limit = index.at("relative_to_max").get<double>()] {
                       return open_model(entry, folder, limit);
                     }});
  }
}

}  // namespace

std::vector<Case> read_packs(const path& folder) {
  if (!std::filesystem::is_directory(folder)) fail(ErrorCode::not_found, "{} is not a folder", folder.string());
  std::vector<path> files;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() == ".json") files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Case> cases;
  for (const path& file : files) {
    if (file.filename() == "index.json") {
      read_models(read_json(file), folder, cases);
    } else if (file.filename() == "errors.json") {
      read_refusals(read_json(file), cases);
    } else if (std::filesystem::exists(path(file).replace_extension("npz"))) {
      read_family(read_json(file), file, cases);
    }
  }
  if (cases.empty())
    fail(ErrorCode::not_found, "{} has neither index.json nor FAMILY.json with FAMILY.npz", folder.string());
  return cases;
}

}  // namespace tenon::conformance
