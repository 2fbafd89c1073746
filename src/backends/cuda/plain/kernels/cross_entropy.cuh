// The sum over rows of -log softmax(data)[label], in double precision.

// A thread a row. A label is limited to the classes.
extern "C" __global__ void row_losses(i64 rows, i64 classes, double* loss, const T* data, const T* labels) {
  for (i64 row = first_item(); row < rows; row += grid_items()) {
    const T* x = data + row * classes;
    const double label = load(labels[row]), last = static_cast<double>(classes - 1);
    const i64 target = label >= 0 ? static_cast<i64>(label < last ? label : last) : 0;
    double greatest = -INFINITY_F, sum = 0;
    for (i64 c = 0; c < classes; ++c) greatest = load(x[c]) > greatest ? load(x[c]) : greatest;
    for (i64 c = 0; c < classes; ++c) sum += exp(load(x[c]) - greatest);
    loss[row] = log(sum) + greatest - load(x[target]);
  }
}

// One block, in a fixed order.
extern "C" __global__ void total_loss(i64 rows, T* dst, const double* loss) {
  __shared__ double partial[256];
  double sum = 0;
  for (i64 row = threadIdx.x; row < rows; row += blockDim.x) sum += loss[row];
  partial[threadIdx.x] = sum;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) *dst = convert<T>(partial[0]);
}
