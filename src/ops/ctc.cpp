// CTCLoss: how unlikely a label sequence is, whatever its alignment. float32
// only, as in MXNet.

#include <cmath>
#include <limits>

#include "core/dispatch.h"
#include "ops/ctc.h"
#include "ops/registry.h"
#include "ops/sampling.h"

namespace tenon {
namespace {

void infer_ctc_shape(ShapeInference& shapes) {
  if (!has_rank(shapes, 0, 3, "(steps, batch, classes)")) return;
  const Shape data = shapes.in(0);
  const CtcInputs inputs(shapes.attributes());
  if (inputs.data_lengths > 0) shapes.set_in(inputs.data_lengths, Shape{data[1]});
  if (inputs.label_lengths > 0) shapes.set_in(inputs.label_lengths, Shape{data[1]});
  shapes.set_out(0, Shape{data[1]});
  shapes.set_out(1, data);
  if (!has_rank(shapes, 1, 2, "(batch, labels)")) return;
  shapes.set_in(1, Shape{data[1], Shape::unknown});
  if (const std::int64_t labels = shapes.in(1)[1]; data[0] != Shape::unknown && labels > data[0]) {
    shapes.refuse("'label' of shape {} has {} labels, more than the {} steps of 'data'", shapes.in(1).str(), labels,
                  data[0]);
  }
}

/// The costs have the data's type; labels and lengths their own.
void infer_ctc_type(TypeInference& types) {
  for (int i = 0; i < 2; ++i) {
    types.set_out(i, types.in(0));
    types.set_in(0, types.out(i));
  }
}

/// ln(e^a + e^b).
float add_logarithms(float a, float b) {
  const float larger = std::max(a, b), smaller = std::min(a, b);
  return smaller == -std::numeric_limits<float>::infinity() ? larger : larger + std::log1p(std::exp(smaller - larger));
}

template <class L>
class CtcLoss {
 public:
  explicit CtcLoss(const OpCall& call)
      : refuse_(call),
        inputs_(call.attributes()),
        steps_(call.shape_in(0)[0]),
        batch_(call.shape_in(0)[1]),
        classes_(call.shape_in(0)[2]),
        labels_(call.shape_in(1)[1]),
        blank_first_(call.attributes().text("blank_label") == "first") {
    if (inputs_.data_lengths > 0 && call.dtype_in(inputs_.data_lengths) != DType::float32) {
      call.refuse(ErrorCode::unsupported, "'data_lengths' is {}, but float32 is expected",
                  name(call.dtype_in(inputs_.data_lengths)));
    }
    if (inputs_.label_lengths > 0 && call.dtype_in(inputs_.label_lengths) != call.dtype_in(1)) {
      call.refuse(ErrorCode::unsupported, "'label_lengths' is {}, but the type of 'label', {}, is expected",
                  name(call.dtype_in(inputs_.label_lengths)), name(call.dtype_in(1)));
    }
  }

  std::size_t workspace_bytes() const {
    return static_cast<std::size_t>(2 * labels_ + 1) * (sizeof(float) + sizeof(std::int64_t));
  }

  void operator()(const Operands& operands) const {
    for (std::int64_t n = 0; n < batch_; ++n) operands.out<float>()[n] = cost(operands, n);
  }

 private:
  /// The labels of sequence n end at their given length, else at the first
  /// padding.
  std::int64_t label_count(const Operands& operands, std::int64_t n) const {
    const L* labels = operands.in<L>(1) + n * labels_;
    if (inputs_.label_lengths > 0)
      return checked(to_index(static_cast<double>(load(operands.in<L>(inputs_.label_lengths)[n]))), labels_,
                     "label_lengths", n);
    const double padding = blank_first_ ? 0 : -1;
    return std::find_if(labels, labels + labels_,
                        [&](L label) { return static_cast<double>(load(label)) == padding; }) -
           labels;
  }

  std::int64_t checked(std::int64_t length, std::int64_t limit, const char* what, std::int64_t n) const {
    if (length < 0 || length > limit) refuse_ctc_length(refuse_, what, n, length, limit);
    return length;
  }

