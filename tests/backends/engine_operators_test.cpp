// MXNet's operators that the accelerated backend runs itself, beside the naive reference, over generated shapes.

#include "backends/engine_trial.h"

#include <fmt/ranges.h>

namespace tenon {
namespace {

Shape draw_shape(Draw& draw, int rank) {
  std::vector<std::int64_t> shape;
  for (int axis = 0; axis < rank; ++axis) shape.push_back(draw.one_of({1, 2, 3, 7, 16, 17, 33}));
  return Shape(std::move(shape));
}

std::string nodes(const std::string& node, int outputs = 1) {
  std::string text = "%y = " + node + "\nreturn %y";
  for (int i = 1; i < outputs; ++i) text += fmt::format(", %y#{}", i);
  return text + "\n";
}

TEST(EngineOperators, Normalizations) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    Draw draw(seed);
    const Shape shape = draw_shape(draw, static_cast<int>(draw.from(3, 4)));
    EngineTrial trial{"%data = variable\n", {{"data", draw.tensor(shape)}}};
    const auto affine = [&](std::int64_t parameters, const std::string& call) {
      trial.text += "%gamma = variable\n%beta = variable\n" + nodes(call);
      trial.values["gamma"] = draw.tensor({parameters});
      trial.values["beta"] = draw.tensor({parameters});
    };
    const int axis = static_cast<int>(draw.from(0, shape.rank() - 1));
    switch (draw.from(0, 3)) {
      case 0:
        affine(shape[axis], fmt::format("LayerNorm(%data, %gamma, %beta) {{axis={}, eps=0.01}}", axis - shape.rank()));
        break;
      case 1:
        affine(shape[1], "InstanceNorm(%data, %gamma, %beta) {eps=0.01}");
        break;
      case 2:
        affine(1, "GroupNorm(%data, %gamma, %beta) {num_groups=1, eps=0.01}");
        break;
      default:
        trial.text +=
            nodes(fmt::format("L2Normalization(%data) {{mode={}}}", draw.one_of({"instance", "channel", "spatial"})));
        trial.expect_close(2e-6, "tenon:l2_norm");
        continue;
    }
    // Where a line has one element, its deviation is the difference of equal numbers.
    trial.expect_close(2e-5, "tenon:standardize");
    if (testing::Test::HasFailure()) return;
  }
}

TEST(EngineOperators, Resizes) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    Draw draw(seed);
    EngineTrial trial{"%data = variable\n", {{"data", draw.tensor(draw_shape(draw, 4))}}};
    if (draw.from(0, 1) == 0) {
      trial.text +=
          nodes(fmt::format("UpSampling(%data) {{scale={}, sample_type=nearest, num_args=1}}", draw.from(1, 4)));
      trial.expect_close(0, "tenon:resize");
    } else {
      trial.text += nodes(fmt::format("_contrib_BilinearResize2D(%data) {{height={}, width={}, align_corners={}}}",
                                      draw.one_of({1, 2, 5, 16, 40}), draw.one_of({1, 3, 17, 33}),
                                      draw.one_of({"True", "False"})));
      trial.expect_close(2e-6, "tenon:resize");
    }
    if (testing::Test::HasFailure()) return;
  }
}

TEST(EngineOperators, Softmax) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    Draw draw(seed);
    const Shape shape = draw_shape(draw, static_cast<int>(draw.from(2, 4)));
    EngineTrial trial{"%data = variable\n", {{"data", draw.tensor(shape, 20)}}};
    const std::int64_t axis = draw.from(-shape.rank(), shape.rank() - 1);
    const std::string node = draw.one_of<std::string>(
        {fmt::format("softmax(%data) {{axis={}}}", axis), fmt::format("log_softmax(%data) {{axis={}}}", axis),
         "SoftmaxActivation(%data) {mode=channel}", "SoftmaxActivation(%data)"});
    trial.text += nodes(node);
    trial.expect_close(2e-6, "tenon:softmax");
    if (testing::Test::HasFailure()) return;
  }
}

