#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "zoo/zoo.h"

namespace tenon::zoo {

/// Height and width; one number stands for both.
struct Extent {
  int height, width;
  constexpr Extent(int both) : height(both), width(both) {}
  constexpr Extent(int h, int w) : height(h), width(w) {}
};

/// A Gluon layer by what the networks vary; `initializer` is the text of the weight's `__init__`.
struct Conv {
  int channels;
  Extent kernel;
  Extent stride = 1;
  Extent pad = 0;
  int groups = 1;
  int in_channels = 0;  ///< 0 where Gluon leaves it to inference
  bool bias = true;
  std::string activation = {};
  std::string initializer = {};
  std::string prefix = {};  ///< instead of conv0_, conv1_, …
};
struct BatchNorm {
  std::string_view epsilon = "1e-05";
  bool scale = true;
};
struct Pool {
  Extent kernel;
  Extent stride;
  Extent pad = 0;
  bool ceil = false;
};
struct Dense {
  int units;
  int in_units = 0;
  std::string activation = {};
  std::string initializer = {};
};

/// Writes a graph the way Gluon traces it. A network is a tree of blocks; a block may open a naming scope (a prefix
/// with counters of its own: `resnetv20_stage1_conv0_`) and always has a place in the tree (`features.5.0.conv1`), by
/// which trained weights are stored. Layers are children of the innermost open block, in the order Gluon creates them;
/// the order in the file follows from the graph.
class Builder {
 public:
  /// `prefix` is the network's own: "resnetv20_".
  explicit Builder(std::string prefix);
  Network finish(Value output) &&;

  /// A child block, open until the result goes out of scope. Without an attribute it is the next numbered child of its
  /// parent; without a prefix it names its layers in its parent's scope.
  class [[nodiscard]] Block {
   public:
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    ~Block() { builder_.close(named_); }

   private:
    friend class Builder;
    Block(Builder& builder, bool named) : builder_(builder), named_(named) {}
    Builder& builder_;
    bool named_;
  };
  Block block(std::string_view attribute = {}, std::string_view prefix = {});
  /// The prefix Gluon makes for an unnamed block of this class: "linearbottleneck0_".
  std::string numbered(std::string_view hint);

  Value data();

  // Layers. `attribute` as in block().
  Value conv(Value src, const Conv& layer, std::string_view attribute = {});
  Value batch_norm(Value src, const BatchNorm& layer = {}, std::string_view attribute = {});
  Value relu(Value src);
  Value relu6(Value src);
  Value max_pool(Value src, const Pool& layer);
  Value average_pool(Value src, const Pool& layer);
  Value global_average_pool(Value src);
  Value flatten(Value src);
  Value dropout(Value src);
  Value dense(Value src, const Dense& layer, std::string_view attribute = {});
  /// A block that hands its input on: no node, one child.
  Value identity(Value src);

  // Operators a block calls itself, numbered among its calls: `stage1_activation0`, `stage1__plus0`.
  Value activation_op(Value src);
  Value add_op(Value left, Value right, std::string_view hint);
  Value concat_op(const std::vector<Value>& parts);

 private:
  using Written = std::map<std::string, std::string>;
  struct NameScope {
    std::string prefix;
    std::map<std::string, int, std::less<>> blocks, calls;  ///< how many of each hint so far
  };
  struct Place {
    std::string path;
    int children = 0;
  };

  void close(bool named);
  std::string child_path(std::string_view attribute);
  std::string call_name(std::string_view hint);
  Value node(std::string_view op, std::string name, std::vector<Value> inputs, Written written = {});
  Value parameter(const std::string& block, const std::string& path, std::string_view name, std::string shape,
                  std::string initializer);
  Value pool(Value src, const Pool& layer, std::string_view type, bool global);
  Value activation(Value src, std::string name);

  Network network_;
  std::vector<NameScope> scopes_;
  std::vector<Place> places_;
};

}  // namespace tenon::zoo
