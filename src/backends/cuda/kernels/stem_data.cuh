// How a network's first layers read their data: fp32 planes as the user gives them, two neighbouring pixels at a time.
// Generated: kSrcChannels, kSrcH, kSrcW (even), kDstH, kDstW.

constexpr int kDstPixels = kDstH * kDstW, kSrcPixels = kSrcH * kSrcW;

TENON_DEVICE Pair load_two(const float* plane, int channel, int at) {
  if (channel >= kSrcChannels) return {0, 0};
  const float2 v = __ldg(reinterpret_cast<const float2*>(plane + channel * kSrcPixels + at));
  return {v.x, v.y};
}

