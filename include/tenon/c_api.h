#pragma once

/* The C API of Tenon: the whole library for C and for languages that call C.
 *
 *     TenonModel* model = NULL;
 *     if (tenon_model_load("resnet18", TENON_NEWEST_EPOCH, &model) != TENON_OK) puts(tenon_last_error());
 *
 * Errors. Every function that can fail returns a TenonStatus; on failure it leaves its result arguments as they were,
 * and tenon_last_error() gives a whole sentence. No exception leaves this API.
 *
 * Ownership. What arrives through a `TenonX**` argument belongs to the caller, who releases it with tenon_x_free();
 * NULL may be freed. Everything else that comes back (names, dims, data) belongs to the handle it was asked from and
 * lives as long as that handle, unless its function says otherwise. Handles are independent: a model may be freed
 * before its executors. Arguments are only read during the call and may be released after it.
 *
 * Threads. A TenonModel or TenonEngine is immutable and may be used by any number of threads. A TenonExecutor or
 * TenonTensor is used by one thread at a time; different ones run in parallel. tenon_last_error() is each thread's own.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors and versions ---- */

/* Numbers with names; int32_t, so that they have one size in every language. */
typedef int32_t TenonStatus;
enum {
  TENON_OK = 0,
  TENON_INVALID_ARGUMENT = 1, /* a shape, type, name or option that does not fit */
  TENON_NOT_FOUND = 2,        /* a file, model, operator or tensor that is not there */
  TENON_CORRUPT = 3,          /* a file whose content is damaged or truncated */
  TENON_UNSUPPORTED = 4,      /* well formed, but outside what Tenon runs here */
  TENON_OUT_OF_MEMORY = 5,    /* an allocation that could not be had */
  TENON_IO = 6,               /* reading or writing failed */
  TENON_INTERNAL = 7,         /* a defect in Tenon */
  TENON_CANCELLED = 8         /* a build that its progress callback ended */
};

/* Counts incompatible changes of this header. */
#define TENON_C_API_VERSION 1

/* "0.1.0": the version of the library that is loaded; never freed. */
const char* tenon_version(void);
/* What this build is made of, for bug reports: names ("oneDNN") and their values ("2.6.3"); never freed. */
TenonStatus tenon_components(size_t* count, const char* const** names, const char* const** values);
/* What a model can be bound on here: "cpu", "cuda:0", …; never freed. */
TenonStatus tenon_devices(size_t* count, const char* const** names);
/* TENON_C_API_VERSION as the loaded library was built. */
int32_t tenon_c_api_version(void);
/* The sentence of this thread's last failure, "" before the first; valid until this thread's next failure. */
const char* tenon_last_error(void);
/* "invalid_argument", …; "ok" for TENON_OK, "unknown" for any other number; never freed. */
const char* tenon_status_name(TenonStatus status);

/* ---- element types and shapes ---- */

typedef int32_t TenonDType;
enum {
  TENON_DTYPE_UNKNOWN = -1,
  TENON_FLOAT32 = 0,
  TENON_FLOAT64 = 1,
  TENON_FLOAT16 = 2,
  TENON_BFLOAT16 = 3,
  TENON_UINT8 = 4,
  TENON_INT8 = 5,
  TENON_INT32 = 6,
  TENON_INT64 = 7,
  TENON_BOOL = 8
};

/* Bytes of one element; 0 for TENON_DTYPE_UNKNOWN and numbers that are no TenonDType. */
size_t tenon_dtype_size(TenonDType dtype);
/* "float32", …; "unknown" where tenon_dtype_size() is 0; never freed. */
const char* tenon_dtype_name(TenonDType dtype);

/* The name, element type and shape of one tensor. rank -1 is an unknown rank, a dimension of -1 an unknown dimension.
 */
typedef struct TenonType {
  const char* name;
  TenonDType dtype;
  int32_t rank;
  const int64_t* dims;
} TenonType;

/* ---- tensors: dense row-major arrays in CPU memory ---- */

typedef struct TenonTensor TenonTensor;

