/* The C API from plain C11: what works, and what every kind of mistake says. The one argument is a folder to write to.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include <tenon/c_api.h>

static int failures = 0;

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: %s is not so\n", __FILE__, __LINE__, #condition); \
      ++failures;                                                               \
    }                                                                           \
  } while (0)

#define CHECK_OK(call)                                                                   \
  do {                                                                                   \
    if ((call) != TENON_OK) {                                                            \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, tenon_last_error()); \
      exit(1);                                                                           \
    }                                                                                    \
  } while (0)

/* The call fails with this status and a sentence that holds `words`. */
#define CHECK_FAILS(call, status, words)                                                                 \
  do {                                                                                                   \
    const TenonStatus got = (call);                                                                      \
    if (got != (status) || strstr(tenon_last_error(), words) == NULL) {                                  \
      fprintf(stderr, "%s:%d: %s gives %s, \"%s\"\n", __FILE__, __LINE__, #call, tenon_status_name(got), \
              got == TENON_OK ? "" : tenon_last_error());                                                \
      ++failures;                                                                                        \
    }                                                                                                    \
  } while (0)

/* y = relu(W x + b), W 2 x 3 */
static const char* const kSymbol =
    "{\"nodes\": [{\"op\": \"null\", \"name\": \"data\", \"inputs\": []},"
    "{\"op\": \"null\", \"name\": \"fc_weight\", \"inputs\": []},"
    "{\"op\": \"null\", \"name\": \"fc_bias\", \"inputs\": []},"
    "{\"op\": \"FullyConnected\", \"name\": \"fc\", \"attrs\": {\"num_hidden\": \"2\"},"
    " \"inputs\": [[0, 0, 0], [1, 0, 0], [2, 0, 0]]},"
    "{\"op\": \"Activation\", \"name\": \"act\", \"attrs\": {\"act_type\": \"relu\"}, \"inputs\": [[3, 0, 0]]}],"
    "\"arg_nodes\": [0, 1, 2], \"node_row_ptr\": [0, 1, 2, 3, 4, 5], \"heads\": [[4, 0, 0]],"
    "\"attrs\": {\"mxnet_version\": [\"int\", 10901]}}";

static const float kWeight[6] = {1, 2, 3, -1, -2, -3};
static const float kBias[2] = {0.5f, 0.25f};

static TenonTensor* make_tensor(TenonDType dtype, int32_t rank, const int64_t* dims, const void* data) {
  TenonTensor* tensor = NULL;
  CHECK_OK(tenon_tensor_create(dtype, rank, dims, data, &tensor));
  return tensor;
}

static TenonModel* make_model(void) {
  const int64_t weight_dims[2] = {2, 3}, bias_dims[1] = {2};
  const char* names[2] = {"fc_weight", "fc_bias"};
  TenonTensor* tensors[2] = {make_tensor(TENON_FLOAT32, 2, weight_dims, kWeight),
                             make_tensor(TENON_FLOAT32, 1, bias_dims, kBias)};
  TenonModel *bare = NULL, *model = NULL;
  CHECK_OK(tenon_model_from_json(kSymbol, strlen(kSymbol), &bare));
  CHECK_OK(tenon_model_with_parameters(bare, 2, names, (const TenonTensor* const*)tensors, &model));
  tenon_model_free(bare);
  tenon_tensor_free(tensors[0]);
  tenon_tensor_free(tensors[1]);
  return model;
}

static TenonExecutor* bind(const TenonModel* model, int64_t batch) {
  const int64_t dims[2] = {batch, 3};
  const TenonType data = {"data", TENON_FLOAT32, 2, dims};
  const TenonBindOptions options = {.inputs = &data, .input_count = 1, .threads = 1};
  TenonExecutor* executor = NULL;
  CHECK_OK(tenon_executor_bind(model, &options, &executor));
  return executor;
}

static void check_output(TenonExecutor* executor, float first, float second) {
  TenonTensor* output = NULL;
  CHECK_OK(tenon_executor_output(executor, 0, &output));
  const float* values = tenon_tensor_data(output);
  CHECK(tenon_tensor_dtype(output) == TENON_FLOAT32 && tenon_tensor_rank(output) == 2);
  CHECK(tenon_tensor_dims(output)[1] == 2);
  CHECK(fabsf(values[0] - first) < 1e-6f && fabsf(values[1] - second) < 1e-6f);
  tenon_tensor_free(output);
}

