#include "passes/numbers.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace tenon {

bool Numbers::all(double number) const {
  return std::all_of(values.begin(), values.end(), [&](double value) { return value == number; });
}

Expression Numbers::leaf(Body& body, Epilogue& epilogue, const std::string& name) const {
  if (values.size() == 1 && !origin) return constant(static_cast<float>(values[0]));
  if (origin) return operand(epilogue.number_of(*origin));
  Tensor tensor({std::ssize(values)}, DType::float32);
  std::transform(values.begin(), values.end(), tensor.mutable_data<float>(),
                 [](double value) { return static_cast<float>(value); });
  return operand(epilogue.number_of(body.add_constant(name, std::move(tensor))));
}

std::optional<Numbers> numbers_of(const Body& body, const Epilogue& epilogue, const Shape& out,
                                  const Expression& leaf) {
  if (leaf.kind == Expression::Kind::constant) return Numbers{{leaf.constant}, {}};
  if (leaf.kind != Expression::Kind::operand) return {};
  const Value value = epilogue.operands[static_cast<std::size_t>(leaf.index)];
  if (body.constant(value) == nullptr || body.shape(value) == out) return {};
  const Tensor tensor = body.constant_as(value, DType::float64);
  const double* data = tensor.data<double>();
  return Numbers{std::vector<double>(data, data + tensor.elements()), value};
}

Numbers combine(std::string_view function, const Numbers& a, const Numbers& b) {
  const auto compute = [&](double left, double right) {
    if (function == "add") return left + right;
    if (function == "sub") return left - right;
    if (function == "mul") return left * right;
    if (function == "div") return left / right;
    fail(ErrorCode::internal, "{} does not combine numbers", function);
  };
  Numbers result;
  const std::size_t count = std::max(a.values.size(), b.values.size());
  for (std::size_t i = 0; i < count; ++i) {
    result.values.push_back(compute(a.values[a.values.size() == 1 ? 0 : i], b.values[b.values.size() == 1 ? 0 : i]));
  }
  return result;
}

}  // namespace tenon
