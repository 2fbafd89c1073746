#pragma once

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <tenon/executor.h>

#include "graph/graph.h"
#include "ops/registry.h"
#include "support/evaluate.h"

// Operators that the plain executor has kernels for on a GPU, to be compared with the reference: by a GPU
// (tests/backends) and by the host in its place (tests/fake_cuda).
namespace tenon::gpu_cases {

/// A graph of one operator, fed with numbers of [low, high).
struct Case {
  std::string name;
  std::string text;                     ///< inputs are variables
  std::map<std::string, Shape> shapes;  ///< of all inputs
  std::string implementation;
  double low = -1, high = 1;
  DType dtype = DType::float32;
  double tolerance = 1e-5;                                ///< float32's sums in another order
  std::map<std::string, std::vector<double>> given = {};  ///< inputs that are these numbers instead
};

inline void PrintTo(const Case& test, std::ostream* stream) {
  *stream << test.name;
}

/// %name = variable for each, then `call` as %y, of which the first outputs are returned.
inline std::string graph_of(const std::map<std::string, Shape>& shapes, const std::string& call, int outputs = 1) {
  std::string text;
  for (const auto& [name, shape] : shapes) text += "%" + name + " = variable\n";
  text += "%y = " + call + "\nreturn %y";
  for (int i = 1; i < outputs; ++i) text += ", %y#" + std::to_string(i);
  return text + "\n";
}

inline Case unary(std::string name, Shape shape, const std::string& call, std::string implementation) {
  const std::map<std::string, Shape> shapes = {{"data", std::move(shape)}};
  return {std::move(name), graph_of(shapes, call), shapes, std::move(implementation)};
}

inline Case affine_norm(std::string name, Shape shape, std::int64_t parameters, const std::string& op,
                        const std::string& attributes) {
  const std::map<std::string, Shape> shapes = {
      {"data", std::move(shape)}, {"gamma", {parameters}}, {"beta", {parameters}}};
  return {std::move(name), graph_of(shapes, op + "(%data, %gamma, %beta) {" + attributes + "}"), shapes,
          "cuda:normalize"};
}

inline std::vector<Case> normalizations() {
  return {
      affine_norm("LayerNorm", {3, 5, 300}, 300, "LayerNorm", "eps=0.001"),
      affine_norm("LayerNormOfTheMiddle", {3, 5, 7}, 5, "LayerNorm", "axis=1"),
      affine_norm("InstanceNorm", {2, 3, 5, 7}, 3, "InstanceNorm", "eps=0.001"),
      affine_norm("GroupNorm", {2, 6, 5}, 3, "GroupNorm", "num_groups=3"),
      unary("L2OfInstances", {3, 4, 5}, "L2Normalization(%data) {mode=instance}", "cuda:normalize"),
      unary("L2OfChannels", {3, 4, 5}, "L2Normalization(%data) {mode=channel}", "cuda:normalize"),
      unary("L2OfPlanes", {3, 4, 5, 2}, "L2Normalization(%data) {mode=spatial}", "cuda:normalize"),
      unary("Lrn", {2, 7, 3, 3}, "LRN(%data) {nsize=5, alpha=0.1}", "cuda:lrn"),
      unary("LrnWiderThanTheChannels", {1, 3, 2, 2}, "LRN(%data) {nsize=9, alpha=0.1, beta=0.5}", "cuda:lrn"),
  };
}

/// Of three sequences, from below zero to beyond the end.
inline const std::vector<double> kLengths = {3, -1, 9};

/// The blob's size follows from the rest: one layer and direction has gates * hidden * (input + recurrent + 2) numbers,
/// and recurrent * hidden where it is projected.
inline Case recurrent(std::string name, const std::string& mode, int gates, int layers, bool bidirectional,
                      int projection) {
  constexpr int input = 20, hidden = 12, steps = 4, batch = 3;
  const int directions = bidirectional ? 2 : 1, state = projection > 0 ? projection : hidden;
  int size = 0;
  for (int layer = 0; layer < layers; ++layer) {
    const int columns = layer == 0 ? input : directions * state;
    size += directions * (gates * hidden * (columns + state + 2) + (projection > 0 ? state * hidden : 0));
  }
  std::map<std::string, Shape> shapes = {
      {"data", {steps, batch, input}}, {"parameters", {size}}, {"state", {layers * directions, batch, state}}};
  std::string operands = "%data, %parameters, %state";
  if (mode == "lstm") {
    shapes["cell"] = {layers * directions, batch, hidden};
    operands += ", %cell";
  }
  shapes["lengths"] = {batch};
  std::string call =
      "RNN(" + operands + ", %lengths) {mode=" + mode + ", state_size=12, num_layers=" + std::to_string(layers) +
      ", state_outputs=True, use_sequence_length=True, bidirectional=" + (bidirectional ? "True" : "False");
  if (projection > 0) call += ", projection_size=" + std::to_string(projection);
  Case test{std::move(name), graph_of(shapes, call + "}", mode == "lstm" ? 3 : 2), shapes, "cuda:rnn"};
  test.given["lengths"] = kLengths;
  return test;
}

inline std::vector<Case> recurrences() {
  return {recurrent("Relu", "rnn_relu", 1, 1, false, 0), recurrent("Tanh", "rnn_tanh", 1, 2, true, 0),
          recurrent("Lstm", "lstm", 4, 2, true, 0), recurrent("ProjectedLstm", "lstm", 4, 2, false, 7),
          recurrent("Gru", "gru", 3, 2, true, 0)};
}

inline Case of(std::string name, std::map<std::string, Shape> shapes, const std::string& call,
               std::string implementation, double low, double high, int outputs = 1) {
  std::string text = graph_of(shapes, call, outputs);
  return {std::move(name), std::move(text), std::move(shapes), std::move(implementation), low, high};
}

inline Case with(std::string input, std::vector<double> numbers, Case test) {
  test.given[std::move(input)] = std::move(numbers);
  return test;
}

inline std::vector<Case> detections() {
  const std::map<std::string, Shape> ssd = {{"scores", {2, 4, 150}}, {"locations", {2, 600}}, {"anchors", {1, 150, 4}}};
  const std::string detect = "_contrib_MultiBoxDetection(%scores, %locations, %anchors) {";
  const std::map<std::string, Shape> boxes = {{"data", {2, 120, 6}}};
  return {
      of("Prior", {{"data", {1, 3, 5, 7}}},
         "_contrib_MultiBoxPrior(%data) {sizes=(0.3, 0.4), ratios=(1, 2, 0.5), clip=True}", "cuda:multibox_prior", 0,
         1),
      of("Detection", ssd, detect + "nms_threshold=0.3, threshold=0.4}", "cuda:multibox_detection", 0, 1),
      of("DetectionOfTheBest", ssd, detect + "nms_topk=40, force_suppress=True, clip=False}", "cuda:multibox_detection",
         0, 1),
      of("DetectionUnsuppressed", ssd, detect + "nms_threshold=-1, threshold=0.6}", "cuda:multibox_detection", 0, 1),
      of("Nms", boxes, "_contrib_box_nms(%data) {overlap_thresh=0.1, valid_thresh=0.2, id_index=0}", "cuda:box_nms", 0,
         3, 2),
      of("NmsOfTheBest", boxes, "_contrib_box_nms(%data) {topk=30, overlap_thresh=0.4, in_format=center}",
         "cuda:box_nms", -1, 3),
      of("NmsOfNone", boxes, "_contrib_box_nms(%data) {topk=0}", "cuda:box_nms", -1, 3, 2),
      of("Iou", {{"a", {5, 4}}, {"b", {3, 7, 4}}}, "_contrib_box_iou(%a, %b) {format=center}", "cuda:box_iou", 0, 2),
      of("DecodedFromCentres", {{"data", {2, 70, 4}}, {"anchors", {1, 70, 4}}},
         "_contrib_box_decode(%data, %anchors) {std0=0.1, std1=0.2, std2=0.5, std3=0.7, clip=0.3}", "cuda:box_decode",
         -1, 2),
      of("DecodedFromCorners", {{"data", {2, 70, 4}}, {"anchors", {1, 70, 4}}},
         "_contrib_box_decode(%data, %anchors) {format=corner}", "cuda:box_decode", -1, 2),
      of("RoiPooling", {{"data", {2, 3, 12, 16}}, {"rois", {9, 5}}},
         "ROIPooling(%data, %rois) {pooled_size=(3, 4), spatial_scale=0.5}", "cuda:roi_pooling", -2, 30, 2),
  };
}

inline std::vector<Case> resamplings() {
  const std::map<std::string, Shape> planes = {{"data", {2, 3, 5, 7}}}, pixels = {{"data", {2, 5, 7, 3}}};
  return {
      of("Resize", planes, "_contrib_BilinearResize2D(%data) {height=8, width=3}", "cuda:resize", -1, 1),
      of("ResizeByCentres", planes, "_contrib_BilinearResize2D(%data) {height=4, width=15, align_corners=False}",
         "cuda:resize", -1, 1),
      of("AdaptivePool", planes, "_contrib_AdaptiveAvgPooling2D(%data) {output_size=(3, 2)}", "cuda:adaptive_pool", -1,
         1),
      of("UpSampling", {{"a", {2, 3, 2, 4}}, {"b", {2, 2, 4, 2}}},
         "UpSampling(%a, %b) {scale=2, sample_type=nearest, num_args=2}", "cuda:upsampling", -1, 1),
      of("UpSamplingOfSums", {{"a", {2, 3, 2, 4}}, {"b", {2, 3, 4, 2}}},
         "UpSampling(%a, %b) {scale=2, sample_type=nearest, num_args=2, multi_input_mode=sum}", "cuda:upsampling", -1,
         1),
      of("ImageCrop", pixels, "_image_crop(%data) {x=2, y=1, width=4, height=3}", "cuda:image", -1, 1),
      of("ImageMirrored", pixels, "_image_flip_left_right(%data)", "cuda:image", -1, 1),
      of("ImageUpsideDown", pixels, "_image_flip_top_bottom(%data)", "cuda:image", -1, 1),
      of("ImageResize", pixels, "_image_resize(%data) {size=(11, 3)}", "cuda:image", -1, 1),
      of("ImageResizeToTheNearest", pixels, "_image_resize(%data) {size=(4, 9), interp=0}", "cuda:image", -1, 1),
      of("ImageNormalize", planes, "_image_normalize(%data) {mean=(0.1, 0.2, 0.3), std=(2, 3, 4)}", "cuda:image", -1,
         1),
      of("ImageToTensor", pixels, "_image_to_tensor(%data)", "cuda:image", 0, 255),
  };
}

/// Images read between their pixels, and beyond their borders.
inline std::vector<Case> samplings() {
  return {
      of("GridOfMaps", {{"data", {3, 6}}}, "GridGenerator(%data) {transform_type=affine, target_shape=(5, 7)}",
         "cuda:grid_generator", -1, 1, 2),
      of("GridOfFlow", {{"data", {3, 2, 5, 7}}}, "GridGenerator(%data) {transform_type=warp}", "cuda:grid_generator",
         -2, 2, 2),
      of("GridOfOnePixel", {{"data", {3, 6}}}, "GridGenerator(%data) {transform_type=affine, target_shape=(1, 7)}",
         "cuda:grid_generator", -1, 1),
      of("BilinearSampler", {{"data", {2, 3, 9, 14}}, {"grid", {2, 2, 20, 17}}}, "BilinearSampler(%data, %grid)",
         "cuda:bilinear_sampler", -1.5, 1.5),
      of("SpatialTransformer", {{"data", {2, 3, 9, 14}}, {"loc", {2, 6}}},
         "SpatialTransformer(%data, %loc) {target_shape=(20, 17), transform_type=affine, sampler_type=bilinear}",
         "cuda:spatial_transformer", -1.5, 1.5),
  };
}

inline std::vector<Case> deformables() {
  const std::string attributes =
      "kernel=(3, 2), stride=(2, 1), dilate=(1, 2), pad=(2, 1), num_filter=36, num_group=2, "
      "num_deformable_group=3";
  const std::map<std::string, Shape> plain = {
      {"data", {2, 6, 9, 8}}, {"offset", {2, 36, 6, 8}}, {"weight", {36, 3, 3, 2}}};
  std::map<std::string, Shape> modulated = plain;
  modulated["mask"] = {2, 18, 6, 8};
  modulated["bias"] = {36};
  return {
      of("DeformableConvolution", plain,
         "_contrib_DeformableConvolution(%data, %offset, %weight) {" + attributes + ", no_bias=True}",
         "cuda:deformable_convolution", -3, 3),
      of("ModulatedDeformableConvolution", modulated,
         "_contrib_ModulatedDeformableConvolution(%data, %offset, %mask, %weight, %bias) {" + attributes + "}",
         "cuda:deformable_convolution", -3, 3),
      // The columns of two images fit in the workspace, those of three do not.
      of("DeformableConvolutionInTurns",
         {{"data", {3, 8, 54, 54}}, {"offset", {3, 18, 54, 54}}, {"weight", {1, 8, 3, 3}}},
         "_contrib_DeformableConvolution(%data, %offset, %weight) {kernel=(3, 3), pad=(1, 1), num_filter=1, "
         "no_bias=True}",
         "cuda:deformable_convolution", -1, 1),
  };
}

inline std::vector<Case> correlations() {
  const std::map<std::string, Shape> maps = {{"a", {2, 5, 11, 14}}, {"b", {2, 5, 11, 14}}};
  return {
      of("Correlation", maps,
         "Correlation(%a, %b) {kernel_size=3, max_displacement=4, stride1=2, stride2=2, pad_size=5}",
         "cuda:correlation", -1, 1),
      of("CorrelationOfDifferences", maps, "Correlation(%a, %b) {max_displacement=2, pad_size=1, is_multiply=False}",
         "cuda:correlation", -1, 1),
  };
}

inline std::vector<Case> matchings() {
  const std::map<std::string, Shape> scores = {{"data", {3, 40, 23}}};
  return {
      of("Matching", scores, "_contrib_bipartite_matching(%data) {threshold=0.1}", "cuda:bipartite_matching", -1, 1, 2),
      of("MatchingOfTheLeast", scores, "_contrib_bipartite_matching(%data) {threshold=0.2, is_ascend=True}",
         "cuda:bipartite_matching", -1, 1, 2),
      of("MatchingOfFew", scores, "_contrib_bipartite_matching(%data) {threshold=-2, topk=5}",
         "cuda:bipartite_matching", -1, 1, 2),
  };
}

/// Regions of any of 29 images, inside, across the border and beyond it.
inline std::vector<Case> sensitive_poolings() {
  const std::map<std::string, Shape> maps = {{"data", {29, 18, 12, 16}}, {"rois", {40, 5}}};
  std::map<std::string, Shape> shifted = maps;
  shifted["trans"] = {40, 4, 2, 2};
  const std::string attributes = "{spatial_scale=0.5, output_dim=2, pooled_size=4, group_size=3";
  return {
      of("PsroiPooling", maps, "_contrib_PSROIPooling(%data, %rois) " + attributes + "}", "cuda:psroi_pooling", -0.9,
         29),
      of("PsroiPoolingUnshifted", maps,
         "_contrib_DeformablePSROIPooling(%data, %rois) " + attributes + ", sample_per_part=3, no_trans=True}",
         "cuda:psroi_pooling", -0.9, 29),
      of("PsroiPoolingShifted", shifted,
         "_contrib_DeformablePSROIPooling(%data, %rois, %trans) " + attributes +
             ", sample_per_part=2, part_size=2, trans_std=0.02}",
         "cuda:psroi_pooling", -0.9, 29),
  };
}

/// Maps of 2,400 boxes an image, of which the second image covers a part.
inline std::vector<Case> proposals() {
  const std::map<std::string, Shape> maps = {{"a", {2, 8, 20, 30}}, {"b", {2, 16, 20, 30}}, {"info", {2, 3}}};
  const std::string call =
      "_contrib_MultiProposal(%a, %b, %info) {scales=(2, 5), ratios=(0.5, 1), feature_stride=8, "
      "output_score=True";
  const std::vector<double> sizes = {160, 240, 1.5, 130, 171, 1};
  return {
      with("info", sizes,
           of("Proposals", maps, call + ", rpn_pre_nms_top_n=1500, rpn_post_nms_top_n=70, rpn_min_size=12}",
              "cuda:proposal", -0.5, 1, 2)),
      with("info", sizes,
           of("ProposalsRepeated", maps, call + ", rpn_pre_nms_top_n=0, rpn_post_nms_top_n=900, threshold=0.2}",
              "cuda:proposal", -0.5, 1, 2)),
      with("info", {90, 210, 1},
           of("ProposalOfCorners", {{"a", {1, 4, 13, 27}}, {"b", {1, 8, 13, 27}}, {"info", {1, 3}}},
              "_contrib_Proposal(%a, %b, %info) {scales=(3,), ratios=(0.7, 1.5), feature_stride=8, iou_loss=True, "
              "rpn_post_nms_top_n=50}",
              "cuda:proposal", -3, 3)),
  };
}

/// Lines of which a block makes each, short ones side by side, short ones one after another.
inline std::vector<Case> softmaxes() {
  return {unary("Softmax", {3, 2, 300}, "softmax(%data)", "cuda:softmax"),
          unary("LogSoftmaxOfTheMiddle", {3, 70, 5}, "log_softmax(%data) {axis=1}", "cuda:softmax"),
          unary("SoftmaxOfChannels", {3, 2, 19, 17}, "SoftmaxActivation(%data) {mode=channel}", "cuda:softmax"),
          unary("SoftminOfFew", {150, 4}, "softmin(%data)", "cuda:softmax"),
          unary("SoftmaxOfManyPixels", {2, 40, 91, 91}, "softmax(%data) {axis=1, temperature=2}", "cuda:softmax")};
}

inline std::vector<Case> selections() {
  const std::map<std::string, Shape> data = {{"data", {3, 40, 2}}};
  const std::map<std::string, Shape> sequences = {{"data", {5, 3, 4}}, {"lengths", {3}}};
  return {
      of("TopK", data, "topk(%data) {axis=1, k=7, ret_typ=both}", "cuda:sort", -1, 1, 2),
      of("TopKOfAll", data, "topk(%data) {axis=None, k=9}", "cuda:sort", -1, 1),
      of("TopKAsMask", data, "topk(%data) {axis=1, k=9, ret_typ=mask}", "cuda:sort", -1, 1),
      of("Sort", data, "sort(%data) {axis=0}", "cuda:sort", -1, 1),
      of("TopKOfLongLines", {{"data", {2, 5000, 2}}}, "topk(%data) {axis=1, k=70, ret_typ=both}", "cuda:sort", -1, 1,
         2),
      of("SortOfLongLines", {{"data", {5000}}}, "sort(%data)", "cuda:sort", -1, 1),
      of("MaskOfLongLines", {{"data", {4097, 2}}}, "topk(%data) {axis=0, k=9, is_ascend=True, ret_typ=mask}",
         "cuda:sort", -1, 1),
      of("ArgSort", data, "argsort(%data) {axis=1, is_ascend=False, dtype=int32}", "cuda:sort", -1, 1),
      of("OneHot", {{"data", {7, 3}}}, "one_hot(%data) {depth=5, on_value=2, off_value=-1, dtype=int32}",
         "cuda:one_hot", -2, 7),
      with("lengths", kLengths,
           of("SequenceMask", sequences, "SequenceMask(%data, %lengths) {use_sequence_length=True, value=-3}",
              "cuda:sequence_mask", -1, 1)),
      with("lengths", kLengths,
           of("SequenceMaskBatchFirst", {{"data", {3, 5, 4}}, {"lengths", {3}}},
              "SequenceMask(%data, %lengths) {use_sequence_length=True, axis=1}", "cuda:sequence_mask", -1, 1)),
  };
}

/// Regions of image 0, among them some that begin behind their end.
inline std::vector<Case> alignments() {
  const std::map<std::string, Shape> upright = {{"data", {1, 12, 9, 7}}, {"rois", {11, 5}}};
  return {
      of("RoiAlign", upright, "_contrib_ROIAlign(%data, %rois) {pooled_size=(3, 2), spatial_scale=4}", "cuda:roi_align",
         -0.9, 0.9),
      of("RoiAlignByPosition", upright,
         "_contrib_ROIAlign(%data, %rois) {pooled_size=(3, 2), spatial_scale=9, sample_ratio=2, "
         "position_sensitive=True}",
         "cuda:roi_align", 0, 0.9),
      of("RoiAlignRotated", {{"data", {1, 3, 9, 7}}, {"rois", {11, 6}}},
         "_contrib_RROIAlign(%data, %rois) {pooled_size=(3, 2), spatial_scale=6}", "cuda:roi_align", -0.9, 0.9),
  };
}

/// Labels are fractions, which are cut off; some alignments fit, some do not.
inline std::vector<Case> alignment_costs() {
  const std::map<std::string, Shape> padded = {{"data", {12, 3, 150}}, {"label", {3, 5}}};
  std::map<std::string, Shape> measured = {{"data", {5, 7, 6}}, {"label", {7, 5}}, {"steps", {7}}, {"labels", {7}}};
  return {
      of("CtcLoss", padded, "CTCLoss(%data, %label)", "cuda:ctc_loss", 1, 5.9),
      of("CtcLossOfLengths", measured,
         "CTCLoss(%data, %label, %steps, %labels) {use_data_lengths=True, use_label_lengths=True}", "cuda:ctc_loss", 1,
         5.9),
      of("CtcLossBlankLast", padded, "CTCLoss(%data, %label) {blank_label=last}", "cuda:ctc_loss", 0, 3),
  };
}

/// Indices are fractions, which are cut off; some of them are the same.
inline std::vector<Case> addressings() {
  const std::vector<double> far_out = {1e30, -1e30, NAN, 5e9};
  const std::map<std::string, Shape> far = {{"at", {4}}, {"data", {5, 3}}};
  const std::map<std::string, Shape> matrix = {{"data", {5, 4, 3}}, {"at", {2, 7}}};
  const std::map<std::string, Shape> sequences = {{"data", {5, 3, 4}}, {"last", {3}}};
  return {
      of("TakeOrRaise", matrix, "take(%data, %at) {axis=1, mode=raise}", "cuda:gather", 0, 4),
      of("GatherNd", matrix, "gather_nd(%data, %at)", "cuda:gather", -3.9, 4),
      of("ScatterNd", {{"at", {2, 30}}, {"data", {30, 2}}}, "scatter_nd(%data, %at) {shape=(5, 4, 2)}", "cuda:scatter",
         0, 4),
      of("ScatterSetNd", {{"at", {1, 7}}, {"data", {5, 2}}, {"rows", {7, 2}}},
         "_scatter_set_nd(%data, %rows, %at) {shape=(5, 2)}", "cuda:scatter", 0, 5),
      of("IndexCopy", {{"at", {7}}, {"data", {5, 2}}, {"rows", {7, 2}}}, "_contrib_index_copy(%data, %at, %rows)",
         "cuda:scatter", 0, 5),
      of("Pick", {{"at", {5, 3}}, {"data", {5, 4, 3}}}, "pick(%data, %at) {axis=1}", "cuda:pick", -1, 6),
      of("PickAround", {{"at", {5, 1, 3}}, {"data", {5, 4, 3}}}, "pick(%data, %at) {axis=1, mode=wrap, keepdims=True}",
         "cuda:pick", -9, 9),
      of("BatchTake", {{"at", {5}}, {"data", {5, 4}}}, "batch_take(%data, %at)", "cuda:pick", -1, 6),
      of("Ravel", {{"data", {3, 11}}}, "_ravel_multi_index(%data) {shape=(5, 4, 3)}", "cuda:ravel", 0, 3),
      of("Unravel", {{"data", {11}}}, "_unravel_index(%data) {shape=(5, 4, 3)}", "cuda:ravel", 0, 60),
      unary("IndexArray", {3, 2, 5}, "_contrib_index_array(%data) {axes=(2, -3)}", "cuda:constant"),
      with("at", far_out, of("TakeFarOut", far, "take(%data, %at)", "cuda:take", 0, 1)),
      with("at", far_out, of("TakeFarAround", far, "take(%data, %at) {mode=wrap}", "cuda:take", 0, 1)),
      with("at", far_out,
           of("EmbeddingFarOut", far, "Embedding(%at, %data) {input_dim=5, output_dim=3}", "cuda:take", 0, 1)),
      with("at", far_out, of("PickFarOut", {{"at", {4}}, {"data", {4, 3}}}, "pick(%data, %at)", "cuda:pick", 0, 1)),
      with("at", far_out,
           of("PickFarAround", {{"at", {4}}, {"data", {4, 3}}}, "pick(%data, %at) {mode=wrap}", "cuda:pick", 0, 1)),
      with("at", far_out,
           of("BatchTakeFarOut", {{"at", {4}}, {"data", {4, 3}}}, "batch_take(%data, %at)", "cuda:pick", 0, 1)),
      of("SequenceLast", sequences, "SequenceLast(%data, %last) {use_sequence_length=True}", "cuda:sequence_last", 1,
         5.9),
      of("SequenceLastBatchFirst", {{"data", {3, 5, 4}}, {"last", {3}}},
         "SequenceLast(%data, %last) {use_sequence_length=True, axis=1}", "cuda:sequence_last", 1, 5.9),
      of("SequenceReverse", sequences, "SequenceReverse(%data, %last) {use_sequence_length=True}",
         "cuda:sequence_reverse", 0, 5.9),
      unary("SequenceReverseOfAll", {5, 3, 4}, "SequenceReverse(%data)", "cuda:sequence_reverse"),
  };
}

/// More rows than a block has threads, matrices side by side, each triangle on each side.
inline std::vector<Case> matrices() {
  const std::map<std::string, Shape> squares = {{"data", {3, 9, 9}}};
  const std::map<std::string, Shape> left = {{"a", {2, 7, 7}}, {"b", {2, 7, 5}}};
  const std::map<std::string, Shape> right = {{"a", {2, 7, 7}}, {"b", {2, 5, 7}}};
  const auto on = [](std::string name, const std::map<std::string, Shape>& shapes, const std::string& call,
                     int outputs = 1) { return of(std::move(name), shapes, call, "cuda:linalg", 0.5, 1.5, outputs); };
  return {
      of("Det", squares, "_linalg_det(%data)", "cuda:linalg", -1, 1),
      of("SlogDet", squares, "_linalg_slogdet(%data)", "cuda:linalg", -1, 1, 2),
      of("SlogDetOfMany", {{"data", {1, 150, 150}}}, "_linalg_slogdet(%data)", "cuda:linalg", -1, 1, 2),
      on("Potri", squares, "_linalg_potri(%data)"),
      on("PotriOfUpper", squares, "_linalg_potri(%data) {lower=False}"),
      on("SumLogDiag", squares, "_linalg_sumlogdiag(%data)"),
      of("Gelqf", {{"data", {2, 5, 8}}}, "_linalg_gelqf(%data)", "cuda:linalg", -1, 1, 2),
      of("GelqfOfOne", {{"data", {1, 1}}}, "_linalg_gelqf(%data)", "cuda:linalg", -1, 1, 2),
      on("Trmm", left, "_linalg_trmm(%a, %b) {alpha=2}"),
      on("TrmmOfUpperFromTheRight", right, "_linalg_trmm(%a, %b) {lower=False, rightside=True}"),
      on("TrmmTransposed", left, "_linalg_trmm(%a, %b) {transpose=True}"),
      on("Trsm", left, "_linalg_trsm(%a, %b) {alpha=2}"),
      on("TrsmOfUpper", left, "_linalg_trsm(%a, %b) {lower=False}"),
      on("TrsmFromTheRight", right, "_linalg_trsm(%a, %b) {rightside=True}"),
      on("TrsmTransposedFromTheRight", right, "_linalg_trsm(%a, %b) {rightside=True, transpose=True}"),
  };
}

/// Sums of products that are no matrix product as cuBLASLt knows them.
inline std::vector<Case> contractions() {
  const auto on = [](std::string name, const std::map<std::string, Shape>& shapes, const std::string& call) {
    return of(std::move(name), shapes, call, "cuda:contraction", -1, 1);
  };
  return {
      on("EinsumTurned", {{"a", {2, 3, 4}}, {"b", {2, 4, 5}}},
         "_npi_einsum(%a, %b) {num_args=2, subscripts=\"bij,bjk->kbi\"}"),
      on("EinsumOfThree", {{"a", {3, 4}}, {"b", {4, 5}}, {"c", {5, 2}}},
         "_npi_einsum(%a, %b, %c) {num_args=3, subscripts=\"ij,jk,kl->li\"}"),
      on("EinsumOfADiagonal", {{"a", {4, 4, 3}}}, "_npi_einsum(%a) {num_args=1, subscripts=\"iij->j\"}"),
      on("TensordotCrossed", {{"a", {3, 4, 5}}, {"b", {5, 2, 4}}},
         "_npi_tensordot(%a, %b) {a_axes_summed=(1, 2), b_axes_summed=(2, 0)}"),
      on("KhatriRao", {{"a", {3, 4}}, {"b", {2, 4}}, {"c", {5, 4}}}, "khatri_rao(%a, %b, %c) {num_args=3}"),
  };
}

/// Lines that several blocks share, and integers.
inline std::vector<Case> reductions() {
  const std::map<std::string, Shape> data = {{"data", {2, 20000}}};
  const auto on = [&](std::string name, const std::string& call) {
    return of(std::move(name), data, call, "cuda:reduce", -1, 1);
  };
  std::vector<Case> cases = {on("MeanOfLongLines", "mean(%data) {axis=1}"),
                             on("NormOfLongLines", "norm(%data) {axis=1}"), on("MaxOfLongLines", "max(%data) {axis=1}"),
                             on("ArgMaxOfLongLines", "argmax(%data) {axis=1}"), on("ArgMinOfAll", "argmin(%data)")};
  for (const char* op : {"sum", "mean", "prod", "max", "min", "norm", "argmax", "argmin"}) {
    Case test = of(std::string("Integer_") + op, {{"data", {3, 7, 2}}}, std::string(op) + "(%data) {axis=1}",
                   "cuda:reduce", -9, 9);
    test.dtype = DType::int32;
    cases.push_back(std::move(test));
  }
  return cases;
}

/// What is computed beside the usual, or of shapes alone.
inline std::vector<Case> statistics() {
  const std::map<std::string, Shape> batch = {
      {"data", {2, 3, 4}}, {"gamma", {3}}, {"beta", {3}}, {"m", {3}}, {"v", {3}}};
  return {
      of("BatchNormWithItsStatistics", batch,
         "BatchNorm(%data, %gamma, %beta, %m, %v) {fix_gamma=False, output_mean_var=True}", "cuda:batch_norm", 0.1, 1,
         3),
      of("BatchNormWithItsVariance", batch, "BatchNorm_v1(%data, %gamma, %beta, %m, %v) {output_mean_var=True}",
         "cuda:batch_norm", 0.1, 1, 3),
      unary("ArangeLike", {3, 5}, "_contrib_arange_like(%data) {axis=1, start=2, step=0.5}", "cuda:constant"),
      unary("Moments", {3, 20, 2}, "moments(%data) {axes=(0, 1)}", "cuda:moments"),
      unary("PadByTheEdge", {2, 3, 4, 5}, "Pad(%data) {mode=edge, pad_width=(0, 0, 0, 0, 1, 2, 3, 0)}", "cuda:pad"),
      unary("PadByReflection", {2, 3, 4, 5}, "Pad(%data) {mode=reflect, pad_width=(0, 0, 0, 0, 3, 2, 1, 4)}",
            "cuda:pad"),
      unary("PadByANumber", {2, 3, 4, 5},
            "Pad(%data) {mode=constant, constant_value=7, pad_width=(0, 0, 0, 0, 1, 0, 0, 1)}", "cuda:pad"),
      unary("CumSum", {3, 4, 5}, "_np_cumsum(%data) {axis=1}", "cuda:cumsum"),
      unary("SliceSetToANumber", {4, 5}, "_slice_assign_scalar(%data) {begin=(1, 0), end=(3, 4), scalar=3}",
            "cuda:copy"),
      unary("DiagonalMatrix", {4}, "diag(%data) {k=-1}", "cuda:copy"),
      unary("Triangle", {2, 4, 4}, "_linalg_extracttrian(%data) {offset=1}", "cuda:copy"),
      unary("LowerTriangles", {2, 4, 5}, "_npi_tril(%data) {k=-1}", "cuda:tril"),
      unary("LowerTriangleOfARow", {4}, "_npi_tril(%data) {k=1}", "cuda:tril"),
      of("UpSamplingBilinear", {{"data", {2, 3, 4, 5}}, {"weight", {3, 1, 5, 5}}},
         "UpSampling(%data, %weight) {scale=3, sample_type=bilinear, num_filter=3, num_args=2}", "cuda:convolve", -1,
         1),
      unary("PoolOfVolumes", {2, 3, 5, 6, 7}, "Pooling(%data) {kernel=(2, 3, 3), stride=(1, 2, 2), pad=(1, 1, 1)}",
            "cuda:pool"),
  };
}

/// What mostly training and preparation of data use.
inline std::vector<Case> preparations() {
  const std::string window = "{kernel=(2, 3), stride=(2, 1), dilate=(1, 2), pad=(1, 2)";
  const std::map<std::string, Shape> scores = {{"data", {300, 7}}, {"label", {300}}};
  Case cholesky = unary("Potrf", {2, 3, 3}, "_linalg_potrf(%data)", "cuda:linalg");
  cholesky.given["data"] = {4, 9, 9, 2, 5, 9, -1, 3, 8, 1, 9, 9, 0.5, 2, 9, 0.25, 1, 3};
  Case upper = cholesky;
  upper.name = "PotrfOfUpper";
  upper.text = graph_of(upper.shapes, "_linalg_potrf(%data) {lower=False}");
  Case infinite = unary("AllFinite", {3, 2}, "all_finite(%data)", "cuda:all_finite");
  infinite.given["data"] = {1, 2, 3, INFINITY, 5, 6};
  Case edges =
      of("HistogramOfEdges", {{"bins", {4}}, {"data", {500}}}, "_histogram(%data, %bins)", "cuda:histogram", -1, 1, 2);
  edges.given["bins"] = {-0.9, -0.3, 0.2, 0.8};
  return {
      cholesky,
      upper,
      infinite,
      unary("Inverse", {2, 5, 5}, "_linalg_inverse(%data)", "cuda:linalg"),
      of("AllFiniteOfMany", {{"a", {300}}, {"b", {2, 2}}}, "multi_all_finite(%a, %b) {num_arrays=2}", "cuda:all_finite",
         -1, 1),
      of("AllClose", {{"a", {300}}, {"b", {300}}}, "_contrib_allclose(%a, %b) {atol=2}", "cuda:allclose", -1, 1),
      of("NotAllClose", {{"a", {300}}, {"b", {300}}}, "_contrib_allclose(%a, %b) {atol=1.5}", "cuda:allclose", -1, 1),
      unary("Im2Col", {2, 3, 5, 6}, "im2col(%data) " + window + "}", "cuda:im2col"),
      unary("Col2Im", {2, 18, 18}, "col2im(%data) " + window + ", output_size=(5, 6)}", "cuda:col2im"),
      unary("Histogram", {500}, "_histogram(%data) {bin_cnt=7, range=(-0.5, 0.9)}", "cuda:histogram"),
      edges,
      of("CrossEntropy", scores, "softmax_cross_entropy(%data, %label)", "cuda:cross_entropy", -1, 8),
      unary("Trace", {3, 4, 5}, "_np_trace(%data) {offset=-1, axis1=2, axis2=0}", "cuda:trace"),
      unary("SequenceMaskOfNothing", {5, 3, 4}, "SequenceMask(%data)", "cuda:sequence_mask"),
  };
}

/// Each in the other types, too.
inline std::vector<Case> in_all_types(std::vector<Case> cases) {
  std::vector<Case> result = cases;
  for (Case& test : cases) {
    for (const auto& [dtype, tolerance] : {std::pair(DType::float64, 1e-12), std::pair(DType::float16, 2e-3)}) {
      Case typed = test;
      typed.name += "_" + std::string(name(dtype));
      typed.dtype = dtype;
      typed.tolerance = tolerance;
      result.push_back(std::move(typed));
    }
  }
  return result;
}

inline Tensor random_tensor(const Shape& shape, const Case& test, std::mt19937& random) {
  std::uniform_real_distribution<double> numbers(test.low, test.high);
  std::vector<double> elements(static_cast<std::size_t>(shape.elements()));
  for (double& element : elements) element = numbers(random);
  return tensor(shape, elements, test.dtype);
}

inline std::vector<double> elements_of(const Tensor& tensor) {
  const Tensor wide = tensor.astype(DType::float64);
  return {wide.data<double>(), wide.data<double>() + wide.elements()};
}

/// Fails the test where the plain executor on cuda:0 takes another implementation or gives other numbers.
inline void expect_reference(const Case& test) {
  const Model model(parse_graph(test.text, ops()), {});
  BindOptions options;
  options.shapes = test.shapes;
  for (const auto& [name, shape] : test.shapes) options.types[name] = test.dtype;
  options.backend = "reference";
  Executor reference = Executor::bind(model, options);
  options.backend = "plain";
  options.device = {Device::Kind::cuda, 0};
  Executor executor = Executor::bind(model, options);
  ASSERT_EQ(executor.steps().size(), 1u);
  EXPECT_EQ(executor.steps()[0].implementation, test.implementation)
      << testing::PrintToString(executor.steps()[0].refusals);

  std::mt19937 random(7);
  for (const auto& [name, shape] : test.shapes) {
    Tensor value = random_tensor(shape, test, random);
    if (const auto found = test.given.find(name); found != test.given.end()) {
      value = tensor(shape, found->second, test.dtype);
    }
    reference.set_input(name, value);
    executor.set_input(name, value);
  }
  reference.forward();
  for (int turn = 0; turn < 2; ++turn) executor.forward();  // the second time from the recording
  for (std::size_t i = 0; i < reference.outputs().size(); ++i) {
    const Tensor& expected = reference.output(static_cast<int>(i));
    expect_tensor(executor.output(static_cast<int>(i)), expected.shape(), elements_of(expected), test.tolerance);
  }
}

inline std::vector<Case> all() {
  std::vector<Case> result = in_all_types(normalizations());
  for (const auto family : {samplings, correlations, matchings, sensitive_poolings, matrices, contractions}) {
    for (Case& test : in_all_types(family())) result.push_back(std::move(test));
  }
  for (const auto family : {recurrences, detections, resamplings, selections, softmaxes, reductions, statistics,
                            addressings, alignments, alignment_costs, preparations, deformables, proposals}) {
    for (Case& test : family()) result.push_back(std::move(test));
  }
  return result;
}

}  // namespace tenon::gpu_cases
