#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "backends/cuda/codegen/kernel_spec.h"
#include "core/error.h"

namespace tenon::cuda {
namespace {

/// The part of a wgmma's name that says what it multiplies.
std::string_view wgmma_types(Storage storage) {
  switch (storage) {
    case Storage::f16:
      return "k16.f32.f16.f16";
    case Storage::bf16:
      return "k16.f32.bf16.bf16";
    case Storage::tf32:
    case Storage::f32:
      return "k8.f32.tf32.tf32";
  }
  return {};
}

/// `wgmma(acc, a, b)`: 64 rows by `columns`, the accumulators named one by one, as the instruction wants them. 16-bit
/// types also say that neither operand is transposed. `wgmma_registers` has A in registers, `wgmma_first` too, and does
/// not add to what the accumulators hold.
enum class Form { shared, registers, first };
std::string wgmma_source(Storage storage, int columns, Form form) {
  const int count = columns / 2;
  std::string registers, constraints;
  for (int i = 0; i < count; ++i) {
    registers += fmt::format("{}%{}", i == 0 ? "" : ",", i);
    constraints += fmt::format("{}\"{}\"(d[{}])", i == 0 ? "" : ", ", form == Form::first ? "=&f" : "+f", i);
  }
  const bool halves = element_bytes(storage) == 2;
  if (form != Form::shared) {
    return fmt::format(
        "TENON_DEVICE void {11}(float (&d)[{0}], const u32 (&a)[4], u64 b) {{\n"
        "  asm volatile(\"wgmma.mma_async.sync.aligned.m64n{1}{2} {{{3}}}, {{%{4},%{5},%{6},%{7}}}, %{8}, {12}, 1, "
        "1{9};\"\n"
        "               : {10}\n               : \"r\"(a[0]), \"r\"(a[1]), \"r\"(a[2]), \"r\"(a[3]), \"l\"(b));\n}}\n",
        count, columns, wgmma_types(storage), registers, count, count + 1, count + 2, count + 3, count + 4,
        halves ? ", 0" : "", constraints, form == Form::first ? "wgmma_first" : "wgmma_registers",
        form == Form::first ? 0 : 1);
  }
  return fmt::format(
      "TENON_DEVICE void wgmma(float (&d)[{0}], u64 a, u64 b) {{\n"
      "  asm volatile(\"wgmma.mma_async.sync.aligned.m64n{1}{2} {{{3}}}, %{4}, %{5}, 1, 1, 1{6};\"\n"
      "               : {7}\n               : \"l\"(a), \"l\"(b));\n}}\n",
      count, columns, wgmma_types(storage), registers, count, count + 1, halves ? ", 0, 0" : "", constraints);
}

}  // namespace

std::string_view name(Storage storage) {
  switch (storage) {
    case Storage::f16:
      return "f16";
    case Storage::bf16:
      return "bf16";
    case Storage::tf32:
      return "tf32";
    case Storage::f32:
      return "f32";
  }
  return {};
}

int element_bytes(Storage storage) {
  return storage == Storage::f16 || storage == Storage::bf16 ? 2 : 4;
}

int unit_of(Storage storage) {
  return 16 / element_bytes(storage);
}

Target hopper() {
  return {};
}

Target ampere() {
  return {80, false, 108, 166912};
}

int KernelSpec::constant(std::string_view constant_name) const {
  const auto found = std::ranges::find(constants, constant_name, &std::pair<std::string, int>::first);
  if (found == constants.end()) fail(ErrorCode::internal, "the kernel {} has no constant {}", text, constant_name);
  return found->second;
}

std::string source_of(const KernelSpec& spec) {
  std::string source = "enum class Storage { f16, bf16, tf32, f32 };\n";
  source += fmt::format("constexpr Storage kStorage = Storage::{};\n", name(spec.storage));
  source += fmt::format("#define TENON_WGMMA {}\n", spec.target.wgmma() ? 1 : 0);
  source += fmt::format("#define TENON_SPLIT {}\n", spec.splits() ? 1 : 0);
  source += kernel_text("prelude");
  for (const auto& [constant_name, value] : spec.constants) {
    source += fmt::format("constexpr int {} = {};\n", constant_name, value);
  }
  if (spec.target.wgmma()) {
    for (const int columns : spec.wgmma_columns) {
      source += wgmma_source(spec.storage, columns, Form::shared);
      if (!spec.splits()) continue;
      source += wgmma_source(spec.storage, columns, Form::first);
      source += wgmma_source(spec.storage, columns, Form::registers);
    }
    for (const int columns : spec.wgmma_register_columns)
      source += wgmma_source(spec.storage, columns, Form::registers);
  }
  if (spec.splits()) source += kernel_text("split");
  source += kernel_text("epilogue");
  source += epilogue_source(spec.main, "Main", false);
  source += epilogue_source(spec.side, "Side", true);
  for (const std::string& include : spec.includes) source += kernel_text(include);
  source += kernel_text(spec.text);
  return source;
}

}  // namespace tenon::cuda