static void test_versions(void) {
  int major = -1, minor = -1, patch = -1;
  CHECK(sscanf(tenon_version(), "%d.%d.%d", &major, &minor, &patch) == 3 && major >= 0 && minor >= 0 && patch >= 0);
  CHECK(tenon_c_api_version() == TENON_C_API_VERSION);
  size_t count = 0;
  const char *const *names = NULL, *const *values = NULL;
  int found = 0;
  CHECK_OK(tenon_components(&count, &names, &values));
  for (size_t i = 0; i < count; ++i) found += strcmp(names[i], "oneDNN") == 0 && strchr(values[i], '.') != NULL;
  CHECK(found == 1);
  CHECK(strcmp(tenon_status_name(TENON_OK), "ok") == 0);
  CHECK(strcmp(tenon_status_name(TENON_CORRUPT), "corrupt") == 0);
  CHECK(strcmp(tenon_status_name((TenonStatus)99), "unknown") == 0);
  CHECK(tenon_dtype_size(TENON_FLOAT16) == 2 && tenon_dtype_size(TENON_INT64) == 8);
  CHECK(tenon_dtype_size(TENON_DTYPE_UNKNOWN) == 0 && tenon_dtype_size((TenonDType)77) == 0);
  CHECK(strcmp(tenon_dtype_name(TENON_BOOL), "bool") == 0);
  CHECK(strcmp(tenon_dtype_name((TenonDType)77), "unknown") == 0);
}

static void count_release(void* context) {
  ++*(int*)context;
}

static void test_tensors(void) {
  const int64_t dims[2] = {2, 3}, negative[1] = {-4}, huge[2] = {(int64_t)1 << 40, (int64_t)1 << 40};
  TenonTensor *tensor = make_tensor(TENON_FLOAT32, 2, dims, kWeight), *copy = NULL, *scalar = NULL;
  CHECK(tenon_tensor_rank(tensor) == 2 && tenon_tensor_elements(tensor) == 6 && tenon_tensor_bytes(tensor) == 24);
  CHECK(tenon_tensor_dims(tensor)[0] == 2 && tenon_tensor_dims(tensor)[1] == 3);
  CHECK(memcmp(tenon_tensor_data(tensor), kWeight, sizeof kWeight) == 0);
  CHECK(tenon_tensor_data(tensor) != (const void*)kWeight);

  CHECK_OK(tenon_tensor_copy(tensor, TENON_INT32, &copy));
  CHECK(tenon_tensor_dtype(copy) == TENON_INT32 && ((const int32_t*)tenon_tensor_data(copy))[5] == -3);
  tenon_tensor_free(copy);
  CHECK_OK(tenon_tensor_copy(tensor, TENON_DTYPE_UNKNOWN, &copy));
  void* data = NULL;
  CHECK_OK(tenon_tensor_mutable_data(copy, &data));
  ((float*)data)[0] = 9;
  CHECK(((const float*)tenon_tensor_data(tensor))[0] == 1);
  tenon_tensor_free(copy);
  tenon_tensor_free(tensor);

  scalar = make_tensor(TENON_FLOAT64, 0, NULL, NULL);
  CHECK(tenon_tensor_rank(scalar) == 0 && tenon_tensor_elements(scalar) == 1);
  CHECK(*(const double*)tenon_tensor_data(scalar) == 0);
  tenon_tensor_free(scalar);

  int released = 0;
  float mine[6] = {0};
  CHECK_FAILS(tenon_tensor_borrow(TENON_FLOAT32, 1, negative, mine, count_release, &released, &tensor),
              TENON_INVALID_ARGUMENT, "-4");
  CHECK_FAILS(tenon_tensor_borrow((TenonDType)42, 2, dims, mine, count_release, &released, &tensor),
              TENON_INVALID_ARGUMENT, "42");
  CHECK(released == 0);
  CHECK_OK(tenon_tensor_borrow(TENON_FLOAT32, 2, dims, mine, count_release, &released, &tensor));
  CHECK(tenon_tensor_data(tensor) == (const void*)mine && released == 0);
  tenon_tensor_free(tensor);
  CHECK(released == 1);

  CHECK_FAILS(tenon_tensor_create(TENON_FLOAT32, 2, huge, NULL, &tensor), TENON_INVALID_ARGUMENT, "2^62");
  CHECK_FAILS(tenon_tensor_create(TENON_FLOAT32, 99, dims, NULL, &tensor), TENON_INVALID_ARGUMENT, "99");
  CHECK_FAILS(tenon_tensor_create(TENON_FLOAT32, 2, NULL, NULL, &tensor), TENON_INVALID_ARGUMENT, "'dims'");
  CHECK_FAILS(tenon_tensor_create(TENON_FLOAT32, 2, dims, NULL, NULL), TENON_INVALID_ARGUMENT, "'tensor'");
  CHECK(tenon_tensor_rank(NULL) == -1 && tenon_tensor_data(NULL) == NULL && tenon_tensor_bytes(NULL) == 0);
  tenon_tensor_free(NULL);
}

