#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <tenon/dtype.h>

namespace tenon {

/// A tuple attribute; an item is empty where the text says None (`slice` has such tuples).
using IntTuple = std::vector<std::optional<std::int64_t>>;

/// A parsed attribute. monostate is Python's None.
using AttributeValue =
    std::variant<std::monostate, bool, std::int64_t, double, std::string, IntTuple, std::vector<double>>;

enum class AttributeType { boolean, integer, real, text, choice, ints, reals };

/// One attribute of an operator, as data: loader, validator, documentation and error text all read this.
struct AttributeSpec {
  std::string name;
  AttributeType type = AttributeType::text;
  std::vector<std::string> choices;        ///< legal words of a `choice`
  bool required = true;                    ///< has no default
  bool nullable = false;                   ///< None is a legal value
  AttributeValue fallback;                 ///< the default, unless required
  std::optional<double> minimum, maximum;  ///< legal range of a number

  AttributeSpec or_else(AttributeValue value) &&;
  /// Default None, None legal.
  AttributeSpec or_none() &&;
  AttributeSpec at_least(double bound) &&;
  AttributeSpec at_most(double bound) &&;
};

/// Declarations, to be read as a table: `ints("kernel")`, `integer("num_group").or_else(1)`.
AttributeSpec boolean(std::string name);
AttributeSpec integer(std::string name);
AttributeSpec real(std::string name);
AttributeSpec text(std::string name);
AttributeSpec choice(std::string name, std::vector<std::string> words);
AttributeSpec ints(std::string name);
AttributeSpec reals(std::string name);
/// A choice among element types; `extra` are further legal words.
AttributeSpec dtype_choice(std::string name,
                           std::vector<std::string> words = {"float32", "float64", "float16", "bfloat16", "uint8",
                                                             "int8", "int32", "int64", "bool"});

/// Parses MXNet's attribute syntax (dmlc parameters). Throws Error(invalid_argument) with the attribute, the text, and
/// what is legal.
AttributeValue parse_attribute(const AttributeSpec& spec, std::string_view text);
/// The text form that parse_attribute reads back: `(3, 3)`, `True`, `None`, `1e-05`.
std::string format_attribute(const AttributeValue& value);

/// The attributes of one node, typed and complete: defaults are filled in.
class Attributes {
 public:
  void set(std::string name, AttributeValue value) { values_.insert_or_assign(std::move(name), std::move(value)); }
  const std::map<std::string, AttributeValue, std::less<>>& all() const noexcept { return values_; }

  /// Declared and not None.
  bool has(std::string_view name) const;
  bool flag(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  /// A real or an integer attribute.
  double real(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  const IntTuple& tuple(std::string_view name) const;
  /// A tuple without None items.
  std::vector<std::int64_t> ints(std::string_view name) const;
  const std::vector<double>& reals(std::string_view name) const;
  /// A text attribute that names an element type.
  DType dtype(std::string_view name) const;

  /// The same values under the same names; a number that is NaN is the same as another NaN.
  friend bool operator==(const Attributes& a, const Attributes& b);

 private:
  template <class T>
  const T& get(std::string_view name) const;
  std::map<std::string, AttributeValue, std::less<>> values_;
};

/// Parses the written attributes of an operator by its specs and fills in the defaults. Hidden names (`__x__`) are
/// skipped, other unknown names refused. Throws Error(invalid_argument).
Attributes parse_attributes(const std::vector<AttributeSpec>& specs, const std::map<std::string, std::string>& written);

/// `__shape__` and the like: longer than four characters, begins and ends with two underscores.
bool is_hidden_attribute(std::string_view name);

}  // namespace tenon