/* Fresh memory, 64-byte aligned, holding a copy of `data`; zeros when `data` is NULL. */
TenonStatus tenon_tensor_create(TenonDType dtype, int32_t rank, const int64_t* dims, const void* data,
                                TenonTensor** tensor);
/* Refers to the caller's memory without copying. It must hold the elements, be aligned for them, and stay valid until
 * `release(context)` is called, once, by the thread that drops the last share of it. `release` may be NULL. Not called
 * when this function fails. */
TenonStatus tenon_tensor_borrow(TenonDType dtype, int32_t rank, const int64_t* dims, void* data,
                                void (*release)(void* context), void* context, TenonTensor** tensor);
/* A deep copy that owns its memory; converts where `dtype` is not TENON_DTYPE_UNKNOWN and another type. */
TenonStatus tenon_tensor_copy(const TenonTensor* tensor, TenonDType dtype, TenonTensor** copy);
void tenon_tensor_free(TenonTensor* tensor);

/* All of these answer for NULL as well: unknown, -1, NULL, 0. */
TenonDType tenon_tensor_dtype(const TenonTensor* tensor);
int32_t tenon_tensor_rank(const TenonTensor* tensor);
/* tenon_tensor_rank() numbers. */
const int64_t* tenon_tensor_dims(const TenonTensor* tensor);
int64_t tenon_tensor_elements(const TenonTensor* tensor);
size_t tenon_tensor_bytes(const TenonTensor* tensor);
const void* tenon_tensor_data(const TenonTensor* tensor);
/* TENON_INVALID_ARGUMENT for memory that must not be written, such as a mapped parameter file. */
TenonStatus tenon_tensor_mutable_data(TenonTensor* tensor, void** data);

/* ---- models ---- */

typedef struct TenonModel TenonModel;

#define TENON_NEWEST_EPOCH (-1)

/* Reads PREFIX-symbol.json and PREFIX-EPOCH.params. Parameters are memory-mapped. */
TenonStatus tenon_model_load(const char* prefix, int32_t epoch, TenonModel** model);
/* Reads the two files by their paths; `params` may be NULL. */
TenonStatus tenon_model_load_files(const char* symbol, const char* params, TenonModel** model);
/* Parses `length` bytes of symbol JSON; no parameters. */
TenonStatus tenon_model_from_json(const char* json, size_t length, TenonModel** model);
/* Builds a network of the Gluon model zoo ("resnet18_v2"), parameters initialised from the seed. */
TenonStatus tenon_model_zoo(const char* name, uint64_t seed, TenonModel** model);
/* The same with trained weights that MXNet has downloaded to `folder` before; NULL: $MXNET_HOME/models, else
 * ~/.mxnet/models. */
TenonStatus tenon_model_zoo_pretrained(const char* name, const char* folder, TenonModel** model);
/* The names tenon_model_zoo() knows; never freed. */
TenonStatus tenon_zoo_names(size_t* count, const char* const** names);
void tenon_model_free(TenonModel* model);

typedef int32_t TenonNames;
enum {
  TENON_ARGUMENTS = 0,        /* in MXNet's order */
  TENON_AUXILIARY_STATES = 1, /* in MXNet's order */
  TENON_OUTPUTS = 2,
  TENON_INPUTS = 3,    /* arguments that have no parameter: what a caller feeds, labels included */
  TENON_PARAMETERS = 4 /* arguments and auxiliary states that have one, in name order */
};

/* One list of names, as long as the model lives. */
TenonStatus tenon_model_names(const TenonModel* model, TenonNames which, size_t* count, const char* const** names);
/* One parameter; it shares memory with the model and must not be written. */
TenonStatus tenon_model_parameter(const TenonModel* model, const char* name, TenonTensor** tensor);
/* The same network with these parameters instead; the tensors' memory is shared, not copied. */
TenonStatus tenon_model_with_parameters(const TenonModel* model, size_t count, const char* const* names,
                                        const TenonTensor* const* tensors, TenonModel** result);
