#pragma once

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tenon/executor.h>

#include "graph/graph.h"
#include "ops/registry.h"
#include "support/evaluate.h"

// Data that kernels of a GPU refuse, by the sentence of the reference: to be tried by a GPU (tests/backends) and by the
// host in its place (tests/fake_cuda).
namespace tenon::gpu_cases {

struct Refused {
  std::string name;
  std::string text;                      ///< inputs are variables
  std::map<std::string, Tensor> inputs;  ///< all of them, with something to refuse
  std::string says;                      ///< the end of the sentence
};

inline void PrintTo(const Refused& test, std::ostream* stream) {
  *stream << test.name;
}

/// An operator over the inputs, which stand in the graph by their names.
inline Refused refused(std::string name, std::map<std::string, Tensor> inputs, const std::string& call,
                       std::string says) {
  std::string text;
  for (const auto& [input, value] : inputs) text += "%" + input + " = variable\n";
  return {std::move(name), text + "%y = " + call + "\nreturn %y\n", std::move(inputs), std::move(says)};
}

inline Tensor zeros(const Shape& shape) {
  return tensor(shape, std::vector<double>(static_cast<std::size_t>(shape.elements())));
}

inline std::vector<Refused> refusals() {
  const Tensor regions = tensor({3, 5}, {1, 0, 0, 1, 1, 2, 0, 0, 1, 1, -1, 0, 0, 1, 1});
  // The last elements are wrong, too, and a GPU's threads may come to them first.
  return {
      refused("Take", {{"data", zeros({3, 4})}, {"at", tensor({5}, {0, 3, 2, -1, 7})}},
              "take(%data, %at) {axis=1, mode=raise}", "node 'y' (take): index -1 is outside an axis of size 4"),
      refused("TakeOfFarOut", {{"data", zeros({3, 4})}, {"at", tensor({2}, {1e30, 9})}},
              "take(%data, %at) {mode=raise}", "index 4611686018427387904 is outside an axis of size 3"),
      refused("GatherNd", {{"data", zeros({3, 4, 2})}, {"at", tensor({2, 4}, {-3, 2, 0, 9, 0, -4, 4, 0})}},
              "gather_nd(%data, %at)", "node 'y' (gather_nd): index 4 is outside axis 1, which has size 4"),
      refused("ScatterNd", {{"data", zeros({3})}, {"at", tensor({2, 3}, {0, 2, 2, 1, -1, 4})}},
              "scatter_nd(%data, %at) {shape=(3, 4)}", "index -1 is outside axis 1, which has size 4"),
      refused("IndexCopy", {{"data", zeros({3, 2})}, {"at", tensor({3}, {1, 5, 6})}, {"rows", zeros({3, 2})}},
              "_contrib_index_copy(%data, %at, %rows)", "index 5 is outside an axis of size 3"),
      refused("SequenceLast", {{"data", zeros({4, 3, 2})}, {"lengths", tensor({3}, {4, 0, 5})}},
              "SequenceLast(%data, %lengths) {use_sequence_length=True}",
              "sequence_length[1] is 0, but must lie between 1 and 4"),
      refused("SequenceReverse", {{"data", zeros({4, 3, 2})}, {"lengths", tensor({3}, {0, 5, -1})}},
              "SequenceReverse(%data, %lengths) {use_sequence_length=True}",
              "sequence_length[1] is 5, but must lie between 0 and 4"),
      refused("ImageOfARegion",
              {{"data", zeros({2, 1, 4, 4})}, {"rois", tensor({3, 5}, {-1, 0, 0, 1, 1, 2, 0, 0, 1, 1, 5, 0, 0, 1, 1})}},
              "_contrib_ROIAlign(%data, %rois) {pooled_size=(2, 2), spatial_scale=1}",
              "node 'y' (_contrib_ROIAlign): region 1 belongs to image 2, but 'data' has 2"),
      refused("SizeOfARegion", {{"data", zeros({2, 1, 4, 4})}, {"rois", tensor({1, 5}, {0, 3, 0, 2.9, 2})}},
              "_contrib_ROIAlign(%data, %rois) {pooled_size=(2, 2), spatial_scale=0.5, aligned=True}",
              "region 0 is -0.049999952 wide and 1 high, but with aligned both need to be positive"),
      refused("SpanOfARegion", {{"data", zeros({2, 1, 4, 4})}, {"rois", tensor({1, 5}, {0, 0, 0, 1, 1e6})}},
              "_contrib_ROIAlign(%data, %rois) {pooled_size=(2, 3), spatial_scale=1}",
              "region 0 spans 1000000 pixels, but 1 to 65536 can be sampled in 2 bins"),
      refused("SpanOfATurnedRegion", {{"data", zeros({2, 1, 4, 4})}, {"rois", tensor({1, 6}, {0, 0, 0, 1e6, 1, 45})}},
              "_contrib_RROIAlign(%data, %rois) {pooled_size=(2, 3), spatial_scale=1}",
              "region 0 spans 1000000 pixels, but 1 to 98304 can be sampled in 3 bins"),
      refused("IndefiniteMatrix", {{"data", tensor({3, 2, 2}, {4, 0, 1, 2, 1, 2, 2, 1, 0, 0, 0, 0})}},
              "_linalg_potrf(%data)", "node 'y' (_linalg_potrf): the matrix is not positive definite (row 1)"),
      refused("SingularMatrix", {{"data", tensor({2, 2, 2}, {4, 0, 1, 2, 1, 2, 2, 4})}}, "_linalg_inverse(%data)",
              "node 'y' (_linalg_inverse): the matrix is singular"),
      refused("ImageOfASensitiveRegion", {{"data", zeros({2, 4, 4, 4})}, {"rois", regions}},
              "_contrib_PSROIPooling(%data, %rois) {spatial_scale=1, output_dim=1, pooled_size=2}",
              "node 'y' (_contrib_PSROIPooling): region 1 belongs to image 2, but 'data' has 2"),
      refused("ImageOfAShiftedRegion",
              {{"data", zeros({2, 4, 4, 4})}, {"rois", regions}, {"trans", zeros({3, 2, 2, 2})}},
              "_contrib_DeformablePSROIPooling(%data, %rois, %trans) {spatial_scale=1, output_dim=1, pooled_size=2, "
              "group_size=2}",
              "region 1 belongs to image 2, but 'data' has 2"),
      refused("SizeOfAnImage",
              {{"a", zeros({3, 2, 3, 4})},
               {"b", zeros({3, 4, 3, 4})},
               {"info", tensor({3, 3}, {48, 64, 1, 48, 90.5, 1, 70, 64, 1})}},
              "_contrib_MultiProposal(%a, %b, %info) {scales=(8,), ratios=(1,)}",
              "node 'y' (_contrib_MultiProposal): im_info gives image 1 a size of 48 x 90.5, but 3 x 4 cells of stride "
              "16 cover less"),
      refused("Label", {{"data", zeros({4, 3, 5})}, {"label", tensor({3, 2}, {1, 0, 3, 7, -2, 9})}},
              "CTCLoss(%data, %label)", "node 'y' (CTCLoss): label 1 of sequence 1 is 7, but 1 to 4 is expected"),
      refused("LabelBesideTheLastBlank", {{"data", zeros({4, 1, 5})}, {"label", tensor({1, 2}, {3, 4})}},
              "CTCLoss(%data, %label) {blank_label=last}", "label 1 of sequence 0 is 4, but 0 to 3 is expected"),
      refused("LengthOfLabels",
              {{"data", zeros({4, 2, 5})}, {"label", tensor({2, 2}, {1, 2, 8, 9})}, {"labels", tensor({2}, {2, 3})}},
              "CTCLoss(%data, %label, %labels) {use_label_lengths=True}",
              "'label_lengths' gives sequence 1 a length of 3, but 0 to 2 is expected"),
      refused("LengthOfSteps",
              {{"data", zeros({4, 2, 5})}, {"label", tensor({2, 2}, {1, 2, 8, 9})}, {"steps", tensor({2}, {-1, 9})}},
              "CTCLoss(%data, %label, %steps) {use_data_lengths=True}",
              "'data_lengths' gives sequence 0 a length of -1, but 0 to 4 is expected"),
  };
}

inline Executor bind_refused(const Refused& test, const std::string& backend, Device device) {
  BindOptions options;
  options.backend = backend;
  options.device = device;
  for (const auto& [name, value] : test.inputs) {
    options.shapes[name] = value.shape();
    options.types[name] = value.dtype();
  }
  Executor executor = Executor::bind(Model(parse_graph(test.text, ops()), {}), options);
  for (const auto& [name, value] : test.inputs) executor.set_input(name, value);
  return executor;
}

/// Fails the test unless a kernel on cuda:0 refuses as the reference does, each time that it is asked to.
inline void expect_refusal(const Refused& test) {
  Executor host = bind_refused(test, "reference", {});
  const std::string sentence = refusal([&] { host.forward(); });
  EXPECT_THAT(sentence, testing::EndsWith(test.says));
  Executor device = bind_refused(test, "plain", {Device::Kind::cuda, 0});
  for (const StepInfo& step : device.steps()) {
    EXPECT_THAT(step.implementation, testing::StartsWith("cuda:")) << testing::PrintToString(step.refusals);
  }
  for (int turn = 0; turn < 3; ++turn) {  // from the second on as a recording
    device.forward_async();
    EXPECT_EQ(refusal([&] { device.wait(); }), sentence) << "turn " << turn;
    device.wait();  // it was told
  }
  device.forward_async();
  EXPECT_EQ(refusal([&] { (void)device.output(0); }), sentence);
}

}  // namespace tenon::gpu_cases
