#include "ops/registry.h"

namespace tenon {
namespace {

using Family = std::vector<Op> (*)();

constexpr Family kFamilies[] = {
    rnn_ops,
    unary_ops,
    convolution_ops,
    binary_ops,
    scalar_ops,
    cast_ops,
    select_ops,
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
