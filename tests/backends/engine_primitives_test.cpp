// The accelerated backend's pooling, matmul and pointwise beside the naive reference, over generated shapes.

#include "backends/engine_trial.h"

#include <gmock/gmock.h>

namespace tenon {
namespace {

/// An epilogue with what it reads: c for a vector over the channels, t for a tensor like the result.
struct Epilogue {
  const char* text;
  const char* kinds;
};

constexpr std::initializer_list<Epilogue> kEpilogues = {
    {"x", ""},
    {"add(x, $0)", "c"},
    {"relu(fma(x, $0, $1))", "cc"},
    {"relu(add(add(x, $0), $1))", "ct"},
    {"add(x, $0); relu(fma(y0, $1, $2))", "tcc"},
    {"max(x, 0.5)", ""},
    {"leaky(add(x, $0), $1)", "cc"},
    {"mul(x, sigmoid(add(x, $0))); tanh(mul(y0, $1))", "ct"},
};

/// Adds the epilogue's operands to the graph's variables, and the node that has it.
void add_node(EngineTrial& trial, Draw& draw, const std::string& node, std::string inputs, std::string attributes,
              const Epilogue& epilogue, std::int64_t channels, const Shape& result) {
  for (int k = 0; epilogue.kinds[k] != 0; ++k) {
    const bool vector = epilogue.kinds[k] == 'c';
    const std::string variable = fmt::format("{}{}", draw.one_of({"c", "f"}), k);
    trial.text += fmt::format("%{} = variable\n", variable);
    trial.values[variable] = draw.tensor(vector ? Shape{channels} : result);
    inputs += ", %" + variable;
  }
  const std::string separator = attributes.empty() ? "" : ", ";
  trial.text +=
      fmt::format("%y = {}({}) {{{}{}epilogue={}}}\nreturn %y{}\n", node, inputs, attributes, separator, epilogue.text,
                  std::string_view(epilogue.text).find(';') != std::string_view::npos ? ", %y#1" : "");
}

/// Shapes as data(N, C, spatial…), now and then a single pixel, a single channel or many of them.
Shape draw_shape(Draw& draw, int rank) {
  std::vector<std::int64_t> shape{draw.one_of({1, 2, 5}), draw.one_of({1, 3, 8, 16, 17, 32, 45})};
  for (int axis = 0; axis < rank; ++axis) shape.push_back(draw.one_of({1, 2, 5, 9, 13, 40}));
  return Shape(std::move(shape));
}

TEST(EnginePrimitives, PoolingAgreesWithTheReference) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Draw draw(seed);
    const int rank = static_cast<int>(draw.from(1, seed % 10 == 0 ? 3 : 2));
    const Shape shape = draw_shape(draw, rank);
    Tensor data = draw.tensor(shape);
    const std::int64_t power = draw.from(1, 3);
    if (power == 3) {  // the cube root of a difference would be as good as random
      for (std::int64_t i = 0; i < data.elements(); ++i)
        data.mutable_data<float>()[i] = std::abs(data.data<float>()[i]);
    }
    EngineTrial trial{"%data = variable\n", {{"data", data}}};
    Shape result = shape;
    std::string attributes =
        fmt::format("type={}, p_value={}, count_include_pad={}", draw.one_of({"max", "avg", "sum", "lp"}), power,
                    draw.one_of({"True", "False"}));
    if (draw.from(0, 3) == 0) {
      attributes += ", global=True";
      for (int axis = 0; axis < rank; ++axis) result[2 + axis] = 1;
    } else {
      std::string kernel, stride, begin, end;
      for (int axis = 0; axis < rank; ++axis) {
        const std::int64_t pad = draw.from(0, 1), far = draw.from(0, 2);
        const std::int64_t k = draw.from(1, std::min<std::int64_t>(4, shape[2 + axis] + pad + far));
        const std::int64_t s = draw.from(1, 3);
        result[2 + axis] = (shape[2 + axis] + pad + far - k) / s + 1;
        kernel += fmt::format("{},", k);
        stride += fmt::format("{},", s);
        begin += fmt::format("{},", pad);
        end += fmt::format("{},", far);
      }
      attributes += fmt::format(", kernel=({}), stride=({}), pad_begin=({}), pad_end=({})", kernel, stride, begin, end);
    }
    // A window of padding alone gives the lowest number, which leaves no room for an epilogue.
    const bool lowest =
        attributes.find("type=max") != std::string::npos && attributes.find("pad_end") != std::string::npos;
    add_node(trial, draw, "pooling", "%data", attributes, lowest ? Epilogue{"x", ""} : draw.one_of(kEpilogues),
             shape[1], result);
    trial.expect_close(2e-6, "tenon:pooling");
    if (testing::Test::HasFailure()) return;
  }
}