static void test_model_names(const TenonModel* model) {
  size_t count = 0;
  const char* const* names = NULL;
  CHECK_OK(tenon_model_names(model, TENON_ARGUMENTS, &count, &names));
  CHECK(count == 3 && strcmp(names[0], "data") == 0 && strcmp(names[2], "fc_bias") == 0);
  CHECK_OK(tenon_model_names(model, TENON_INPUTS, &count, &names));
  CHECK(count == 1 && strcmp(names[0], "data") == 0);
  CHECK_OK(tenon_model_names(model, TENON_OUTPUTS, &count, &names));
  CHECK(count == 1 && strcmp(names[0], "act_output") == 0);
  CHECK_OK(tenon_model_names(model, TENON_AUXILIARY_STATES, &count, &names));
  CHECK(count == 0);
  CHECK_OK(tenon_model_names(model, TENON_PARAMETERS, &count, &names));
  CHECK(count == 2 && strcmp(names[0], "fc_bias") == 0);
  CHECK_FAILS(tenon_model_names(model, (TenonNames)5, &count, &names), TENON_INVALID_ARGUMENT, "5");

  CHECK_OK(tenon_zoo_names(&count, &names));
  CHECK(count == 34 && strcmp(names[0], "alexnet") == 0);
  TenonTypes* types = NULL;
  CHECK_OK(tenon_zoo_input("inceptionv3", &types));
  CHECK(tenon_types_count(types) == 1 && tenon_types_get(types, 0)->rank == 4);
  CHECK(tenon_types_get(types, 0)->dims[3] == 299 && strcmp(tenon_types_get(types, 0)->name, "data") == 0);
  tenon_types_free(types);
}

static void test_tensorrt_subgraphs(const TenonModel* model) {
  char* json = NULL;
  CHECK_OK(tenon_model_tensorrt_subgraphs(model, &json));
  CHECK(strcmp(json, "[[3,4]]") == 0); /* fc and act */
  tenon_string_free(json);
  CHECK_FAILS(tenon_model_tensorrt_subgraphs(NULL, &json), TENON_INVALID_ARGUMENT, "'model'");
  CHECK_FAILS(tenon_model_tensorrt_subgraphs(model, NULL), TENON_INVALID_ARGUMENT, "'json'");
}

static void test_parameters(const TenonModel* model) {
  TenonTensor* weight = NULL;
  void* data = NULL;
  CHECK_OK(tenon_model_parameter(model, "fc_weight", &weight));
  CHECK(memcmp(tenon_tensor_data(weight), kWeight, sizeof kWeight) == 0);
  CHECK_FAILS(tenon_tensor_mutable_data(weight, &data), TENON_INVALID_ARGUMENT, "");
  tenon_tensor_free(weight);
  weight = NULL;
  CHECK_FAILS(tenon_model_parameter(model, "nothing", &weight), TENON_NOT_FOUND, "'nothing'");
  CHECK(weight == NULL);
}

