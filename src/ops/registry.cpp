#include "ops/registry.h"

#include "ops/families.h"

namespace tenon {
namespace {

using Family = std::vector<Op> (*)();

constexpr Family kFamilies[] = {
    arg_reduce_ops,
    binary_ops,
    broadcast_ops,
    cast_ops,
    concat_ops,
    convolution_ops,
    cumulative_ops,
    init_ops,
    ordering_ops,
    pad_ops,
    reduce_ops,
    reshape_ops,
    rnn_ops,
    scalar_ops,
    select_ops,
    slice_ops,
    transpose_ops,
    unary_ops,
};

OpRegistry build() {
  OpRegistry registry;
  for (const Family family : kFamilies) {
    for (Op& op : family()) registry.add(std::move(op));
  }
  return registry;
}

}  // namespace

const OpRegistry& ops() {
  static const OpRegistry registry = build();
  return registry;
}

}  // namespace tenon
