#include "backends/cuda/codegen/weights.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "core/error.h"
#include "core/half.h"

namespace tenon::cuda {
namespace {

int div_up(int a, int b) {
  return (a + b - 1) / b;
}

/// To the nearest number of ten bits of fraction, ties away from zero, as the device's cvt.rna does.
std::uint32_t tf32_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return (bits & 0x7f800000u) == 0x7f800000u ? bits : (bits + 0x1000u) & ~0x1fffu;
}

float tf32(float value) {
  return std::bit_cast<float>(tf32_bits(value));
}

/// Writes numbers one after another as they are stored.
class Writer {
 public:
  Writer(Storage storage, std::size_t bytes) : storage_(storage), bytes_(bytes) {}

  void put(std::size_t element, float value) {
    switch (storage_) {
      case Storage::f16:
        return write(element, to_float16(value).bits);
      case Storage::bf16:
        return write(element, to_bfloat16(value).bits);
      case Storage::tf32:
        return write(element, tf32_bits(value));
      case Storage::f32:
        return write(element, std::bit_cast<std::uint32_t>(value));
    }
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  template <class T>
  void write(std::size_t element, T bits) {
    std::memcpy(bytes_.data() + element * sizeof(T), &bits, sizeof(T));
  }

  Storage storage_;
  std::vector<std::byte> bytes_;
};

/// A block's units of K.
int padded_units(int src_channels, int taps, const WeightLayout& layout, Storage storage) {
  const int chunks = div_up(src_channels, layout.chunk);
  const int units = chunks * (taps + (layout.side ? 1 : 0)) * (layout.chunk / unit_of(storage));
  return div_up(units, layout.pad_units) * layout.pad_units;
}

std::vector<std::byte> pack_units(const ConvolutionWeights& weights, const WeightLayout& layout, Storage storage,
                                  std::size_t bytes) {
  const int unit = unit_of(storage), taps = weights.taps + (layout.side ? 1 : 0);
  const int padded = padded_units(weights.src_channels, weights.taps, layout, storage);
  // One unit of K for all channels of a block.
  const auto half = static_cast<std::size_t>(layout.block_n * unit), row = layout.split ? 2 * half : half;
  Writer writer(storage, bytes);

  const auto value = [&](int channel, int src, int tap) {
    const auto at = static_cast<std::size_t>(channel) * static_cast<std::size_t>(weights.src_channels) +
                    static_cast<std::size_t>(src);
    if (tap == weights.taps) return weights.side[at];
    return weights.main[at * static_cast<std::size_t>(weights.taps) + static_cast<std::size_t>(tap)];
  };
  for (int channel = 0; channel < weights.channels; ++channel) {
    const int block = channel / layout.block_n, n = channel % layout.block_n;
    for (int src = 0; src < weights.src_channels; ++src) {
      const int chunk = src / layout.chunk, in_chunk = src % layout.chunk;
      for (int tap = 0; tap < taps; ++tap) {
        const int k = (chunk * taps + tap) * (layout.chunk / unit) + in_chunk / unit;
        const std::size_t at = static_cast<std::size_t>(block * padded + k) * row;
        const std::size_t element = at + static_cast<std::size_t>(n * unit + in_chunk % unit);
        const float weight = value(channel, src, tap), kept = layout.split ? tf32(weight) : weight;
        writer.put(element, kept);
        if (layout.split) writer.put(element + half, tf32(weight - kept));
      }
    }
  }
  return writer.take();
}

/// A row's K in the order of the layout: units of channels, elements of the plane, channels of the unit.
std::vector<std::byte> pack_rows(const ConvolutionWeights& weights, Storage storage, std::size_t bytes) {
  const int unit = unit_of(storage), units = div_up(weights.src_channels, unit), taps = weights.taps;
  const auto inner = static_cast<std::size_t>(units) * static_cast<std::size_t>(taps * unit);
  Writer writer(storage, bytes);
  std::size_t from = 0;
  for (std::size_t channel = 0; channel < static_cast<std::size_t>(weights.channels); ++channel) {
    for (int src = 0; src < weights.src_channels; ++src) {
      for (int tap = 0; tap < taps; ++tap) {
        const int k = (src / unit * taps + tap) * unit + src % unit;
        writer.put(channel * inner + static_cast<std::size_t>(k), weights.main[from++]);
      }
    }
  }
  return writer.take();
}

std::vector<std::byte> pack_channels_last(const ConvolutionWeights& weights, const WeightLayout& layout,
                                          Storage storage, std::size_t bytes) {
  const auto taps = static_cast<std::size_t>(weights.taps);
  const auto pitch = static_cast<std::size_t>(div_up(weights.src_channels, layout.chunk) * layout.chunk);
  Writer writer(storage, bytes);
  std::size_t from = 0;
  for (std::size_t channel = 0; channel < static_cast<std::size_t>(weights.channels); ++channel) {
    for (std::size_t src = 0; src < static_cast<std::size_t>(weights.src_channels); ++src) {
      for (std::size_t tap = 0; tap < taps; ++tap) {
        writer.put((channel * taps + tap) * pitch + src, weights.main[from++]);
      }
    }
  }
  return writer.take();
}

std::vector<std::byte> pack_row_major(const ConvolutionWeights& weights, Storage storage, std::size_t bytes) {
  Writer writer(storage, bytes);
  for (std::size_t i = 0; i < weights.main.size(); ++i) writer.put(i, weights.main[i]);
  return writer.take();
}

std::vector<std::byte> pack_depthwise(const ConvolutionWeights& weights, Storage storage, std::size_t bytes) {
  const int unit = unit_of(storage);
  Writer writer(Storage::f32, bytes);
  for (int channel = 0; channel < weights.channels; ++channel) {
    for (int tap = 0; tap < weights.taps; ++tap) {
      writer.put(static_cast<std::size_t>((channel / unit * weights.taps + tap) * unit + channel % unit),
                 weights.main[static_cast<std::size_t>(channel * weights.taps + tap)]);
    }
  }
  return writer.take();
}

std::vector<std::byte> pack_direct(const ConvolutionWeights& weights, const WeightLayout& layout, std::size_t bytes) {
  const auto group = static_cast<std::size_t>(layout.block_n), taps = static_cast<std::size_t>(weights.taps);
  const auto rows = static_cast<std::size_t>(weights.src_channels) * taps;
  Writer writer(Storage::f32, bytes);
  for (std::size_t channel = 0; channel < static_cast<std::size_t>(weights.channels); ++channel) {
    for (std::size_t row = 0; row < rows; ++row) {
      writer.put((channel / group * rows + row) * group + channel % group, weights.main[channel * rows + row]);
    }
  }
  return writer.take();
}

}  // namespace

std::size_t packed_bytes(int channels, int src_channels, int taps, const WeightLayout& layout, Storage storage) {
  src_channels *= layout.spread;
  const auto size = [](auto value) { return static_cast<std::size_t>(value); };
  const int unit = unit_of(storage), blocks = div_up(channels, layout.block_n);
  const std::size_t element = size(element_bytes(storage));
  switch (layout.order) {
    case WeightLayout::Order::units:
      return size(blocks) * size(padded_units(src_channels, taps, layout, storage)) * size(layout.block_n * unit) *
             (layout.split ? 2 : 1) * element;
    case WeightLayout::Order::rows:
      return size(blocks * layout.block_n) * size(div_up(src_channels, unit)) * size(taps * unit) * element;
    case WeightLayout::Order::depthwise:
      return size(div_up(channels, unit)) * size(taps * unit) * sizeof(float);
    case WeightLayout::Order::direct:
      return size(blocks * layout.block_n) * size(src_channels) * size(taps) * sizeof(float);
    case WeightLayout::Order::channels_last:
      return size(blocks * layout.block_n) * size(taps) * size(div_up(src_channels, layout.chunk) * layout.chunk) *
             element;
    case WeightLayout::Order::row_major:
      return size(channels) * size(src_channels) * size(taps) * element;
    case WeightLayout::Order::none:
      break;
  }
  fail(ErrorCode::internal, "a kernel without weights was given some");
}

std::vector<std::byte> pack_weights(const ConvolutionWeights& weights, const WeightLayout& layout, Storage storage) {
  if (layout.spread > 1) {
    WeightLayout as_one = layout;
    as_one.spread = 1;
    const int src_channels = weights.src_channels * layout.spread;
    const std::vector<float> spread =
        spread_weights(weights.main, weights.channels, weights.src_channels, weights.taps, layout.spread);
    return pack_weights({spread, {}, weights.channels, src_channels, weights.taps}, as_one, storage);
  }
  const std::size_t bytes = packed_bytes(weights.channels, weights.src_channels, weights.taps, layout, storage);
  if (layout.order == WeightLayout::Order::units) return pack_units(weights, layout, storage, bytes);
  if (layout.order == WeightLayout::Order::rows) return pack_rows(weights, storage, bytes);
  if (layout.order == WeightLayout::Order::channels_last) return pack_channels_last(weights, layout, storage, bytes);
  if (layout.order == WeightLayout::Order::direct) return pack_direct(weights, layout, bytes);
  if (layout.order == WeightLayout::Order::row_major) return pack_row_major(weights, storage, bytes);
  return pack_depthwise(weights, storage, bytes);
}

std::vector<float> spread_weights(std::span<const float> weights, int channels, int src_channels, int taps,
                                  int groups) {
  const auto filter = static_cast<std::size_t>(src_channels * taps), all = filter * static_cast<std::size_t>(groups);
  std::vector<float> spread(static_cast<std::size_t>(channels) * all);
  for (int channel = 0; channel < channels; ++channel) {
    const auto group = static_cast<std::size_t>(channel / (channels / groups));
    const std::span<const float> row = weights.subspan(static_cast<std::size_t>(channel) * filter, filter);
    std::ranges::copy(
        row, spread.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(channel) * all + group * filter));
  }
  return spread;
}

std::vector<float> stem_weights(std::span<const float> weights, int channels, int src_channels) {
  std::vector<float> packed(static_cast<std::size_t>(channels) * 8 * 28);
  for (int channel = 0; channel < channels; ++channel) {
    for (int c = 0; c < src_channels; ++c) {
      for (int r = 0; r < 7; ++r) {
        for (int s = 0; s < 7; ++s) {
          const int pair = (s + 1) / 2, pixel = (s + 1) % 2;
          const auto to = static_cast<std::size_t>(((channel * 8 + pixel * 4 + c) * 7 + r) * 4 + pair);
          packed[to] = weights[static_cast<std::size_t>(((channel * src_channels + c) * 7 + r) * 7 + s)];
        }
      }
    }
  }
  return packed;
}

}  // namespace tenon::cuda