static void test_inference(const TenonModel* model) {
  const int64_t dims[2] = {7, 3}, wrong[2] = {7, 4}, partial[2] = {-1, 3};
  const int64_t weight_dims[2] = {2, 3};
  TenonType known[2] = {{"data", TENON_FLOAT32, 2, dims}, {"fc_weight", TENON_DTYPE_UNKNOWN, 2, weight_dims}};
  TenonTypes* types = NULL;
  CHECK_OK(tenon_model_infer(model, 2, known, &types));
  int found = 0;
  for (size_t i = 0; i < tenon_types_count(types); ++i) {
    const TenonType* type = tenon_types_get(types, i);
    if (strcmp(type->name, "act_output") != 0) continue;
    found = type->dtype == TENON_FLOAT32 && type->rank == 2 && type->dims[0] == 7 && type->dims[1] == 2;
  }
  CHECK(found);
  CHECK(tenon_types_get(types, tenon_types_count(types)) == NULL);
  tenon_types_free(types);

  known[0].dims = partial;
  CHECK_OK(tenon_model_infer(model, 2, known, &types));
  tenon_types_free(types);
  types = NULL;
  known[0].dims = wrong;
  CHECK_FAILS(tenon_model_infer(model, 2, known, &types), TENON_INVALID_ARGUMENT, "fc");
  known[0].name = "no_such_input";
  CHECK_FAILS(tenon_model_infer(model, 1, known, &types), TENON_INVALID_ARGUMENT, "no_such_input");
  CHECK(types == NULL);
}

struct seen {
  int count;
  char last[64];
};

static void remember(const char* name, const TenonTensor* value, void* context) {
  struct seen* seen = context;
  CHECK(tenon_tensor_elements(value) == 2);
  ++seen->count;
  snprintf(seen->last, sizeof seen->last, "%s", name);
}

static void test_executor(const TenonModel* model) {
  TenonExecutor *executor = bind(model, 1), *larger = NULL;
  size_t count = 0, activations = 0, parameters = 0;
  const char* const* names = NULL;
  CHECK_OK(tenon_executor_names(executor, TENON_INPUTS, &count, &names));
  CHECK(count == 1 && strcmp(names[0], "data") == 0);
  CHECK_OK(tenon_executor_names(executor, TENON_OUTPUTS, &count, &names));
  CHECK(count == 1 && strcmp(names[0], "act_output") == 0);
  CHECK_FAILS(tenon_executor_names(executor, TENON_ARGUMENTS, &count, &names), TENON_INVALID_ARGUMENT, "TENON_INPUTS");

  TenonType type;
  CHECK_OK(tenon_executor_type(executor, "act_output", &type));
  CHECK(strcmp(type.name, "act_output") == 0 && type.rank == 2 && type.dims[0] == 1 && type.dims[1] == 2);

  const int64_t dims[2] = {1, 3};
  const double values[3] = {1, 2, 3}; /* converted to float32 */
  TenonTensor* data = make_tensor(TENON_FLOAT64, 2, dims, values);
  struct seen seen = {0, ""};
  CHECK_OK(tenon_executor_set_monitor(executor, remember, &seen));
  CHECK_OK(tenon_executor_set_input(executor, "data", data));
  CHECK_OK(tenon_executor_forward(executor));
  check_output(executor, 14.5f, 0);
  CHECK(seen.count == 2 && strcmp(seen.last, "act_output") == 0);
  CHECK_OK(tenon_executor_set_monitor(executor, NULL, NULL));
  CHECK_OK(tenon_executor_forward(executor));
  CHECK(seen.count == 2);
  CHECK_OK(tenon_executor_forward_async(executor));
  CHECK_OK(tenon_executor_wait(executor));
  check_output(executor, 14.5f, 0);

  const TenonStep* steps = NULL;
  CHECK_OK(tenon_executor_steps(executor, &count, &steps));
  CHECK(count == 2 && strcmp(steps[0].node, "fc") == 0 && strcmp(steps[0].op, "FullyConnected") == 0);
  CHECK(steps[0].implementation[0] != '\0' && steps[0].refusals != NULL);
  CHECK_OK(tenon_executor_memory(executor, &activations, &parameters));
  CHECK(parameters >= sizeof kWeight + sizeof kBias);

  const int64_t batch_of_two[2] = {2, 3};
  const TenonType shape = {"data", TENON_DTYPE_UNKNOWN, 2, batch_of_two};
  CHECK_OK(tenon_executor_reshape(executor, 1, &shape, &larger));
  CHECK_OK(tenon_executor_type(larger, "data", &type));
  CHECK(type.dims[0] == 2);
  CHECK_FAILS(tenon_executor_set_input(larger, "data", data), TENON_INVALID_ARGUMENT, "(2,3)");
  CHECK_OK(tenon_executor_forward(larger));
  check_output(larger, 0.5f, 0.25f); /* inputs start as zeros */
  tenon_executor_free(larger);

  CHECK_FAILS(tenon_executor_set_input(executor, "wrong", data), TENON_NOT_FOUND, "'wrong'");
  TenonTensor* output = NULL;
  CHECK_FAILS(tenon_executor_output(executor, 1, &output), TENON_INVALID_ARGUMENT, "output 1");
  CHECK_FAILS(tenon_executor_type(executor, "wrong", &type), TENON_NOT_FOUND, "'wrong'");
  CHECK_FAILS(tenon_executor_forward(NULL), TENON_INVALID_ARGUMENT, "'executor'");
  CHECK_FAILS(tenon_executor_wait(NULL), TENON_INVALID_ARGUMENT, "'executor'");
  tenon_tensor_free(data);
  tenon_executor_free(executor);
}