TEST(EnginePrimitives, AMaximumPassesOverNaN) {
  Tensor data = tensor({1, 1, 2, 3}, {1, NAN, 3, -1, 5, NAN});
  EngineTrial{"%data = variable\n%y = pooling(%data) {kernel=(2, 2)}\nreturn %y\n", {{"data", data}}}.expect_close(
      0, "tenon:pooling");
}

TEST(EnginePrimitives, MatmulAgreesWithTheReference) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Draw draw(seed);
    const std::int64_t rows = draw.one_of({1, 1, 2, 3, 14, 15, 16, 29, 113, 130}),
                       columns = draw.one_of({1, 5, 16, 31, 32, 33, 100});
    const std::int64_t inner = draw.one_of({1, 2, 3, 7, 64, 513, 1100});
    const bool keep = draw.from(0, 1) == 1;
    const Shape shape = keep ? Shape{1, rows, inner} : Shape{rows, inner};
    const std::string weight = draw.one_of({"w", "fw"});
    EngineTrial trial{"%data = variable\n%" + weight + " = variable\n",
                      {{"data", draw.tensor(shape)},
                       {weight, draw.tensor({columns, inner}, 2 / std::sqrt(static_cast<float>(inner)))}}};
    add_node(trial, draw, "matmul", "%data, %" + weight, keep ? "flatten=False" : "", draw.one_of(kEpilogues), columns,
             keep ? Shape{1, rows, columns} : Shape{rows, columns});
    // Sums of up to 1100 products, rounded each.
    trial.expect_close(5e-6, "tenon:matmul");
    if (testing::Test::HasFailure()) return;
  }
}

TEST(EnginePrimitives, PointwiseAgreesWithTheReference) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Draw draw(seed);
    const int rank = static_cast<int>(draw.from(0, 2));
    const Shape shape = draw_shape(draw, rank);
    const std::int64_t axis = draw.one_of({1, 1, 0, -1});
    EngineTrial trial{"%data = variable\n", {{"data", draw.tensor(shape)}}};
    std::string source = "%data";
    if (rank > 0 && draw.from(0, 1) == 0) {  // what a pooling leaves in blocks
      trial.text += fmt::format("%blocked = pooling(%data) {{kernel={}}}\n", rank == 1 ? "(1,)" : "(1, 1)");
      source = "%blocked";
    }
    const int resolved = static_cast<int>(axis < 0 ? axis + shape.rank() : axis);
    add_node(trial, draw, "pointwise", source, fmt::format("axis={}", axis), draw.one_of(kEpilogues), shape[resolved],
             shape);
    trial.expect_close(2e-6, "tenon:pointwise");
    if (testing::Test::HasFailure()) return;
  }
}

TEST(EnginePrimitives, WithoutVectorInstructionsTheReferenceRuns) {
  cpu::limit_isa(cpu::Isa::none);
  const EngineTrial trial{"%data = variable\n%y = pointwise(%data) {epilogue=relu(x)}\nreturn %y\n",
                          {{"data", tensor({3}, {-1, 0, 2})}}};
  const auto outcome = trial.run_accelerated(cpu::accelerated_backend());
  cpu::limit_isa(cpu::Isa::avx512);
  EXPECT_THAT(outcome.implementations, testing::ElementsAre("reference"));
  expect_tensor(outcome.outputs[0], {3}, {0, 0, 2});
}

}  // namespace
}  // namespace tenon