/* The symbol as MXNet 1.9 writes it; `json` is released with tenon_string_free(). */
TenonStatus tenon_model_json(const TenonModel* model, char** json);
void tenon_string_free(char* string);
/* What MXNet's TensorRT integration would have joined into one node each, which it told from attributes alone: a JSON
 * array of arrays of places among the nodes of tenon_model_json(). `json` is released with tenon_string_free(). */
TenonStatus tenon_model_tensorrt_subgraphs(const TenonModel* model, char** json);
/* Writes PREFIX-symbol.json and PREFIX-EPOCH.params as MXNet 1.9 does, each atomically. */
TenonStatus tenon_model_save(const TenonModel* model, const char* prefix, int32_t epoch);

/* A list of types in name order. */
typedef struct TenonTypes TenonTypes;
void tenon_types_free(TenonTypes* types);
size_t tenon_types_count(const TenonTypes* types);
/* The i-th type; NULL past the end. */
const TenonType* tenon_types_get(const TenonTypes* types, size_t i);

/* What follows from the types of some arguments: one type for each argument, auxiliary state and output. What does not
 * follow stays unknown; a contradiction is TENON_INVALID_ARGUMENT. */
TenonStatus tenon_model_infer(const TenonModel* model, size_t count, const TenonType* known, TenonTypes** types);
/* The one input that a network of the zoo was made for, batch 1. */
TenonStatus tenon_zoo_input(const char* name, TenonTypes** types);

/* ---- executors: a model bound to shapes and a device ---- */

typedef struct TenonExecutor TenonExecutor;

typedef int32_t TenonGoOn;
enum {
  TENON_GO_ON = 0,
  TENON_STOP_TIMING =
      1,           /* the steps that are left take the first implementation that accepts; nothing more is reported */
  TENON_CANCEL = 2 /* the build fails with TENON_CANCELLED */
};

/* Hears of every step that is decided, in the thread that builds: `done` of `total` steps that are known to come, and
 * the last one's node, valid during the call only. */
typedef TenonGoOn (*TenonProgress)(int32_t done, int32_t total, const char* node, void* context);

/* Zero-initialise it, then set what differs: `TenonBindOptions options = {0};`. */
typedef struct TenonBindOptions {
  const TenonType* inputs; /* shapes and, where known, types of the inputs; the rest is inferred */
  size_t input_count;
  const char* device;    /* NULL: "cpu" */
  const char* backend;   /* NULL: "plain" (the best library call per operator); "cpu" (subgraphs compiled for the
                            processor); "reference" (the naive loops); a path with a slash: a guest (c_backend.h) */
  int32_t threads;       /* threads a forward may use; 0: every core the process may run on */
  const char* precision; /* NULL: "fp32"; or "tf32", "bf16", "fp16", as far as the backend can */
  const char* selector;  /* what becomes subgraphs where the backend has them. NULL: the backend's own choice; "tenon";
                            "mxnet-tensorrt": exactly what MXNet's TensorRT integration took */
  int32_t min_subgraph;  /* subgraphs of fewer operators run plain; 0 leaves it to the selector */
  const char* dump_passes; /* a folder for the graph of each subgraph after each pass, SUBGRAPH/NNN_pass.txt; NULL */
  const char* const* disabled_passes; /* passes over subgraphs that are left out, by name */
  size_t disabled_pass_count;
  const char* const* keep_fp32; /* nodes that multiply in float32 whatever the precision */
  size_t keep_fp32_count;
  const char* tune; /* NULL: "off"; "fast" and "full" time the implementations that accept, and keep what they found
                       for later builds in the user's cache folder */
  TenonProgress progress; /* NULL: nobody looks */
  void* progress_context;
  int64_t first_batch, last_batch; /* every batch size, from the one to the other, that tenon_executor_reshape() takes
                                      without compiling; 0, 0: that of the inputs */
  const char* optimize; /* what subgraphs compiled for the processor spare. NULL: "speed", time; "memory", packed
                           weights that take more than the original ones */
} TenonBindOptions;