static void test_shared_memory(const TenonModel* model) {
  TenonExecutor* executor = bind(model, 1);
  _Alignas(64) const float values[4] = {1, 2, 3, 0};
  int released = 0;
  CHECK_FAILS(tenon_executor_share_input(executor, "data", values + 1, count_release, &released),
              TENON_INVALID_ARGUMENT, "no multiple of 64");
  CHECK(released == 0);
  CHECK_OK(tenon_executor_share_input(executor, "data", values, count_release, &released));
  CHECK_OK(tenon_executor_wait_for(executor, NULL));
  CHECK_OK(tenon_executor_forward(executor));
  CHECK_OK(tenon_executor_precede(executor, NULL));
  check_output(executor, 14.5f, 0);
  const void* output = NULL;
  CHECK_OK(tenon_executor_device_output(executor, 0, &output));
  CHECK(output != NULL && ((const float*)output)[0] == 14.5f);
  CHECK_FAILS(tenon_executor_device_output(executor, 1, &output), TENON_INVALID_ARGUMENT, "output 1");
  TenonStream stream = &stream;
  CHECK_OK(tenon_executor_stream(executor, &stream));
  CHECK(stream == NULL);
  CHECK(released == 0);
  const int64_t dims[2] = {1, 3};
  TenonTensor* zeros = make_tensor(TENON_FLOAT32, 2, dims, NULL);
  CHECK_OK(tenon_executor_set_input(executor, "data", zeros));
  CHECK(released == 1 && values[0] == 1);
  CHECK_OK(tenon_executor_forward(executor));
  check_output(executor, 0.5f, 0.25f);
  tenon_tensor_free(zeros);
  tenon_executor_free(executor);
  CHECK(released == 1);
}

/* Two answers, and how often it was asked. */
static TenonGoOn answer_in_turn(int32_t done, int32_t total, const char* node, void* context) {
  int32_t* answers = context;
  CHECK(done == ++answers[2] && done <= total && node[0] != '\0');
  return answers[done - 1];
}

/* Gives the engine as it comes back from a plan file. */
static TenonEngine* through_plan(TenonEngine* engine, const char* folder) {
  char path[512];
  snprintf(path, sizeof path, "%s/engine.plan", folder);
  CHECK_OK(tenon_engine_save(engine, path));
  tenon_engine_free(engine);
  TenonEngine* loaded = NULL;
  CHECK_OK(tenon_engine_load(path, &loaded));
  CHECK_FAILS(tenon_engine_save(NULL, path), TENON_INVALID_ARGUMENT, "'engine'");
  CHECK_FAILS(tenon_engine_save(loaded, NULL), TENON_INVALID_ARGUMENT, "'path'");
  CHECK_FAILS(tenon_engine_load(path, NULL), TENON_INVALID_ARGUMENT, "'engine'");
  CHECK_FAILS(tenon_engine_load(folder, &engine), TENON_IO, folder);
  TenonEngineInfo info;
  CHECK_OK(tenon_engine_info(loaded, &info));
  CHECK(strcmp(info.device, "cpu") == 0 && strcmp(info.precision, "fp32") == 0 && info.backend[0] != '\0');
  CHECK(info.threads == 1);
  CHECK_FAILS(tenon_engine_info(loaded, NULL), TENON_INVALID_ARGUMENT, "'info'");
  return loaded;
}

