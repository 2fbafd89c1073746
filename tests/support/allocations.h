#pragma once

namespace tenon {

/// Calls of operator new, malloc and its kin so far, but for those of oneDNN and libgomp: oneDNN 2.6 copies the
/// arguments of every dnnl_primitive_execute to a map, which no caller can prevent; libgomp keeps its own books. Zero
/// for ever under a sanitizer, which has a malloc of its own.
long allocations();

/// Locks of a mutex so far, but for those of the same two libraries. Zero for ever under a sanitizer too.
long locks();

/// Allocations since its construction.
class AllocationCount {
 public:
  long count() const { return allocations() - before_; }

 private:
  long before_ = allocations();
};

}  // namespace tenon