/* The executor shares the model's parameters. */
TenonStatus tenon_executor_bind(const TenonModel* model, const TenonBindOptions* options, TenonExecutor** executor);
/* The same model and options with other input shapes; parameters are shared, the monitor is not taken over. */
TenonStatus tenon_executor_reshape(const TenonExecutor* executor, size_t count, const TenonType* inputs,
                                   TenonExecutor** result);
void tenon_executor_free(TenonExecutor* executor);

/* TENON_INPUTS or TENON_OUTPUTS: what forward reads and gives. */
TenonStatus tenon_executor_names(const TenonExecutor* executor, TenonNames which, size_t* count,
                                 const char* const** names);
/* The type of an input or output; its name and dims live as long as the executor. */
TenonStatus tenon_executor_type(const TenonExecutor* executor, const char* name, TenonType* type);

/* Copies the value into the input, converting the element type; the shape must be the bound one. Inputs start as zeros.
 */
TenonStatus tenon_executor_set_input(TenonExecutor* executor, const char* name, const TenonTensor* value);
/* Runs the program and waits for it. */
TenonStatus tenon_executor_forward(TenonExecutor* executor);
/* Queues a forward on the device and returns; on the CPU it is done by then. Inputs may be set and forwards queued at
 * once: each works on what was set before it. What fails on the device is reported by the call that waits. */
TenonStatus tenon_executor_forward_async(TenonExecutor* executor);
/* Returns when all that was queued is done. tenon_executor_output() waits by itself. */
TenonStatus tenon_executor_wait(TenonExecutor* executor);
/* The i-th output of the last forward. The tensor is a view that the next forward overwrites (tenon_tensor_copy() keeps
 * it), and must not be used after the executor was freed. */
TenonStatus tenon_executor_output(const TenonExecutor* executor, size_t i, TenonTensor** tensor);

/* Arrays that lie in the memory of the executor's device already. Pointers are addresses there; a TenonStream is a
 * CUstream (cudaStream_t), NULL being CUDA's default stream. On the CPU the device's memory is the host's, and streams
 * do nothing. */
typedef void* TenonStream;

/* Reads the input where it lies from here on, without a copy: memory of the executor's device, on a 64-byte boundary,
 * that holds the bound type and shape in row-major order. It must stay valid until `release(context)` is called, once,
 * when the executor reads it no more: at the next tenon_executor_share_input() or tenon_executor_set_input() of that
 * name, which then wait for queued forwards, or when the executor is freed. `release` may be NULL; it is not called
 * when this function fails. Whoever writes the memory orders the writes and the forwards. */
TenonStatus tenon_executor_share_input(TenonExecutor* executor, const char* name, const void* data,
                                       void (*release)(void* context), void* context);
/* Where the device has the i-th output, row-major, of tenon_executor_type(). The next forward overwrites it; it must
 * not be used after the executor was freed. Does not wait. */
TenonStatus tenon_executor_device_output(const TenonExecutor* executor, size_t i, const void** data);
/* The stream that forwards are queued on, as long as the executor lives; NULL on the CPU. */
TenonStatus tenon_executor_stream(const TenonExecutor* executor, TenonStream* stream);
/* Forwards queued from here on begin after what `stream` has queued by now. The host does not wait. */
TenonStatus tenon_executor_wait_for(TenonExecutor* executor, TenonStream stream);
/* What is queued on `stream` from here on begins after the forwards queued by now. The host does not wait. */
TenonStatus tenon_executor_precede(TenonExecutor* executor, TenonStream stream);

/* Called during forward after each node with each visible output ("conv0_output"), in the thread that called forward.
 * `name` and `value` are valid during the call only. */
typedef void (*TenonMonitor)(const char* name, const TenonTensor* value, void* context);
/* NULL removes it. */
TenonStatus tenon_executor_set_monitor(TenonExecutor* executor, TenonMonitor monitor, void* context);

/* Inputs, forward and outputs in one call, for callers to whom every call costs: `src` holds one address for each of
 * TENON_INPUTS, `dst` one for each of TENON_OUTPUTS, of row-major memory of the bound type and shape. NULL keeps the
 * input as it was last set, and leaves the output unread. */
