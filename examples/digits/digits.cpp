// Classifies the digits that training held back and compares with what MXNet computed for them:
//   digits examples/digits
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include <tenon/tenon.h>

int main(int argc, char** argv) try {
  const std::string folder = argc > 1 ? argv[1] : "examples/digits";
  const auto held_back = tenon::read_npz(folder + "/held-back.npz");
  const tenon::Tensor labels = tenon::read_npy(folder + "/held-back-labels.npy");
  const tenon::Tensor& images = held_back.at("in/data");

  const tenon::Model model = tenon::Model::load(folder + "/digits");
  tenon::Executor executor = tenon::Executor::bind(model, {.shapes = {{"data", images.shape()}}});
  executor.set_input("data", images);
  executor.forward();

  const float* ours = executor.output(0).data<float>();
  const float* mxnets = held_back.at("out/softmax_output").data<float>();
  int right = 0, same_class = 0;
  float difference = 0;
  for (std::int64_t i = 0; i < labels.elements(); ++i, ours += 10, mxnets += 10) {
    const auto digit = std::max_element(ours, ours + 10) - ours;
    right += digit == static_cast<std::ptrdiff_t>(labels.data<float>()[i]);
    same_class += digit == std::max_element(mxnets, mxnets + 10) - mxnets;
    for (int k = 0; k < 10; ++k) difference = std::max(difference, std::abs(ours[k] - mxnets[k]));
  }
  std::printf("%lld held-back digits: %.2f %% right; %d classified as by MXNet, largest difference %.1e\n",
              static_cast<long long>(labels.elements()), 100.0 * right / static_cast<double>(labels.elements()),
              same_class, static_cast<double>(difference));
  return same_class == labels.elements() && difference <= 1e-5f ? 0 : 1;
} catch (const tenon::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return static_cast<int>(error.code());
}