static void test_engine(const TenonModel* model, const char* folder) {
  const int64_t dims[] = {1, 3};
  const TenonType data = {"data", TENON_FLOAT32, 2, dims};
  const TenonBindOptions options = {.inputs = &data, .input_count = 1, .threads = 1};
  TenonEngine* engine = NULL;
  CHECK_OK(tenon_engine_build(model, &options, &engine));
  engine = through_plan(engine, folder);
  TenonExecutor *first = NULL, *second = NULL;
  CHECK_OK(tenon_engine_session(engine, &first));
  CHECK_OK(tenon_engine_session(engine, &second));
  tenon_engine_free(engine); /* its sessions keep what they need */
  const float values[2][3] = {{1, 1, 1}, {0, 0, 0}};
  float out[2][2];
  const void* src[2] = {values[0], values[1]};
  void* dst[2] = {out[0], out[1]};
  CHECK_OK(tenon_executor_run(first, 1, &src[0], 1, &dst[0]));
  CHECK_OK(tenon_executor_run(second, 1, &src[1], 1, &dst[1]));
  CHECK(out[0][0] == 6.5f && out[1][0] == 0.5f);
  check_output(first, 6.5f, 0);
  tenon_executor_free(first);
  tenon_executor_free(second);

  TenonBindOptions watched = options;
  int32_t answers[] = {TENON_GO_ON, TENON_CANCEL, 0};
  watched.progress = answer_in_turn;
  watched.progress_context = answers;
  TenonEngine* none = NULL;
  CHECK_FAILS(tenon_engine_build(model, &watched, &none), TENON_CANCELLED, "cancelled");
  CHECK(none == NULL && answers[2] == 2);
  CHECK(strcmp(tenon_status_name(TENON_CANCELLED), "cancelled") == 0);

  TenonExecutor* untouched = NULL;
  CHECK_FAILS(tenon_engine_build(model, NULL, &engine), TENON_INVALID_ARGUMENT, "'options'");
  CHECK_FAILS(tenon_engine_session(NULL, &untouched), TENON_INVALID_ARGUMENT, "'engine'");
  CHECK(untouched == NULL);
}

static void test_bind_errors(const TenonModel* model) {
  const int64_t dims[2] = {1, 3};
  const TenonType data = {"data", TENON_FLOAT32, 2, dims};
  TenonBindOptions options = {.inputs = &data, .input_count = 1, .device = "abacus"};
  TenonExecutor* executor = NULL;
  CHECK_FAILS(tenon_executor_bind(model, &options, &executor), TENON_INVALID_ARGUMENT, "abacus");
  options.device = NULL;
  options.backend = "magic";
  CHECK_FAILS(tenon_executor_bind(model, &options, &executor), TENON_NOT_FOUND, "magic");
  options.backend = "reference";
  options.selector = "openvino";
  CHECK_FAILS(tenon_executor_bind(model, &options, &executor), TENON_INVALID_ARGUMENT, "mxnet-tensorrt");
  options.selector = "mxnet-tensorrt";
  options.min_subgraph = -2;
  CHECK_FAILS(tenon_executor_bind(model, &options, &executor), TENON_INVALID_ARGUMENT, "min_subgraph=-2");
  options.min_subgraph = 0;
  const char* const names[] = {"no_such"};
  options.disabled_passes = names;
  options.disabled_pass_count = 1;
  CHECK_FAILS(tenon_executor_bind(model, &options, &executor), TENON_INVALID_ARGUMENT, "no pass 'no_such'");
  options.disabled_pass_count = 0;
  options.keep_fp32 = names;
  options.keep_fp32_count = 1;
  CHECK_FAILS(tenon_executor_bind(model, &options, &executor), TENON_NOT_FOUND, "no node 'no_such'");
  options.keep_fp32_count = 0;
  options.optimize = "size";
  CHECK_FAILS(tenon_executor_bind(model, &options, &executor), TENON_INVALID_ARGUMENT, "choose speed or memory");
  options.optimize = "memory";
  CHECK_FAILS(tenon_executor_bind(model, &options, &executor), TENON_UNSUPPORTED, "'reference'");
  options.optimize = NULL;
  options.threads = -1;
  CHECK_FAILS(tenon_executor_bind(model, &options, &executor), TENON_INVALID_ARGUMENT, "-1");
  options.inputs = NULL;
  CHECK_FAILS(tenon_executor_bind(model, &options, &executor), TENON_INVALID_ARGUMENT, "'inputs'");
  CHECK_FAILS(tenon_executor_bind(NULL, &options, &executor), TENON_INVALID_ARGUMENT, "");
  CHECK(executor == NULL);
}

