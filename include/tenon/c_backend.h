#pragma once

/* A backend as a guest: a shared library that takes subgraphs of a model, compiles each once and runs it on buffers it
 * is given. Tenon opens it with `--backend path/to/guest.so` (BindOptions::backend) and runs everything it does not
 * take itself. C++ finds the same interface as classes in <tenon/backend.h>.
 *
 * The library exports one function, `const TenonGuest* tenon_guest(void)`. It need not be linked to Tenon.
 *
 * Everything Tenon passes is read-only. A subgraph and all it points to is valid during the call, except for the
 * elements of constants, which stay until `release`. All memory is the host's.
 */

#include <tenon/c_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Counts incompatible changes of this header. */
#define TENON_GUEST_API_VERSION 1

/* Where an input of a node comes from, or an output of the subgraph. */
typedef struct TenonSource {
  int32_t node;   /* index among the subgraph's nodes; TENON_SUBGRAPH_INPUT or TENON_CONSTANT */
  int32_t output; /* of the node; the number of the subgraph's input; the number of the subgraph's constant */
} TenonSource;
#define TENON_SUBGRAPH_INPUT (-1)
#define TENON_CONSTANT (-2)

/* An operator of MXNet with everything known. Attributes are complete, defaults included, in MXNet's notation: "kernel"
 * is "(3, 3)", "no_bias" is "True". */
typedef struct TenonNode {
  const char* name;
  const char* op;
  size_t attribute_count;
  const char* const* attribute_names; /* in alphabetical order */
  const char* const* attribute_values;
  size_t input_count;
  const TenonType* inputs;
  const TenonSource* sources; /* one an input; NULL while nodes are selected */
  size_t output_count;        /* hidden ones included */
  const TenonType* outputs;
} TenonNode;

typedef struct TenonSubgraph {
  size_t node_count;
  const TenonNode* nodes; /* each after those it reads */
  size_t input_count;
  const TenonType* inputs;
  size_t constant_count;
  const TenonType* constants;
  const void* const* constant_data;
  size_t output_count;
  const TenonSource* outputs;
} TenonSubgraph;

/* A place for a sentence: written with its terminating zero, cut at `capacity` bytes. */
typedef struct TenonSentence {
  char* text;
  size_t capacity;
} TenonSentence;

typedef struct TenonGuest {
  int32_t api_version; /* TENON_GUEST_API_VERSION */
  const char* name;    /* one word, for reports */
  /* Subgraphs of fewer nodes are not worth compiling. */
  int32_t minimum_nodes;
  /* Whether the guest takes the node: 1, or 0 and the reason with the values that decided. */
  int32_t (*select)(const TenonNode* node, TenonSentence reason);
  /* Makes a subgraph ready; NULL and the reason when that fails. `workspace_bytes` is what run needs. */
  void* (*compile)(const TenonSubgraph* subgraph, int32_t threads, size_t* workspace_bytes, TenonSentence reason);
  /* Computes the outputs from the inputs, both row-major; the workspace is 64-byte aligned. Any number of threads may
   * run one compiled subgraph at a time. 0, or the reason and another number. */
  int32_t (*run)(const void* compiled, const void* const* inputs, void* const* outputs, void* workspace,
                 TenonSentence reason);
  void (*release)(void* compiled);
} TenonGuest;

/* What a guest exports. Called once; the result stays valid while the library is loaded. */
typedef const TenonGuest* (*TenonGuestFunction)(void);
#define TENON_GUEST_FUNCTION "tenon_guest"

#ifdef __cplusplus
} /* extern "C" */
#endif
