// The windows of a convolution as columns, and columns added up where they came from, over any number of spatial axes.

struct WindowGeometry {
  i64 images;                       // of one channel each
  i64 pixels, taps, steps;          // of an image, of a kernel, and windows in an image
  int rank;
  i64 size[MOST_AXES], kernel[MOST_AXES], windows[MOST_AXES];  // of the image, of the kernel, windows along an axis
  i64 stride[MOST_AXES], dilate[MOST_AXES], pad[MOST_AXES];
};

// dst (images, taps, steps) from images; zeros in the padding.
extern "C" __global__ void im2col(const WindowGeometry g, T* dst, const T* src) {
  for (i64 i = first_item(); i < g.images * g.taps * g.steps; i += grid_items()) {
    i64 tap = i / g.steps % g.taps, step = i % g.steps, pixel = 0, stride = 1;
    bool inside = true;
    for (int axis = g.rank - 1; axis >= 0; --axis) {
      const i64 at = step % g.windows[axis] * g.stride[axis] - g.pad[axis] + tap % g.kernel[axis] * g.dilate[axis];
      inside = inside && at >= 0 && at < g.size[axis];
      pixel += at * stride;
      stride *= g.size[axis];
      tap /= g.kernel[axis];
      step /= g.windows[axis];
    }
    dst[i] = inside ? src[i / g.steps / g.taps * g.pixels + pixel] : convert<T>(A(0));
  }
}

// dst images from (images, taps, steps): a tap meets a pixel in one window at most. Sums are rounded as they grow, as the
// reference's.
extern "C" __global__ void col2im(const WindowGeometry g, T* dst, const T* src) {
  for (i64 i = first_item(); i < g.images * g.pixels; i += grid_items()) {
    T sum = convert<T>(A(0));
    for (i64 tap = 0; tap < g.taps; ++tap) {
      i64 rest = i % g.pixels, tap_rest = tap, step = 0, stride = 1;
      bool meets = true;
      for (int axis = g.rank - 1; axis >= 0; --axis) {
        const i64 begin = rest % g.size[axis] + g.pad[axis] - tap_rest % g.kernel[axis] * g.dilate[axis];
        meets = meets && begin >= 0 && begin % g.stride[axis] == 0 && begin / g.stride[axis] < g.windows[axis];
        step += begin / g.stride[axis] * stride;
        stride *= g.windows[axis];
        rest /= g.size[axis];
        tap_rest /= g.kernel[axis];
      }
      if (meets) sum = convert<T>(load(sum) + load(src[(i / g.pixels * g.taps + tap) * g.steps + step]));
    }
    dst[i] = sum;
  }
}
