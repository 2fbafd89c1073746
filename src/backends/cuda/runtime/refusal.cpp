#include "backends/cuda/runtime/refusal.h"

#include <memory>
#include <utility>

#include "backends/cuda/runtime/driver.h"
#include "backends/cuda/runtime/stream_watch.h"

namespace tenon::cuda {
namespace {

struct FreeHost {
  void operator()(RefusalRecord* record) const { driver().cuMemFreeHost(record); }
};

std::unique_ptr<RefusalRecord, FreeHost> pinned_record() {
  void* memory = nullptr;
  check(driver().cuMemHostAlloc(&memory, sizeof(RefusalRecord), CU_MEMHOSTALLOC_PORTABLE));
  return std::unique_ptr<RefusalRecord, FreeHost>(new (memory) RefusalRecord);
}

}  // namespace

struct KernelRefusals::Entry {
  Entry(CUstream stream, const Refuse& how) : refuse(how), watch(stream, [this] { return take(); }) {}

  std::exception_ptr take() const {
    const RefusalRecord refused = std::exchange(*record, {});
    if (refused.position == RefusalRecord::kNone) return nullptr;
    try {
      refuse(refused);
    } catch (...) {
      return std::current_exception();
    }
    return nullptr;
  }

  const Refuse& refuse;
  const std::unique_ptr<RefusalRecord, FreeHost> record = pinned_record();
  const StreamWatch watch;  // the last: nobody asks an entry that is half gone
};

KernelRefusals::KernelRefusals(Refuse refuse) : refuse_(std::move(refuse)) {}

KernelRefusals::~KernelRefusals() = default;

RefusalRecord* KernelRefusals::record(void* stream) {
  const std::scoped_lock lock(mutex_);
  std::unique_ptr<Entry>& found = entries_[static_cast<CUstream>(stream)];
  if (!found) found = std::make_unique<Entry>(static_cast<CUstream>(stream), refuse_);
  return found->record.get();
}

}  // namespace tenon::cuda
