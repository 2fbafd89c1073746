// The library is opened, used on a GPU and closed again, as a plugin's host does it, several times in one process:
//
//   test-unload LIBTENON.so
//
// The GPU is the fake driver's. Whether the library really leaves is the linker's decision; that nothing of it is
// called afterwards is what this shows.

#include <dlfcn.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <tenon/c_api.h>

namespace {

constexpr const char* kSymbol =
    R"({"nodes": [{"op": "null", "name": "data", "inputs": []},
                  {"op": "exp", "name": "y", "inputs": [[0, 0, 0]]}],
        "arg_nodes": [0], "node_row_ptr": [0, 1, 2], "heads": [[1, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}})";

/// A function of the library; the header gives its type.
template <class Function>
Function* find(void* library, const char* name, Function*) {
  return reinterpret_cast<Function*>(dlsym(library, name));
}
#define FIND(library, name) find(library, #name, static_cast<decltype(&name)>(nullptr))

bool use(void* library) {
  TenonModel* model = nullptr;
  TenonExecutor* executor = nullptr;
  const int64_t dims[] = {1};
  const TenonType data = {"data", TENON_FLOAT32, 1, dims};
  TenonBindOptions options = {};
  options.inputs = &data;
  options.input_count = 1;
  options.device = "cuda:0";
  const float src = 1;
  float dst = 0;
  const void* sources[] = {&src};
  void* destinations[] = {&dst};
  const bool done = FIND(library, tenon_model_from_json)(kSymbol, std::strlen(kSymbol), &model) == TENON_OK &&
                    FIND(library, tenon_executor_bind)(model, &options, &executor) == TENON_OK &&
                    FIND(library, tenon_executor_run)(executor, 1, sources, 1, destinations) == TENON_OK;
  if (!done) std::puts(FIND(library, tenon_last_error)());
  FIND(library, tenon_executor_free)(executor);
  FIND(library, tenon_model_free)(model);
  return done && std::abs(dst - std::exp(1.0f)) < 1e-5f;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  for (int turn = 0; turn < 3; ++turn) {
    void* library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      std::puts(dlerror());
      return 1;
    }
    if (!use(library) || dlclose(library) != 0) return 1;
  }
  std::puts("opened, used and closed three times");
  return 0;
}
