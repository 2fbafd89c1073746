#pragma once

namespace tenon {

/// Calls of operator new so far by Tenon and the test program. oneDNN 2.6 builds a map of its arguments on every call,
/// which no caller can prevent; libgomp keeps its own books; neither is counted.
long allocations();

/// Calls of malloc and its kin so far, and locks of a mutex, but for those of the same two libraries. Zero for ever
/// under a sanitizer, which has a malloc of its own.
long mallocs();
long locks();

/// Allocations since its construction.
class AllocationCount {
 public:
  long count() const { return allocations() - before_; }

 private:
  long before_ = allocations();
};

}  // namespace tenon
