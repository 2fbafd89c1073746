// Operators that only matter to training: inference passes their data through.

#include <cmath>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/kernel_form.h"
#include "ops/rules.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

Op identity(std::string name, std::vector<std::string> aliases = {}, std::vector<AttributeSpec> attributes = {}) {
  Op op;
  op.name = std::move(name);
  op.aliases = std::move(aliases);
  op.doc = "The data as they are; what else the operator does concerns training.";
  op.attributes = std::move(attributes);
  op.infer_shape = same_shape;
  op.reference = flat_copy_kernel;
  return op;
}

Op make_loss() {
  Op op = identity("make_loss", {"_sparse_make_loss"});
  op.outputs = always({"loss"});
  return op;
}

Op like_rhs() {
  Op op = identity("_identity_with_attr_like_rhs");
  op.inputs = always({"lhs", "rhs"});
  return op;
}

Op sparse_regularizer() {
  Op op = identity("IdentityAttachKLSparseReg", {},
                   {real("sparseness_target").or_else(0.1).at_least(0).at_most(1), real("penalty").or_else(0.001),
                    real("momentum").or_else(0.9).at_least(0).at_most(1)});
  op.inputs = always({"data", "moving_avg"});
  op.auxiliary = {1};
  op.infer_shape = [](ShapeInference& shapes) {
    tie_data_and_output(shapes);
    const Shape& data = shapes.in(0);
    if (data.rank() >= 2) shapes.set_in(1, {data[1]});
  };
  return op;
}

// Losses with a label.

/// The label has the data's elements; (N,) stands for (N, 1), and is what an unknown label of such data becomes.
void infer_regression(ShapeInference& shapes) {
  tie_data_and_output(shapes);
  const Shape& data = shapes.in(0);
  const Shape& label = shapes.in(1);
  if (!data.is_known()) return;
  if (!label.is_known()) {
    const bool column = data.rank() == 2 && data[1] == 1 && label.rank() != 2;
    shapes.set_in(1, column ? Shape{data[0]} : data);
  } else if (label.elements() != data.elements() || label.rank() == 0 || label[0] != data[0]) {
    shapes.refuse("'label' has shape {}, but as many rows and elements as 'data' {} are expected", label.str(),
                  data.str());
  }
}

Op regression_output(std::string name) {
  Op op = identity(std::move(name), {}, {real("grad_scale").or_else(1)});
  op.inputs = always({"data", "label"});
  op.infer_shape = infer_regression;
  return op;
}

Kernel make_sigmoid(const OpCall& call) {
  return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
    return Kernel{[count = call.shape_out().elements()](const Operands& operands) {
      const T* src = operands.in<T>(0);
      T* dst = operands.out<T>();
      for (std::int64_t i = 0; i < count; ++i)
        dst[i] = store<T>(1 / (1 + std::exp(-static_cast<double>(load(src[i])))));
    }};
  });
}

Op logistic_regression_output() {
  Op op = regression_output("LogisticRegressionOutput");
  op.doc = "1 / (1 + e^-data).";
  op.reference = make_sigmoid;
  return op;
}

Op svm_output() {
  Op op = identity(
      "SVMOutput", {},
      {real("margin").or_else(1), real("regularization_coefficient").or_else(1), boolean("use_linear").or_else(false)});
  op.inputs = always({"data", "label"});
  op.infer_shape = [](ShapeInference& shapes) {
    tie_data_and_output(shapes);
    const Shape& data = shapes.in(0);
    if (data.rank() < 1) return;
    shapes.set_in(1, Shape(std::vector<std::int64_t>(data.begin(), data.end() - 1)));
  };
  return op;
}

// Dropout.

void infer_dropout(ShapeInference& shapes) {
  tie_data_and_output(shapes);
  Shape mask = shapes.in(0);
  if (!mask.has_rank()) return;
  for (const auto& axis : shapes.attributes().tuple("axes")) {
    if (!axis || *axis < 0 || *axis >= mask.rank()) {
      shapes.refuse("attribute axes={} must name axes of 'data' {}",
                    format_attribute(shapes.attributes().tuple("axes")), mask.str());
    }
    mask[static_cast<int>(*axis)] = 1;
  }
  shapes.set_out(1, mask);
}

/// The mask is drawn when mode is always, which a network asks for whose dropout stays on in inference. A program has
/// to give the same output for the same input, and there is no seed; so that one cannot be run.
Kernel make_dropout(const OpCall& call) {
  const double p = call.attributes().real("p");
  if (call.attributes().text("mode") == "always" && p > 0) {
    call.refuse(
        ErrorCode::unsupported,
        "mode=always with p={} draws a random mask, which is not supported; set mode=training to pass 'data' on", p);
  }
  return copies_kernel(
      call, {{0, 0, whole_copy(call.shape_out().elements())}, {-1, 1, fill_copy(call.shape_out(1).elements()), 1.0}});
}

Op dropout() {
  Op op = identity(
      "Dropout", {"_npx_dropout"},
      {real("p").or_else(0.5).at_least(0).at_most(1), choice("mode", {"training", "always"}).or_else("training"),
       ints("axes").or_else(IntTuple{}), boolean("cudnn_off").or_none()});
  op.outputs = always({"output", "mask"});
  op.visible_outputs = [](const Attributes&) { return 1; };
  op.infer_shape = infer_dropout;
  op.reference = make_dropout;
  return op;
}

}  // namespace

std::vector<Op> identity_ops() {
  return {identity("_copy", {"identity"}),
          identity("BlockGrad", {"stop_gradient", "_sparse_stop_gradient"}),
          make_loss(),
          identity("MakeLoss", {},
                   {real("grad_scale").or_else(1), real("valid_thresh").or_else(0),
                    choice("normalization", {"null", "batch", "valid"}).or_else("null")}),
          identity("_CrossDeviceCopy"),
          identity("_contrib_gradientmultiplier", {}, {real("scalar").or_else(1), boolean("is_int").or_else(true)}),
          like_rhs(),
          sparse_regularizer(),
          regression_output("LinearRegressionOutput"),
          regression_output("MAERegressionOutput"),
          logistic_regression_output(),
          svm_output(),
          dropout()};
}

}  // namespace tenon
