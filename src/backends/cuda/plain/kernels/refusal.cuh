// Data that a kernel cannot work on: indices outside, lengths beyond the end. A kernel leaves in pinned memory what it
// cannot take, of several the one that the reference would meet first, and computes nothing with it.

struct Refusal {
  i64 position;  // the greatest number where nothing was refused
  i64 detail[3];
  double real[2];
  int lock;
};

// Threads that refuse later elements leave as soon as they see an earlier one.
__device__ inline void refuse(Refusal* refusal, i64 position, i64 first = 0, i64 second = 0, i64 third = 0,
                              double x = 0, double y = 0) {
  volatile Refusal* record = refusal;
  while (position < record->position) {
    if (atomicCAS(&refusal->lock, 0, 1) != 0) continue;
    __threadfence();
    if (position < record->position) {
      record->detail[0] = first;
      record->detail[1] = second;
      record->detail[2] = third;
      record->real[0] = x;
      record->real[1] = y;
      record->position = position;
    }
    __threadfence();
    atomicExch(&refusal->lock, 0);
  }
}
