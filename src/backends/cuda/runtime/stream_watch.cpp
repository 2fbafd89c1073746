#include "backends/cuda/runtime/stream_watch.h"

#include <atomic>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace tenon::cuda {
namespace {

struct Watches {
  std::mutex mutex;
  std::map<CUstream, std::vector<const StreamWatch*>> of;
  std::atomic<int> count = 0;  // programs without any pay a look at it
};

/// Lives as long as the process: executors may outlive main().
Watches& watches() {
  static auto& instance = *new Watches;
  return instance;
}

}  // namespace

StreamWatch::StreamWatch(CUstream stream, std::function<std::exception_ptr()> take)
    : stream_(stream), take_(std::move(take)) {
  const std::scoped_lock lock(watches().mutex);
  watches().of[stream_].push_back(this);
  ++watches().count;
}

StreamWatch::~StreamWatch() {
  const std::scoped_lock lock(watches().mutex);
  const auto found = watches().of.find(stream_);
  std::erase(found->second, this);
  if (found->second.empty()) watches().of.erase(found);
  --watches().count;
}

std::exception_ptr take_failure(CUstream stream) {
  if (watches().count == 0) return nullptr;
  const std::scoped_lock lock(watches().mutex);
  const auto found = watches().of.find(stream);
  if (found == watches().of.end()) return nullptr;
  std::exception_ptr first;
  for (const StreamWatch* watch : found->second) {
    const std::exception_ptr failure = watch->take();
    if (!first) first = failure;
  }
  return first;
}

}  // namespace tenon::cuda
