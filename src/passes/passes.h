#pragma once

#include <set>
#include <string>

#include "passes/body.h"
#include "passes/primitives.h"

namespace tenon {

// Each pass is a function on a body, in a file of its own that begins with what it does and what must precede it.
// pipeline.cpp says in which order they run.

/// Whether remove_identities would drop the node, its outputs beside the first being read by nobody.
bool is_identity(const Body& body, const Node& node);
void remove_identities(Body& body);
void fold_constants(Body& body);
void merge_duplicates(Body& body);
void fold_padding(Body& body);
void lower(Body& body);
void fuse_pointwise(Body& body);
void merge_affine(Body& body);
void fold_forward(Body& body);
void fold_scales(Body& body);
void assign_precision(Body& body, Precision precision, const std::set<std::string>& keep_fp32);

}  // namespace tenon