  /// -ln of the summed probabilities of all alignments: the forward variables
  /// over the labels with blanks between.
  float cost(const Operands& operands, std::int64_t n) const {
    const std::int64_t count = label_count(operands, n), states = 2 * count + 1;
    std::int64_t steps = steps_;
    if (inputs_.data_lengths > 0) {
      steps = checked(to_index(operands.in<float>(inputs_.data_lengths)[n]), steps_, "data_lengths", n);
    }
    auto* state_class = reinterpret_cast<std::int64_t*>(operands.workspace);
    auto* alpha = reinterpret_cast<float*>(state_class + 2 * labels_ + 1);
    std::int64_t repeats = 0;
    for (std::int64_t s = 0; s < states; ++s) {
      state_class[s] = s % 2 == 0 ? (blank_first_ ? 0 : classes_ - 1) : label(operands, n, s / 2);
      if (s % 2 != 0 && s > 1 && state_class[s] == state_class[s - 2]) ++repeats;
    }
    // MXNet's answer where no alignment fits.
    if (count + repeats > steps || steps == 0) return 0;

    constexpr float none = -std::numeric_limits<float>::infinity();
    for (std::int64_t s = 0; s < states; ++s) alpha[s] = none;
    for (std::int64_t t = 0; t < steps; ++t) {
      const float* activations = operands.in<float>(0) + (t * batch_ + n) * classes_;
      const float normaliser = log_sum(activations);
      for (std::int64_t s = states - 1; s >= 0; --s) {
        float reached = t == 0 ? (s < 2 ? 0.0f : none) : alpha[s];
        if (t > 0 && s > 0) reached = add_logarithms(reached, alpha[s - 1]);
        const bool skips_blank = s > 1 && s % 2 != 0 && state_class[s] != state_class[s - 2];
        if (t > 0 && skips_blank) reached = add_logarithms(reached, alpha[s - 2]);
        alpha[s] = reached + activations[state_class[s]] - normaliser;
      }
    }
    return -(states > 1 ? add_logarithms(alpha[states - 1], alpha[states - 2]) : alpha[0]);
  }

  std::int64_t label(const Operands& operands, std::int64_t n, std::int64_t i) const {
    const std::int64_t value = to_index(static_cast<double>(load(operands.in<L>(1)[n * labels_ + i])));
    const std::int64_t first = blank_first_ ? 1 : 0, last = blank_first_ ? classes_ - 1 : classes_ - 2;
    if (value < first || value > last) refuse_ctc_label(refuse_, n, i, value, classes_, blank_first_);
    return value;
  }

  float log_sum(const float* values) const {
    const float largest = *std::max_element(values, values + classes_);
    float sum = 0;
    for (std::int64_t i = 0; i < classes_; ++i) sum += std::exp(values[i] - largest);
    return largest + std::log(sum);
  }

  DataRefusal refuse_;
  CtcInputs inputs_;
  std::int64_t steps_, batch_, classes_, labels_;
  bool blank_first_;
};

Op ctc_loss() {
  Op op;
  op.name = "CTCLoss";
  op.aliases = {"ctc_loss", "_contrib_CTCLoss", "_contrib_ctc_loss"};
  op.doc =
      "-ln of the probability of each label sequence under softmax(data "
      "(T, N, C)), summed over alignments.";
  op.inputs = [](const Attributes& attributes) {
    std::vector<std::string> names{"data", "label"};
    if (attributes.flag("use_data_lengths")) names.push_back("data_lengths");
    if (attributes.flag("use_label_lengths")) names.push_back("label_lengths");
    return names;
  };
  op.outputs = always({"output0", "output1"});  // the second is a gradient, which
                                                // inference does not compute
  op.visible_outputs = [](const Attributes&) { return 1; };
  op.attributes = {boolean("use_data_lengths").or_else(false), boolean("use_label_lengths").or_else(false),
                   choice("blank_label", {"first", "last"}).or_else(std::string("first"))};
  op.infer_shape = infer_ctc_shape;
  op.infer_type = infer_ctc_type;
  op.reference = [](const OpCall& call) {
    if (call.dtype_in(0) != DType::float32) {
      call.refuse(ErrorCode::unsupported, "'data' is {}, but float32 is expected", name(call.dtype_in(0)));
    }
    if (call.shape_in(0)[2] < 1)
      call.refuse(ErrorCode::invalid_argument, "'data' has shape {}, which has no classes", call.shape_in(0).str());
    return dispatch(call.dtype_in(1), [&]<class L>() {
      const CtcLoss<L> loss(call);
      return Kernel{loss, loss.workspace_bytes()};
    });
  };
  return op;
}

}  // namespace

std::vector<Op> ctc_ops() {
  return {ctc_loss()};
}

}  // namespace tenon
