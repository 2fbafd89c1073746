// Runs a network of the model zoo, or a checkpoint, on a grey picture and prints its best class:
//   classify resnet18_v2
//   classify path/to/mymodel      (path/to/mymodel-symbol.json, path/to/mymodel-0000.params)
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>

#include <tenon/tenon.h>

int main(int argc, char** argv) try {
  const std::string name = argc > 1 ? argv[1] : "resnet18_v2";
  const bool stored = std::filesystem::exists(name + "-symbol.json");
  const tenon::Model model = stored ? tenon::Model::load(name) : tenon::Model::zoo(name);

  const tenon::Shape shape = {1, 3, 224, 224};
  tenon::Executor executor = tenon::Executor::bind(model, {.shapes = {{"data", shape}}});

  tenon::Tensor picture(shape, tenon::DType::float32);
  std::fill_n(picture.mutable_data<float>(), picture.elements(), 0.5f);
  executor.set_input("data", picture);
  executor.forward();

  const tenon::Tensor& scores = executor.output(0);
  const float* first = scores.data<float>();
  const float* best = std::max_element(first, first + scores.elements());
  std::printf("class %td  %g\n", best - first, *best);
} catch (const tenon::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return static_cast<int>(error.code());
}