/* Fails in a thread of its own, whose sentence nobody else hears of. */
static int fail_elsewhere(void* unused) {
  (void)unused;
  CHECK(strcmp(tenon_last_error(), "") == 0);
  CHECK_FAILS(tenon_model_zoo("elsewhere", 0, NULL), TENON_INVALID_ARGUMENT, "'model'");
  return 0;
}

static void test_threads(void) {
  TenonModel* model = NULL;
  CHECK_FAILS(tenon_model_zoo("resnet19", 0, &model), TENON_NOT_FOUND, "resnet19");
  thrd_t thread;
  CHECK(thrd_create(&thread, fail_elsewhere, NULL) == thrd_success);
  CHECK(thrd_join(thread, NULL) == thrd_success);
  CHECK(strstr(tenon_last_error(), "resnet19") != NULL);
}

static void test_files(const TenonModel* model, const char* folder) {
  char prefix[4096], symbol[4200], params[4200];
  snprintf(prefix, sizeof prefix, "%s/c_api", folder);
  snprintf(symbol, sizeof symbol, "%s-symbol.json", prefix);
  snprintf(params, sizeof params, "%s-0003.params", prefix);
  CHECK_OK(tenon_model_save(model, prefix, 3));

  TenonModel* loaded = NULL;
  CHECK_OK(tenon_model_load(prefix, TENON_NEWEST_EPOCH, &loaded));
  TenonExecutor* executor = bind(loaded, 1);
  tenon_model_free(loaded); /* before its executor */
  CHECK_OK(tenon_executor_forward(executor));
  check_output(executor, 0.5f, 0.25f);
  tenon_executor_free(executor);

  loaded = NULL;
  CHECK_OK(tenon_model_load_files(symbol, params, &loaded));
  char *first = NULL, *second = NULL;
  CHECK_OK(tenon_model_json(model, &first));
  CHECK_OK(tenon_model_json(loaded, &second));
  CHECK(strcmp(first, second) == 0 && strstr(first, "FullyConnected") != NULL);
  tenon_string_free(first);
  tenon_string_free(second);
  tenon_model_free(loaded);

  loaded = NULL;
  CHECK_FAILS(tenon_model_load(prefix, 4, &loaded), TENON_NOT_FOUND, "c_api");
  CHECK_FAILS(tenon_model_load(prefix, -7, &loaded), TENON_INVALID_ARGUMENT, "-7");
  CHECK_FAILS(tenon_model_load(NULL, 0, &loaded), TENON_INVALID_ARGUMENT, "'prefix'");
  CHECK_FAILS(tenon_model_load_files("/nowhere.json", NULL, &loaded), TENON_NOT_FOUND, "/nowhere.json");
  CHECK_FAILS(tenon_model_load_files(symbol, symbol, &loaded), TENON_CORRUPT, "c_api-symbol.json");
  CHECK_FAILS(tenon_model_from_json("{", 1, &loaded), TENON_CORRUPT, "");
  CHECK_FAILS(tenon_model_zoo("resnet19", 0, &loaded), TENON_NOT_FOUND, "resnet19");
  CHECK_FAILS(tenon_model_save(model, "/proc/nowhere/c_api", 0), TENON_IO, "/proc/nowhere");
  CHECK(loaded == NULL);
}

