// Symbol JSON: what loads must verify, infer or be refused, and come back as it was written.

#include <cstdlib>
#include <iostream>

#include "formats/mxnet/symbol.h"
#include "fuzz/target.h"
#include "ops/registry.h"

using namespace tenon;

namespace {

void infer_or_refuse(Graph graph) {
  try {
    infer(graph, {});
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) throw;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Graph graph;
  try {
    graph = load_symbol({reinterpret_cast<const char*>(data), size}, ops());
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) throw;
    return 0;
  }
  verify(graph);
  const std::string json = save_symbol(graph);
  if (save_symbol(load_symbol(json, ops())) != json) {
    std::cerr << "what was saved does not load as the same graph:\n" << json << "\n";
    std::abort();
  }
  infer_or_refuse(std::move(graph));
  return 0;
}
