/* The same through the C API:
 *   classify-c resnet18_v2
 *   classify-c path/to/mymodel      (path/to/mymodel-symbol.json, path/to/mymodel-0000.params)
 */
#include <stdio.h>
#include <stdlib.h>

#include <tenon/c_api.h>

static void check(TenonStatus status) {
  if (status == TENON_OK) return;
  fprintf(stderr, "%s\n", tenon_last_error());
  exit((int)status);
}

static TenonModel* open_model(const char* name) {
  TenonModel* model = NULL;
  if (tenon_model_load(name, TENON_NEWEST_EPOCH, &model) != TENON_OK) check(tenon_model_zoo(name, 0, &model));
  return model;
}

int main(int argc, char** argv) {
  TenonModel* model = open_model(argc > 1 ? argv[1] : "resnet18_v2");

  const int64_t dims[] = {1, 3, 224, 224};
  const TenonType data = {"data", TENON_FLOAT32, 4, dims};
  const TenonBindOptions options = {.inputs = &data, .input_count = 1};
  TenonExecutor* executor = NULL;
  check(tenon_executor_bind(model, &options, &executor));
  tenon_model_free(model); /* the executor keeps what it needs */

  TenonTensor* picture = NULL;
  void* pixels = NULL;
  check(tenon_tensor_create(TENON_FLOAT32, 4, dims, NULL, &picture));
  check(tenon_tensor_mutable_data(picture, &pixels));
  for (int64_t i = 0; i < tenon_tensor_elements(picture); ++i) ((float*)pixels)[i] = 0.5f;
  check(tenon_executor_set_input(executor, "data", picture));
  tenon_tensor_free(picture);

  check(tenon_executor_forward(executor));
  TenonTensor* scores = NULL;
  check(tenon_executor_output(executor, 0, &scores));
  const float* score = tenon_tensor_data(scores);
  int64_t best = 0;
  for (int64_t i = 1; i < tenon_tensor_elements(scores); ++i) {
    if (score[i] > score[best]) best = i;
  }
  printf("class %lld  %g\n", (long long)best, score[best]);
  tenon_tensor_free(scores);
  tenon_executor_free(executor);
  return 0;
}