static void test_run(const TenonModel* model) {
  const int64_t dims[2] = {1, 3};
  const TenonType input = {"data", TENON_FLOAT32, 2, dims};
  TenonBindOptions options = {0};
  options.inputs = &input;
  options.input_count = 1;
  TenonExecutor* executor = NULL;
  CHECK_OK(tenon_executor_bind(model, &options, &executor));
  const float data[3] = {1, 1, 1};
  float out[2] = {-1, -1};
  const void* src[1] = {data};
  void* dst[1] = {out};
  CHECK_OK(tenon_executor_run(executor, 1, src, 1, dst));
  CHECK(out[0] == 6.5f && out[1] == 0);
  src[0] = NULL; /* the input stays what it was */
  out[0] = -1;
  CHECK_OK(tenon_executor_run(executor, 1, src, 1, dst));
  CHECK(out[0] == 6.5f);
  CHECK_FAILS(tenon_executor_run(executor, 2, src, 1, dst), TENON_INVALID_ARGUMENT, "1 inputs and 1 outputs");
  tenon_executor_free(executor);
}

static void test_arrays(const char* folder) {
  char path[512];
  snprintf(path, sizeof path, "%s/c_api.nd", folder);
  const int64_t dims[1] = {2};
  const float first[2] = {1, 2}, second[2] = {3, 4};
  TenonTensor* tensors[2] = {make_tensor(TENON_FLOAT32, 1, dims, first), make_tensor(TENON_FLOAT32, 1, dims, second)};
  const char* names[2] = {"b", "a"};
  for (int named = 0; named < 2; ++named) {
    CHECK_OK(tenon_arrays_write(path, 2, named ? names : NULL, (const TenonTensor* const*)tensors));
    TenonArrays* arrays = NULL;
    CHECK_OK(tenon_arrays_read(path, &arrays));
    CHECK(tenon_arrays_count(arrays) == 2);
    CHECK(strcmp(tenon_arrays_name(arrays, 0), named ? "a" : "0") == 0);
    CHECK(tenon_arrays_name(arrays, 2) == NULL);
    TenonTensor* tensor = NULL;
    CHECK_OK(tenon_arrays_tensor(arrays, 0, &tensor));
    CHECK_FAILS(tenon_arrays_tensor(arrays, 2, &tensor), TENON_INVALID_ARGUMENT, "no array 2");
    tenon_arrays_free(arrays); /* the tensor keeps its memory */
    CHECK(((const float*)tenon_tensor_data(tensor))[0] == (named ? 3 : 1));
    tenon_tensor_free(tensor);
  }
  TenonArrays* arrays = NULL;
  CHECK_FAILS(tenon_arrays_read("/nowhere.nd", &arrays), TENON_NOT_FOUND, "/nowhere.nd");
  tenon_tensor_free(tensors[0]);
  tenon_tensor_free(tensors[1]);
}

static void test_devices(void) {
  size_t count = 0;
  const char* const* names = NULL;
  CHECK_OK(tenon_devices(&count, &names));
  CHECK(count >= 1 && strcmp(names[0], "cpu") == 0);
  CHECK_FAILS(tenon_devices(NULL, &names), TENON_INVALID_ARGUMENT, "'count'");
}

static void test_operators(void) {
  const char* all = NULL;
  CHECK_OK(tenon_operators(&all));
  CHECK(strstr(all, "\"name\":\"Convolution\"") != NULL && strstr(all, "\"num_filter\"") != NULL);
  const char* keys[1] = {"no_bias"};
  const char* values[1] = {"True"};
  char* json = NULL;
  CHECK_FAILS(tenon_operator_signature("Nothing", 0, NULL, NULL, &json), TENON_NOT_FOUND, "'Nothing'");
  CHECK_FAILS(tenon_operator_signature("FullyConnected", 1, keys, values, &json), TENON_INVALID_ARGUMENT, "num_hidden");
  CHECK_OK(tenon_operator_signature("BatchNorm", 0, NULL, NULL, &json));
  CHECK(strstr(json, "\"auxiliary\":[3,4]") != NULL && strstr(json, "\"visible\":1") != NULL);
  tenon_string_free(json);
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  CHECK(strcmp(tenon_last_error(), "") == 0);
  TenonModel* model = make_model();
  test_versions();
  test_tensors();
  test_model_names(model);
  test_tensorrt_subgraphs(model);
  test_parameters(model);
  test_inference(model);
  test_executor(model);
  test_shared_memory(model);
  test_engine(model, argv[1]);
  test_bind_errors(model);
  test_threads();
  test_files(model, argv[1]);
  test_run(model);
  test_arrays(argv[1]);
  test_operators();
  test_devices();
  tenon_model_free(model);
  if (failures == 0) puts("the C API works");
  return failures == 0 ? 0 : 1;
}
