#pragma once

#include <exception>
#include <functional>

#include <cuda.h>

namespace tenon::cuda {

/// Work of a stream that can fail after its caller has gone on: a function of the host, a kernel that meets data it
/// cannot work on. As long as the watch lives, every wait() of the stream's queue asks it. Any thread may make one.
class StreamWatch {
 public:
  /// `take` gives what failed since it was last asked, or null. It is called when nothing of the stream runs, and must
  /// not wait for another stream.
  StreamWatch(CUstream stream, std::function<std::exception_ptr()> take);
  ~StreamWatch();
  StreamWatch(const StreamWatch&) = delete;
  StreamWatch& operator=(const StreamWatch&) = delete;

  std::exception_ptr take() const { return take_(); }

 private:
  CUstream stream_;
  std::function<std::exception_ptr()> take_;
};

/// Asks all watches of an idle stream. The first failure, or null, in the order in which the watches were made, which
/// is that of a program's steps: the others may follow from it.
std::exception_ptr take_failure(CUstream stream);

}  // namespace tenon::cuda
