// Every template of the plain executor compiles for the architectures Tenon runs on; NVRTC needs no GPU.

#include "backends/cuda/kernel_text.h"

#include <gtest/gtest.h>

#include "backends/cuda/codegen/compiler.h"

namespace tenon::cuda {
namespace {

struct Specimen {
  std::string name;
  std::string entry, text;
};

void PrintTo(const Specimen& text, std::ostream* stream) {
  *stream << text.name;
}

std::vector<Specimen> texts() {
  std::vector<Specimen> result;
  for (const char* type : {"float", "double", "f16", "bf16"}) {
    const std::string word = type, wide = word == "double" ? "double" : "float";
    result.push_back({"map_" + word, "map", map_text({type, {type, type}, wide, "convert<A>(pow(real(a), real(b)))"})});
    for (const std::string entry : {"reduce", "reduce_parts"}) {
      result.push_back({entry + "_" + word, entry,
                        reduce_text({type, type, wide, "0", "acc + x", "acc + other", "acc / static_cast<A>(terms)"})});
      result.push_back({"arg_" + entry + "_" + word, entry, arg_reduce_text(type, type, wide, "x > best")});
    }
    for (const char* entry : {"softmax", "softmax_of_many"}) {
      result.push_back({std::string(entry) + "_" + word, entry, softmax_text(type, type, SoftmaxKind::log_softmax)});
    }
    result.push_back({"pool_max_" + word, "pool", pool_text(type, PoolKind::max, PoolDivisor::inside_pad, true)});
    result.push_back({"pool_average_" + word, "pool", pool_text(type, PoolKind::average, PoolDivisor::real, false)});
    result.push_back({"pool_lp_" + word, "pool", pool_text(type, PoolKind::lp, PoolDivisor::kernel, false)});
    result.push_back({"multiply_" + word, "multiply", multiply_text(type)});
    for (const char* entry :
         {"multibox_sort", "multibox_suppress", "nms_copy", "nms_sort", "nms_suppress", "roi_pooling", "box_decode"}) {
      result.push_back(
          {std::string(entry) + "_" + word, entry, typed_text({{"T", type}}, "detection", {{"MOST_PRIORS", "64"}})});
    }
    for (const char* entry : {"rnn_project", "rnn_step", "rnn_project_state"}) {
      result.push_back({std::string(entry) + "_" + word, entry,
                        typed_text({{"T", type}, {"L", "int"}}, "rnn",
                                   {{"GATES", "4"}, {"UPDATE", "c[at] = x[0] + gate[0]; next = sigmoid(c[at]);"}})});
    }
    for (const char* entry : {"bilinear_resize", "image_resize", "image_normalize"}) {
      result.push_back({std::string(entry) + "_" + word, entry,
                        typed_text({{"T", type}, {"R", wide}}, "resample", {{"MOST_CHANNELS", "16"}})});
    }
    for (const char* entry : {"sort", "one_hot", "sequence_mask"}) {
      result.push_back({std::string(entry) + "_" + word, entry,
                        typed_text({{"T", type}, {"P", "int"}, {"D", "float"}}, {"index_of", "select"})});
    }
    for (const char* entry : {"im2col", "col2im"}) {
      result.push_back(
          {std::string(entry) + "_" + word, entry, typed_text({{"T", type}}, "columns", {{"MOST_AXES", "12"}})});
    }
    for (const char* entry : {"bin_edges", "histogram"}) {
      result.push_back({std::string(entry) + "_" + word, entry, typed_text({{"T", type}}, "histogram")});
    }
    for (const char* entry : {"row_losses", "total_loss"}) {
      result.push_back({std::string(entry) + "_" + word, entry, typed_text({{"T", type}}, "cross_entropy")});
    }
    for (const char* entry : {"hold_begin", "hold_finite", "hold_close"}) {
      result.push_back({std::string(entry) + "_" + word, entry, typed_text({{"T", type}, {"D", "u8"}}, "holds")});
    }
    result.push_back({"trace_" + word, "trace", typed_text({{"T", type}}, "trace", {{"MOST_AXES", "12"}})});
    result.push_back({"roi_align_" + word, "roi_align", typed_text({{"T", type}}, {"refusal", "roi_align"})});
    result.push_back({"ctc_cost_of_" + word, "ctc_cost", typed_text({{"L", type}}, {"refusal", "ctc"})});
    for (const char* entry : {"gather", "claim", "scatter"}) {
      result.push_back(
          {std::string(entry) + "_by_" + word, entry,
           typed_text({{"T", "u16"}, {"I", type}}, {"index_of", "refusal", "addressing"}, {{"MOST_AXES", "12"}})});
    }
    for (const char* entry : {"pick", "ravel", "unravel"}) {
      result.push_back({std::string(entry) + "_by_" + word, entry,
                        typed_text({{"T", "u16"}, {"I", type}}, {"index_of", "coordinates"}, {{"MOST_AXES", "12"}})});
    }
    for (const char* entry : {"sequence_last", "sequence_reverse"}) {
      result.push_back({std::string(entry) + "_by_" + word, entry,
                        typed_text({{"T", "u64"}, {"L", type}}, {"index_of", "refusal", "sequence"})});
    }
    for (const auto& [file, entries] : std::vector<std::pair<const char*, std::vector<const char*>>>{
             {"sampler", {"grid_of_map", "grid_of_flow", "grid_unmoved", "bilinear_sampler", "spatial_transformer"}},
             {"deformable", {"deformable_columns", "deformable_product"}}}) {
      for (const char* entry : entries) {
        result.push_back({std::string(entry) + "_" + word, entry, typed_text({{"T", type}}, {"plane", file})});
      }
    }
    for (const char* entry : {"psroi_pooling", "deformable_psroi_pooling"}) {
      result.push_back(
          {std::string(entry) + "_" + word, entry, typed_text({{"T", type}}, {"refusal", "plane", "psroi"})});
    }
    result.push_back({"correlation_" + word, "correlation", typed_text({{"T", type}}, "correlation")});
    result.push_back({"bipartite_matching_" + word, "bipartite_matching", typed_text({{"T", type}}, "matching")});
    result.push_back(
        {"running_sum_" + word, "running_sum", typed_text({{"T", type}, {"D", "float"}, {"S", "double"}}, "cumsum")});
    for (const char* entry : {"sort_runs", "sort_merge", "sort_place"}) {
      result.push_back({std::string(entry) + "_" + word, entry,
                        typed_text({{"T", type}, {"P", "int"}, {"D", "float"}}, {"index_of", "select"})});
    }
    for (const char* entry :
         {"determinant", "potrf", "inverse", "potri", "sumlogdiag", "trmm", "trsm", "gelqf", "syevd"}) {
      result.push_back({std::string(entry) + "_" + word, entry,
                        typed_text({{"T", type}}, {"refusal", "linalg"}, {{"THREADS", "128"}})});
    }
    result.push_back({"contract_" + word, "contract",
                      typed_text({{"T", type}}, "contract", {{"AXES", "12"}, {"SOURCES", "6"}, {"COUNT", "3"}})});
    for (const char* transposed : {"0", "1"}) {
      result.push_back({"convolve" + std::string(transposed) + "_" + word, "convolve",
                        typed_text({{"T", type}}, "convolve", {{"TRANSPOSED", transposed}})});
    }
    result.push_back({"pad_" + word, "pad", typed_text({{"T", type}}, "pad", {{"AXES", "12"}})});
    result.push_back({"moments_" + word, "moments", moments_text(type, type)});
    for (const char* entry : {"normalize", "l2_normalize", "lrn"}) {
      result.push_back({std::string(entry) + "_" + word, entry, typed_text({{"T", type}}, "normalize")});
    }
  }
  for (const char* type : {"u8", "i8", "int", "i64", "bool"}) {
    const std::string word = type;
    result.push_back({"map_" + word, "map", map_text({type, {type, type}, "i64", "convert<A>(modulo(a, b))"})});
    result.push_back({"from_float_to_" + word, "map", map_text({type, {"float"}, "float", "a"})});
    result.push_back({"from_double_to_" + word, "map", map_text({type, {"double"}, "double", "a"})});
    result.push_back({"take_by_" + word, "take", take_text("u32", type, "wrap")});
    result.push_back(
        {"sort_of_" + word, "sort", typed_text({{"T", type}, {"P", "i64"}, {"D", type}}, {"index_of", "select"})});
    result.push_back({"ctc_cost_of_" + word, "ctc_cost", typed_text({{"L", type}}, {"refusal", "ctc"})});
    if (word == "u8" || word == "i8") {
      result.push_back({"pool_of_" + word, "pool", pool_text(type, PoolKind::average, PoolDivisor::kernel, false)});
      for (const char* entry : {"quantized_convolution", "quantized_dense", "widest_range", "quantized_concat"}) {
        result.push_back(
            {std::string(entry) + "_" + word, entry, typed_text({{"T", type}}, "quantized", {{"MOST_JOINED", "32"}})});
      }
      for (const char* entry : {"quantized_add", "quantized_multiply", "quantized_relu", "quantized_batch_norm"}) {
        result.push_back({std::string(entry) + "_" + word, entry,
                          typed_text({{"T", type}, {"R", "u8"}, {"D", "int"}}, "quantized_arithmetic")});
      }
      for (const char* entry : {"extremes", "settle_range", "quantize"}) {
        result.push_back(
            {std::string(entry) + "_to_" + word, entry, typed_text({{"T", "float"}, {"D", type}}, "quantize")});
      }
      result.push_back({"dequantize_" + word, "dequantize", typed_text({{"T", type}, {"D", "float"}}, "quantize")});
    }
    result.push_back(
        {"gather_by_" + word, "gather",
         typed_text({{"T", "u8"}, {"I", type}}, {"index_of", "refusal", "addressing"}, {{"MOST_AXES", "12"}})});
    result.push_back({"image_of_" + word, "image_to_tensor",
                      typed_text({{"T", type}, {"R", "float"}}, "resample", {{"MOST_CHANNELS", "16"}})});
  }
  for (const char* entry : {"proposal_decode", "proposal_sort_tiles", "proposal_merge", "proposal_suppress"}) {
    result.push_back({entry, entry, typed_text({{"T", "float"}}, {"refusal", "proposal"}, {{"MOST_ANCHORS", "64"}})});
  }
  result.push_back({"wide_map", "map", map_text({"u16", {"u16"}, "", "a", true})});
  result.push_back({"concat", "concat", typed_text({{"T", "float"}}, "concat", {{"MOST_JOINED", "32"}})});
  result.push_back({"tril", "tril", typed_text({{"T", "u16"}}, "triangle")});
  result.push_back({"take_clipped", "take", take_text("u64", "float", "clip")});
  return result;
}

class CudaKernelText : public testing::TestWithParam<Specimen> {};

TEST_P(CudaKernelText, CompilesWithoutSpillingRegisters) {
  if (!compiler_available()) GTEST_SKIP() << "skipped: " << compiler_missing() << " is not here";
  for (const int architecture : {80, 90}) {
    const CompiledKernel kernel = compile_kernel(GetParam().text, architecture);
    const KernelBudget budget = budget_of(kernel.cubin, GetParam().entry);
    EXPECT_LE(budget.registers, 128);
    EXPECT_LE(budget.static_shared, 48 * 1024);
  }
}

INSTANTIATE_TEST_SUITE_P(Every, CudaKernelText, testing::ValuesIn(texts()),
                         [](const auto& specimen) { return specimen.param.name; });

TEST(CudaKernelTextRefused, QuotesTheCompiler) {
  if (!compiler_available()) GTEST_SKIP() << "skipped: " << compiler_missing() << " is not here";
  try {
    compile_kernel(map_text({"float", {"float"}, "float", "no_such_function(a)"}), 90);
    FAIL() << "compiled";
  } catch (const std::exception& error) {
    EXPECT_NE(std::string(error.what()).find("no_such_function"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace tenon::cuda