TEST(EngineOperators, Reductions) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    Draw draw(seed);
    const Shape shape = draw_shape(draw, static_cast<int>(draw.from(1, 4)));
    const std::int64_t first = draw.from(0, shape.rank() - 1), last = draw.from(first, shape.rank() - 1);
    std::vector<std::int64_t> axes;
    for (std::int64_t axis = first; axis <= last; ++axis) axes.push_back(axis);
    EngineTrial trial{"%data = variable\n", {{"data", draw.tensor(shape)}}};
    if (draw.from(0, 9) == 0) trial.values["data"].mutable_data<float>()[0] = std::nanf("");
    trial.text += nodes(fmt::format("{}(%data) {{axis=({},), keepdims={}}}", draw.one_of({"sum", "mean", "max", "min"}),
                                    fmt::join(axes, ", "), draw.one_of({"True", "False"})));
    trial.expect_close(4e-6, "tenon:reduce");
    if (testing::Test::HasFailure()) return;
  }
}

TEST(EngineOperators, CopiesAreExact) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    Draw draw(seed);
    const int rank = static_cast<int>(draw.from(2, 4));
    const Shape shape = draw_shape(draw, rank);
    std::vector<int> axes{0, 1, 2, 3};
    axes.resize(static_cast<std::size_t>(rank));
    for (int i = rank - 1; i > 0; --i)
      std::swap(axes[static_cast<std::size_t>(i)], axes[static_cast<std::size_t>(draw.from(0, i))]);
    const int axis = static_cast<int>(draw.from(0, rank - 1));
    const std::int64_t begin = draw.from(0, shape[axis] - 1), end = draw.from(begin + 1, shape[axis]);
    const std::string node = draw.one_of<std::string>(
        {fmt::format("transpose(%data) {{axes=({})}}", fmt::join(axes, ", ")),
         fmt::format("SwapAxis(%data) {{dim1={}, dim2={}}}", axis, axes[0]),
         fmt::format("slice_axis(%data) {{axis={}, begin={}, end={}}}", axis, begin, end),
         fmt::format("reverse(%data) {{axis={}}}", axis), fmt::format("repeat(%data) {{repeats=3, axis={}}}", axis),
         fmt::format("SliceChannel(%data) {{num_outputs={}, axis={}}}", shape[axis], axis)});
    const bool splits = node.starts_with("Slice");
    EngineTrial{"%data = variable\n" + nodes(node, splits ? static_cast<int>(shape[axis]) : 1),
                {{"data", draw.tensor(shape)}}}
        .expect_close(0, "tenon:copy");
    if (testing::Test::HasFailure()) return;
  }
}

TEST(EngineOperators, Products) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    Draw draw(seed);
    const std::int64_t batch = draw.one_of({1, 2, 5}), rows = draw.one_of({1, 3, 16, 40, 130}),
                       inner = draw.one_of({1, 2, 31, 64, 600}), columns = draw.one_of({1, 8, 32, 50});
    const bool turn_a = draw.from(0, 1) == 1, turn_b = draw.from(0, 1) == 1, batched = draw.from(0, 2) > 0;
    const auto matrices = [&](std::int64_t r, std::int64_t c, bool turned) {
      if (turned) std::swap(r, c);
      return batched ? Shape{batch, r, c} : Shape{r, c};
    };
    const float size = 2 / std::sqrt(static_cast<float>(inner));
    const std::string b = draw.one_of({"w", "f"});
    EngineTrial{fmt::format("%data = variable\n%{} = variable\n", b) +
                    nodes(fmt::format("{}(%data, %{}) {{transpose_a={}, transpose_b={}{}}}",
                                      batched ? draw.one_of({"batch_dot", "_linalg_gemm2"}) : "dot", b,
                                      turn_a ? "True" : "False", turn_b ? "True" : "False", "")),
                {{"data", draw.tensor(matrices(rows, inner, turn_a))},
                 {b, draw.tensor(matrices(inner, columns, turn_b), size)}}}
        .expect_close(2e-6, "tenon:product");
    if (testing::Test::HasFailure()) return;
  }
}

