#pragma once

namespace tenon {

/// Cores this process may run on: those of its affinity mask, fewer where a control group limits its CPU time.
int allowed_cores();

/// How many threads parallel regions of the calling thread use.
int current_threads();

/// Sets how many threads parallel regions of the calling thread use, and puts the former number back at the end.
class ThreadScope {
 public:
  explicit ThreadScope(int threads);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int former_;
};

}  // namespace tenon
