#include "conformance/pack.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>

#include <nlohmann/json.hpp>

#include <tenon/npz.h>
#include "conformance/formula.h"
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

const Tensor& find(const Parameters& arrays, const std::string& key) {
  const auto found = arrays.find(key);
  if (found == arrays.end()) fail(ErrorCode::not_found, "the archive has no member '{}'", key);
  return found->second;
}

// Operators: FAMILY.json and FAMILY.npz.

/// An archive that is read when it is first needed.
class Archive {
 public:
  explicit Archive(path file) : file_(std::move(file)) {}
  const Parameters& arrays() {
    if (!arrays_) arrays_ = read_npz(file_.string());
    return *arrays_;
  }

 private:
  path file_;
  std::optional<Parameters> arrays_;
};

Problem open_operator(const json& entry, const Parameters& arrays) {
  const auto read = [&](const char* kind) {
    Parameters result;
    for (const auto& [name, array] : entry.at(kind).items()) result[name] = find(arrays, array.at("key"));
    return result;
  };
  const Model model = Model::from_json(entry.at("symbol").get<std::string>());
  Problem problem{model.with_parameters(read("aux")), read("args"), {}};
  for (const json& output : entry.at("outputs")) {
    problem.expected.push_back({output.at("name"), find(arrays, output.at("key")),
                                output.contains("alt") ? find(arrays, output["alt"]) : Tensor{}, output.at("rtol"),
                                output.at("atol")});
  }
  return problem;
}

void read_family(const json& family, const path& file, std::vector<Case>& cases) {
  const auto archive = std::make_shared<Archive>(path(file).replace_extension("npz"));
  for (const json& entry : family.at("cases")) {
    cases.push_back({family.at("family"), entry.at("name"), entry.at("op"), false, false,
                     [entry] { return entry.at("symbol").get<std::string>(); },
                     [entry, archive] { return open_operator(entry, archive->arrays()); }});
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
  Problem problem{Model::from_json(entry.at("symbol").get<std::string>()), {}, {}};
  for (const auto& [name, dims] : entry.at("shapes").items()) {
    const Shape shape = read_shape(dims);
    const DType dtype = entry.at("dtypes").contains(name) ? read_dtype(entry["dtypes"][name]) : DType::float32;
    Tensor& value = problem.inputs[name];
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

/// Parameters for every argument and auxiliary state that is neither an input nor a label.
Parameters formula_parameters(const Model& model, const Parameters& inputs, double gain) {
  std::map<std::string, TensorType> known;
  for (const auto& [name, value] : inputs) known[name] = {value.shape(), value.dtype()};
  const auto types = model.infer(known);
  Parameters parameters;
  for (const auto& names : {model.arguments(), model.auxiliary_states()}) {
    for (const std::string& name : names) {
      if (inputs.contains(name) || name.ends_with("label")) continue;
      parameters[name] = formula_parameter(name, types.at(name).shape, gain);
    }
  }
  return parameters;
}

Problem open_model(const json& entry, const path& folder, double relative_to_max) {
  const auto file = [&](const char* field) { return (folder / entry.at(field).get<std::string>()).string(); };
  const Parameters arrays = read_npz(file("golden"));
  Parameters inputs;
  for (const auto& [name, input] : entry.at("inputs").items()) {
    inputs[name] = input.contains("key")
                       ? find(arrays, input["key"])
                       : formula(input.at("formula").get<std::string>(), read_shape(input.at("shape")));
  }
  const json& params = entry.at("params");
  Model model = Model::load_files(file("symbol"), params.is_string() ? file("params") : "");
  if (params.is_object()) {
    model = model.with_parameters(formula_parameters(model, inputs, params.at("formula").at("gain")));
  }
  Problem problem{model, std::move(inputs), {}};
  for (const std::string key : entry.at("outputs")) {
    const Tensor& golden = find(arrays, key);
    // "out/prob1_output"; the zoo's outputs are numbered.
    std::string name = key.substr(key.find('/') + 1);
    if (entry.contains("zoo")) name.clear();
    problem.expected.push_back({std::move(name), golden, {}, 0, relative_to_max * max_magnitude(golden)});
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