TEST(EngineOperators, RowsByIndex) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    Draw draw(seed);
    const std::int64_t rows = draw.from(1, 50), width = draw.one_of({1, 3, 16, 70}), count = draw.from(1, 40);
    Tensor indices = draw.tensor({2, count}, static_cast<float>(rows) + 3);  // some of them outside
    EngineTrial{"%data = variable\n%w = variable\n" +
                    nodes(draw.from(0, 1) == 0
                              ? fmt::format("Embedding(%data, %w) {{input_dim={}, output_dim={}}}", rows, width)
                              : "take(%w, %data)"),
                {{"data", indices}, {"w", draw.tensor({rows, width})}}}
        .expect_close(0, "tenon:rows");
    if (testing::Test::HasFailure()) return;
  }
}

/// What feeds a Concat writes into its result, and nobody overwrites that.
TEST(EngineOperators, ConcatTakesWhatWasWrittenInPlace) {
  Draw draw(1);
  for (const auto& [channels, batch] : {std::pair{16, 1}, {32, 1}, {8, 1}, {16, 2}}) {
    std::map<std::string, Tensor> values{{"data", draw.tensor({batch, channels, 5, 5})}};
    // A dense block: every layer reads all before it; some values are read again behind the joining, some are outputs.
    EngineTrial{
        "%data = variable\n"
        "%a = pooling(%data) {kernel=(3, 3), pad_begin=(1, 1), pad_end=(1, 1)}\n"
        "%b = pointwise(%a) {epilogue=mul(x, 2)}\n"
        "%ab = Concat(%a, %b) {num_args=2}\n"
        "%r = pointwise(%ab) {epilogue=relu(x)}\n"
        "%c = pooling(%r) {type=avg, kernel=(1, 1), epilogue=sub(x, 1)}\n"
        "%abc = Concat(%ab, %c) {num_args=2}\n"
        "%twice = Concat(%b, %b, %a) {num_args=3}\n"
        "%s = pointwise(%abc) {epilogue=sigmoid(x)}\n"
        "%b2 = pointwise(%b) {epilogue=add(x, 1)}\n"
        "return %s, %twice, %b2, %ab, %c\n",
        values}
        .expect_close(2e-6, "cpu:concat");
  }
}

TEST(EngineOperators, RecurrentLayers) {
  for (unsigned seed = 0; seed < 120; ++seed) {
    Draw draw(seed);
    const std::string mode = draw.one_of({"lstm", "gru", "rnn_tanh", "rnn_relu"});
    const bool lstm = mode == "lstm";
    const std::int64_t gates = lstm            ? 4
                               : mode == "gru" ? 3
                                               : 1,
                       steps = draw.from(1, 6), batch = draw.from(1, 4), input = draw.one_of({1, 5, 40}),
                       hidden = draw.one_of({1, 16, 24, 33}), layers = draw.from(1, 2), directions = draw.from(1, 2);
    std::int64_t blob = 0;
    for (std::int64_t layer = 0; layer < layers; ++layer) {
      const std::int64_t width = layer == 0 ? input : directions * hidden;
      blob += directions * gates * hidden * (width + hidden + 2);
    }
    const Shape state{layers * directions, batch, hidden};
    const std::string blob_name = draw.one_of({"w", "f"});
    EngineTrial trial{
        "%data = variable\n%" + blob_name + " = variable\n%h = variable\n" + (lstm ? "%e = variable\n" : ""),
        {{"data", draw.tensor({steps, batch, input})},
         {blob_name, draw.tensor({blob}, 2 / std::sqrt(static_cast<float>(input + hidden)))},
         {"h", draw.tensor(state)}}};
    if (lstm) trial.values["e"] = draw.tensor(state);
    trial.text +=
        nodes(fmt::format("RNN(%data, %{}, %h{}) {{mode={}, state_size={}, num_layers={}, bidirectional={}, "
                          "state_outputs=True}}",
                          blob_name, lstm ? ", %e" : "", mode, hidden, layers, directions == 2 ? "True" : "False"),
              lstm ? 3 : 2);
    // Errors feed back through every step.
    trial.expect_close(2e-5, "tenon:recurrent");
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace tenon