TenonStatus tenon_executor_run(TenonExecutor* executor, size_t src_count, const void* const* src, size_t dst_count,
                               void* const* dst);

/* One step of the program, in order of execution. */
typedef struct TenonStep {
  const char* node;
  const char* op;
  const char* implementation;
  const char* refusals; /* who was asked before and why they declined, one a line; "" where the first accepted */
} TenonStep;
TenonStatus tenon_executor_steps(const TenonExecutor* executor, size_t* count, const TenonStep** steps);
/* Bytes of activations and workspaces at their peak, and of parameters kept (packed copies included). */
TenonStatus tenon_executor_memory(const TenonExecutor* executor, size_t* activation_bytes, size_t* parameter_bytes);

/* ---- engines: a model compiled once, run by many threads ---- */

/* A model compiled for shapes and a device. Immutable: any number of threads may use one. */
typedef struct TenonEngine TenonEngine;

TenonStatus tenon_engine_build(const TenonModel* model, const TenonBindOptions* options, TenonEngine** engine);
/* Writes a plan file, atomically: everything but the input. */
TenonStatus tenon_engine_save(const TenonEngine* engine, const char* path);
/* Maps a plan file: the same engine, with the same bits in every result, without compiling. Refuses, with a sentence, a
 * plan of another processor or GPU, of another version of Tenon or of its libraries (TENON_UNSUPPORTED), and a damaged
 * file (TENON_CORRUPT). A plan of a GPU holds machine code: load only those that you would run. The file must stay as
 * it is while the engine or a session of it lives. */
TenonStatus tenon_engine_load(const char* path, TenonEngine** engine);
void tenon_engine_free(TenonEngine* engine);
/* How an engine was built; of a plan, how it was built then. The strings live as long as the engine. */
typedef struct TenonEngineInfo {
  const char* device; /* "cpu", "cuda:0" */
  const char* backend;
  const char* precision;
  int32_t threads;
} TenonEngineInfo;
TenonStatus tenon_engine_info(const TenonEngine* engine, TenonEngineInfo* info);
/* The buffers with which one thread at a time runs the engine, as an executor: everything above works with it. Sessions
 * of one engine share its parameters and run in parallel threads; forward neither allocates nor locks. The engine may
 * be freed before them. */
TenonStatus tenon_engine_session(const TenonEngine* engine, TenonExecutor** session);

/* ---- files of arrays: MXNet's .params, .nd, and NumPy archives ---- */

typedef struct TenonArrays TenonArrays;

/* Names come as they stand in the file, "arg:" included, in name order. A list without names has "0", "1", … */
TenonStatus tenon_arrays_read(const char* path, TenonArrays** arrays);
void tenon_arrays_free(TenonArrays* arrays);
size_t tenon_arrays_count(const TenonArrays* arrays);
/* The i-th name and array; NULL past the end. The tensor is released by the caller. */
const char* tenon_arrays_name(const TenonArrays* arrays, size_t i);
TenonStatus tenon_arrays_tensor(const TenonArrays* arrays, size_t i, TenonTensor** tensor);
/* Writes a file that MXNet 1.9 reads, atomically; a list without names when `names` is NULL. */
TenonStatus tenon_arrays_write(const char* path, size_t count, const char* const* names,
                               const TenonTensor* const* tensors);

/* ---- operators, for those who generate functions and documentation ---- */

/* Every operator as a JSON array, in name order: {"name", "aliases", "doc", "attributes": [{"name", "type", "choices",
 * "required", "nullable", "default", "minimum", "maximum"}]}; never freed. */
TenonStatus tenon_operators(const char** json);
/* What the attributes of one node decide, as JSON: {"op", "inputs", "outputs", "visible", "auxiliary"}: the canonical
 * name, the names of inputs and outputs, how many outputs are visible, which inputs are auxiliary. `json` is released
 * with tenon_string_free(). */
TenonStatus tenon_operator_signature(const char* op, size_t count, const char* const* keys, const char* const* values,
                                     char** json);

#ifdef __cplusplus
} /* extern "C" */
#endif
