// MXNet's own checklist of what its TensorRT integration took: tests/python/tensorrt/test_ops.py of version 1.7, with
// the table that 1.8 and 1.9 kept. As there, every output goes through an identity, so that the two-node filter lets a
// single operator pass.

#include <gmock/gmock.h>

#include "partition/carve.h"
#include "partition/replace.h"
#include "support/evaluate.h"

namespace tenon {
namespace {

using testing::HasSubstr;

struct Case {
  std::string text;  ///< `%y = …` from variables
  std::map<std::string, Shape> shapes;
};

Graph typed(const Case& entry) {
  std::string text;
  for (const auto& [name, shape] : entry.shapes) text += "%" + name + " = variable\n";
  Graph graph = parse_graph(text + entry.text + "\n%out = _copy(%y)\nreturn %out\n", ops());
  std::map<std::string, TensorType> known;
  for (const auto& [name, shape] : entry.shapes) known[name] = {shape, DType::float32};
  infer(graph, known);
  return graph;
}

/// Empty where the operator became part of an engine node, else the reason.
std::string refusal_of(const Case& entry) {
  const Graph graph = typed(entry);
  const auto selector = mxnet_tensorrt_selector();
  const Partition partition = carve(graph, *selector, {.minimum_nodes = 2});
  for (const Refusal& refusal : partition.refusals) {
    if (graph.node(refusal.node).name == "y") return refusal.rule + ": " + refusal.reason;
  }
  EXPECT_EQ(partition.subgraphs.size(), 1u) << entry.text;
  return {};
}

void expect_taken(const Case& entry) {
  EXPECT_EQ(refusal_of(entry), "") << entry.text;
}
void expect_refused(const Case& entry, const std::string& rule) {
  EXPECT_TRUE(refusal_of(entry).starts_with(rule + ": ")) << entry.text << "\n" << refusal_of(entry);
}

const std::vector<Shape> kRanks{{10, 32}, {10, 3, 32}, {10, 3, 32, 32}, {10, 3, 7, 32, 32}};

TEST(MxnetTensorrt, TakesNoBareVariable) {
  const Graph graph = parse_graph("%x = variable\nreturn %x\n", ops());
  const Partition partition = carve(graph, *mxnet_tensorrt_selector(), {.minimum_nodes = 2});
  EXPECT_TRUE(partition.subgraphs.empty());
  EXPECT_TRUE(partition.refusals.empty());
}

TEST(MxnetTensorrt, TakesIdentityAndElementwiseOfEveryRank) {
  expect_taken({"%y = _copy(%x)", {{"x", {8, 3, 32, 32}}}});
  for (const Shape& shape : kRanks) {
    expect_taken({"%y = relu(%x)", {{"x", shape}}});
    expect_taken({"%y = clip(%x) {a_min=0.25, a_max=0.75}", {{"x", shape}}});
    for (const std::string type : {"relu", "sigmoid", "tanh"}) {
      expect_taken({"%y = Activation(%x) {act_type=" + type + "}", {{"x", shape}}});
    }
    for (const std::string type : {"softrelu", "softsign"}) {
      expect_refused({"%y = Activation(%x) {act_type=" + type + "}", {{"x", shape}}}, "act_type");
    }
    if (shape.rank() > 2) expect_taken({"%y = Flatten(%x)", {{"x", shape}}});
  }
  for (const std::string op : {"elemwise_add", "elemwise_sub", "elemwise_mul"}) {
    expect_taken({"%y = " + op + "(%a, %b)", {{"a", {3, 5, 7, 9}}, {"b", {3, 5, 7, 9}}}});
  }
  expect_refused({"%y = broadcast_add(%a, %b)", {{"a", {3, 5}}, {"b", {3, 5}}}}, "operator");
}

TEST(MxnetTensorrt, TakesConvolutionsOfEveryFormButNhwc) {
  for (const std::string kernel : {"(3, 3)", "(1, 1)", "(3, 1)"}) {
    for (const std::string stride : {"(1, 1)", "(2, 2)", "(2, 1)"}) {
      for (const std::string pad : {"(1, 1)", "(0, 0)", "(1, 0)"}) {
        const std::string attributes = "{kernel=" + kernel + ", stride=" + stride + ", pad=" + pad + ", num_filter=7";
        const std::map<std::string, Shape> shapes{{"x", {8, 3, 16, 16}}};
        for (const std::string op : {"Convolution", "Deconvolution"}) {
          const std::string call = "%w = variable\n%b = variable\n%y = " + op;
          expect_taken({call + "(%x, %w) " + attributes + ", no_bias=True}", shapes});
          expect_taken({call + "(%x, %w, %b) " + attributes + ", no_bias=False}", shapes});
        }
      }
    }
  }
  expect_refused({"%w = variable\n%y = Convolution(%x, %w) {kernel=(3, 3), num_filter=7, no_bias=True, layout=NHWC}",
                  {{"x", {8, 16, 16, 3}}}},
                 "layout");
}

TEST(MxnetTensorrt, TakesFullyConnectedWithABiasOnly) {
  const std::map<std::string, Shape> shapes{{"x", {8, 64}}};
  expect_taken({"%w = variable\n%b = variable\n%y = FullyConnected(%x, %w, %b) {num_hidden=7}", shapes});
  expect_refused({"%w = variable\n%y = FullyConnected(%x, %w) {num_hidden=7, no_bias=True}", shapes}, "no_bias");
}

TEST(MxnetTensorrt, TakesThePoolingsThatItCouldConvert) {
  for (const std::string type : {"max", "avg", "sum", "lp"}) {
    for (const std::string layout : {"NCHW", "NHWC"}) {
      for (const std::string include : {"True", "False"}) {
        for (const std::string convention : {"valid", "full"}) {
          for (const std::string window :
               {"kernel=(2, 2), stride=(2, 2), pad=(0, 0)", "kernel=(3, 2), stride=(2, 1), pad=(1, 1)"}) {
            const bool taken =
                layout == "NCHW" && convention == "valid" && (type == "max" || (type == "avg" && include == "False"));
            const Case entry{"%y = Pooling(%x) {" + window + ", pool_type=" + type + ", layout=" + layout +
                                 ", pooling_convention=" + convention + ", count_include_pad=" + include +
                                 (type == "lp" ? ", p_value=2}" : "}"),
                             {{"x", layout == "NCHW" ? Shape{4, 3, 32, 32} : Shape{4, 32, 32, 3}}}};
            EXPECT_EQ(refusal_of(entry).empty(), taken) << entry.text;
          }
        }
      }
    }
  }
  // count_include_pad is False only where it is written.
  expect_refused({"%y = Pooling(%x) {kernel=(2, 2), pool_type=avg}", {{"x", {4, 3, 32, 32}}}}, "count_include_pad");
}

TEST(MxnetTensorrt, TakesGlobalPoolings) {
  for (const std::string type : {"max", "avg", "sum", "lp"}) {
    for (const std::string layout : {"NCHW", "NHWC"}) {
      const Case entry{"%y = Pooling(%x) {global_pool=True, pool_type=" + type + ", layout=" + layout +
                           (type == "lp" ? ", p_value=2}" : "}"),
                       {{"x", layout == "NCHW" ? Shape{4, 3, 32, 32} : Shape{4, 32, 32, 3}}}};
      EXPECT_EQ(refusal_of(entry).empty(), layout == "NCHW" && (type == "max" || type == "avg")) << entry.text;
    }
  }
}

TEST(MxnetTensorrt, TakesSoftmaxOutputButNoSoftmax) {
  expect_taken({"%y = SoftmaxOutput(%x, %label)", {{"x", {8, 100}}, {"label", {8}}}});
  expect_refused({"%y = softmax(%x)", {{"x", {8, 100}}}}, "operator");
}

TEST(MxnetTensorrt, TakesBatchNormOfAxisOne) {
  for (const std::string fix : {"True", "False"}) {
    for (const std::string global : {"True", "False"}) {
      for (int axis = 0; axis < 4; ++axis) {
        const Case entry{
            "%g = variable\n%b = variable\n%m = variable\n%v = variable\n%y = BatchNorm(%x, %g, %b, %m, %v) "
            "{fix_gamma=" +
                fix + ", use_global_stats=" + global + ", axis=" + std::to_string(axis) + ", eps=1e-5}",
            {{"x", {4, 3, 32, 32}}}};
        EXPECT_EQ(refusal_of(entry).empty(), axis == 1) << entry.text;
      }
    }
  }
}

TEST(MxnetTensorrt, TakesConcatOfEveryAxisButTheFirst) {
  for (int axis = 0; axis < 4; ++axis) {
    Shape b{3, 5, 7, 9};
    b[axis] = 1;
    const Case entry{"%y = Concat(%a, %b) {num_args=2, dim=" + std::to_string(axis) + "}",
                     {{"a", {3, 5, 7, 9}}, {"b", b}}};
    EXPECT_EQ(refusal_of(entry).empty(), axis != 0) << entry.text;
  }
}

TEST(MxnetTensorrt, TakesDropoutThatDoesNothing) {
  for (const Shape& shape : {Shape{3, 5}, Shape{3, 5, 7}, Shape{3, 5, 7, 9}}) {
    expect_taken({"%y = Dropout(%x) {p=0.7}", {{"x", shape}}});
    expect_refused({"%y = Dropout(%x) {p=0.7, mode=always}", {{"x", shape}}}, "mode");
    expect_refused({"%y = Dropout(%x) {p=0.7, axes=(0,)}", {{"x", shape}}}, "axes");
  }
}

TEST(MxnetTensorrt, DropsASingleNode) {
  const Graph graph = parse_graph("%x = variable\n%y = relu(%x)\nreturn %y\n", ops());
  EXPECT_TRUE(carve(graph, *mxnet_tensorrt_selector(), {.minimum_nodes = 2}).subgraphs.empty());
}

TEST(MxnetTensorrt, KeepsTheCycleTestAcyclic) {
  // test_cycle of 1.3: A feeds B, and sin(A) joins behind it; sin is not taken.
  Graph graph =
      typed({"%w = variable\n%b = variable\n%a = FullyConnected(%x, %w, %b) {num_hidden=4}\n"
             "%v = variable\n%c = variable\n%fc = FullyConnected(%a, %v, %c) {num_hidden=4}\n"
             "%s = sin(%a)\n%y = elemwise_add(%fc, %s)",
             {{"x", {2, 4}}}});
  const auto selector = mxnet_tensorrt_selector();
  const std::set<std::string> parameters{"w", "b", "v", "c"};
  EXPECT_NO_THROW(verify(replace_subgraphs(graph, carve(graph, *selector), *selector, parameters)));
}

TEST(MxnetTensorrt, AbsorbsWeightsOfTheFourWeightedOperatorsOnly) {
  const Graph graph =
      typed({"%w = variable\n%b = variable\n%fc = FullyConnected(%x, %w, %b) {num_hidden=4}\n"
             "%s = variable\n%y = elemwise_add(%fc, %s)",
             {{"x", {2, 4}}}});
  const auto selector = mxnet_tensorrt_selector();
  const Graph outer = replace_subgraphs(graph, carve(graph, *selector), *selector, {"w", "b", "s"});
  EXPECT_THAT(outer.arguments(), testing::ElementsAre("x", "s"));
}

}  // namespace
}  // namespace tenon
