#include "graph/attributes.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/ranges.h>

#include "core/error.h"

namespace tenon {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

std::string expectation(const AttributeSpec& spec) {
  switch (spec.type) {
    case AttributeType::boolean:
      return "a boolean (True, False, 1 or 0)";
    case AttributeType::integer:
      return "an integer";
    case AttributeType::real:
      return "a number";
    case AttributeType::text:
      return "text";
    case AttributeType::choice:
      return fmt::format("one of {{{}}}", fmt::join(spec.choices, ", "));
    case AttributeType::ints:
      return "a tuple of integers like (3, 3)";
    case AttributeType::reals:
      return "a tuple of numbers like (0.5, 1)";
  }
  return {};
}

[[noreturn]] void refuse(const AttributeSpec& spec, std::string_view text) {
  fail(ErrorCode::invalid_argument, "attribute {}='{}' is not {}{}", spec.name, text, expectation(spec),
       spec.nullable ? " or None" : "");
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_real(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const char* last = text.data() + text.size();
  auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc{}) return std::nullopt;
  if (end != last && (*end == 'f' || *end == 'F')) ++end;
  if (end != last) return std::nullopt;
  return value;
}

std::optional<bool> parse_boolean(std::string_view text) {
  const std::string word = lowered(trimmed(text));
  if (word == "true" || word == "1") return true;
  if (word == "false" || word == "0") return false;
  return std::nullopt;
}

/// The items between the brackets of "(a, b,)" or "[a, b]", or the one bare item; empty when the brackets don't match.
std::optional<std::vector<std::string_view>> tuple_items(std::string_view text) {
  text = trimmed(text);
  std::vector<std::string_view> items;
  if (text.empty()) return std::nullopt;
  if (text.front() != '(' && text.front() != '[') return std::vector{text};
  const char closing = text.front() == '(' ? ')' : ']';
  if (text.size() < 2 || text.back() != closing) return std::nullopt;
  text = trimmed(text.substr(1, text.size() - 2));
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    items.push_back(trimmed(text.substr(0, comma)));
    if (items.back().empty()) return std::nullopt;
    if (comma == std::string_view::npos) break;
    text = trimmed(text.substr(comma + 1));
  }
  return items;
}

std::optional<IntTuple> parse_ints(std::string_view text) {
  const auto items = tuple_items(text);
  if (!items) return std::nullopt;
  IntTuple tuple;
  for (std::string_view item : *items) {
    if (item == "None") {
      tuple.push_back(std::nullopt);
      continue;
    }
    // Python 2 wrote longs with a suffix.
    if (item.ends_with('L') || item.ends_with('l')) item.remove_suffix(1);
    const auto value = parse_integer(item);
    if (!value) return std::nullopt;
    tuple.push_back(value);
  }
  return tuple;
}

std::optional<std::vector<double>> parse_reals(std::string_view text) {
  const auto items = tuple_items(text);
  if (!items) return std::nullopt;
  std::vector<double> tuple;
  for (const std::string_view item : *items) {
    const auto value = parse_real(item);
    if (!value) return std::nullopt;
    tuple.push_back(*value);
  }
  return tuple;
}

void check_range(const AttributeSpec& spec, double value) {
  if (spec.minimum && !(value >= *spec.minimum)) {
    fail(ErrorCode::invalid_argument, "attribute {}={} must be at least {}", spec.name, value, *spec.minimum);
  }
  if (spec.maximum && !(value <= *spec.maximum)) {
    fail(ErrorCode::invalid_argument, "attribute {}={} must be at most {}", spec.name, value, *spec.maximum);
  }
}

std::string format_real(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  return fmt::format("{}", value);
}

struct Formatter {
  std::string operator()(std::monostate) const { return "None"; }
  std::string operator()(bool value) const { return value ? "True" : "False"; }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return format_real(value); }
  std::string operator()(const std::string& value) const { return value; }
  std::string operator()(const IntTuple& tuple) const {
    return join(tuple, [](const auto& item) { return item ? std::to_string(*item) : "None"; });
  }
  std::string operator()(const std::vector<double>& tuple) const { return join(tuple, format_real); }

  template <class Tuple, class Item>
  static std::string join(const Tuple& tuple, Item item) {
    std::string text = "(";
    for (std::size_t i = 0; i < tuple.size(); ++i) text += (i != 0 ? ", " : "") + item(tuple[i]);
    return text + (tuple.size() == 1 ? ",)" : ")");
  }
};

AttributeSpec spec_of(std::string name, AttributeType type) {
  AttributeSpec spec;
  spec.name = std::move(name);
  spec.type = type;
  return spec;
}

}  // namespace

AttributeSpec AttributeSpec::or_else(AttributeValue value) && {
  // An integer literal as the default of a real attribute means that real.
  if (type == AttributeType::real && std::holds_alternative<std::int64_t>(value)) {
    value = static_cast<double>(std::get<std::int64_t>(value));
  }
  required = false;
  fallback = std::move(value);
  return std::move(*this);
}

AttributeSpec AttributeSpec::or_none() && {
  required = false;
  nullable = true;
  fallback = std::monostate{};
  return std::move(*this);
}

AttributeSpec AttributeSpec::at_least(double bound) && {
  minimum = bound;
  return std::move(*this);
}

AttributeSpec AttributeSpec::at_most(double bound) && {
  maximum = bound;
  return std::move(*this);
}

AttributeSpec boolean(std::string name) {
  return spec_of(std::move(name), AttributeType::boolean);
}
AttributeSpec integer(std::string name) {
  return spec_of(std::move(name), AttributeType::integer);
}
AttributeSpec real(std::string name) {
  return spec_of(std::move(name), AttributeType::real);
}
AttributeSpec text(std::string name) {
  return spec_of(std::move(name), AttributeType::text);
}
AttributeSpec ints(std::string name) {
  return spec_of(std::move(name), AttributeType::ints);
}
AttributeSpec reals(std::string name) {
  return spec_of(std::move(name), AttributeType::reals);
}

AttributeSpec choice(std::string name, std::vector<std::string> words) {
  AttributeSpec spec = spec_of(std::move(name), AttributeType::choice);
  spec.choices = std::move(words);
  return spec;
}

AttributeSpec dtype_choice(std::string name, std::vector<std::string> words) {
  return choice(std::move(name), std::move(words));
}

AttributeValue parse_attribute(const AttributeSpec& spec, std::string_view text) {
  if (spec.nullable && text == "None") return std::monostate{};
  switch (spec.type) {
    case AttributeType::boolean:
      if (const auto value = parse_boolean(text)) return *value;
      break;
    case AttributeType::integer: {
      std::string_view digits = text;
      if (spec.nullable && digits.ends_with('L')) digits.remove_suffix(1);
      if (const auto value = parse_integer(digits)) {
        check_range(spec, static_cast<double>(*value));
        return *value;
      }
      break;
    }
    case AttributeType::real:
      if (const auto value = parse_real(text)) {
        check_range(spec, *value);
        return *value;
      }
      break;
    case AttributeType::text:
      return std::string(text);
    case AttributeType::choice:
      if (std::find(spec.choices.begin(), spec.choices.end(), text) != spec.choices.end()) return std::string(text);
      break;
    case AttributeType::ints:
      if (const auto value = parse_ints(text)) return *value;
      break;
    case AttributeType::reals:
      if (const auto value = parse_reals(text)) return *value;
      break;
  }
  refuse(spec, text);
}

namespace {

bool same_number(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

bool same_value(const AttributeValue& a, const AttributeValue& b) {
  if (a.index() != b.index()) return false;
  if (const auto* number = std::get_if<double>(&a)) return same_number(*number, std::get<double>(b));
  if (const auto* numbers = std::get_if<std::vector<double>>(&a)) {
    return std::ranges::equal(*numbers, std::get<std::vector<double>>(b), same_number);
  }
  return a == b;
}

}  // namespace

bool operator==(const Attributes& a, const Attributes& b) {
  return std::ranges::equal(a.values_, b.values_, [](const auto& one, const auto& other) {
    return one.first == other.first && same_value(one.second, other.second);
  });
}

std::string format_attribute(const AttributeValue& value) {
  return std::visit(Formatter{}, value);
}

template <class T>
const T& Attributes::get(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) fail(ErrorCode::internal, "attribute '{}' is not declared by the operator", name);
  const T* value = std::get_if<T>(&found->second);
  if (value == nullptr) {
    fail(ErrorCode::internal, "attribute {}={} was read as another type", name, format_attribute(found->second));
  }
  return *value;
}

bool Attributes::has(std::string_view name) const {
  const auto found = values_.find(name);
  return found != values_.end() && !std::holds_alternative<std::monostate>(found->second);
}

bool Attributes::flag(std::string_view name) const {
  return get<bool>(name);
}
std::int64_t Attributes::integer(std::string_view name) const {
  return get<std::int64_t>(name);
}
const std::string& Attributes::text(std::string_view name) const {
  return get<std::string>(name);
}
const IntTuple& Attributes::tuple(std::string_view name) const {
  return get<IntTuple>(name);
}
const std::vector<double>& Attributes::reals(std::string_view name) const {
  return get<std::vector<double>>(name);
}

double Attributes::real(std::string_view name) const {
  const auto found = values_.find(name);
  if (found != values_.end()) {
    if (const auto* integer = std::get_if<std::int64_t>(&found->second)) return static_cast<double>(*integer);
  }
  return get<double>(name);
}

std::vector<std::int64_t> Attributes::ints(std::string_view name) const {
  std::vector<std::int64_t> values;
  for (const auto& item : tuple(name)) {
    if (!item) fail(ErrorCode::invalid_argument, "attribute {} may not contain None", name);
    values.push_back(*item);
  }
  return values;
}

DType Attributes::dtype(std::string_view name) const {
  const auto dtype = parse_dtype(text(name));
  if (!dtype) fail(ErrorCode::invalid_argument, "attribute {}='{}' is not an element type", name, text(name));
  return *dtype;
}

bool is_hidden_attribute(std::string_view name) {
  return name.size() > 4 && name.starts_with("__") && name.ends_with("__");
}

Attributes parse_attributes(const std::vector<AttributeSpec>& specs,
                            const std::map<std::string, std::string>& written) {
  Attributes attributes;
  for (const AttributeSpec& spec : specs) {
    const auto found = written.find(spec.name);
    if (found != written.end()) {
      attributes.set(spec.name, parse_attribute(spec, found->second));
    } else if (!spec.required) {
      attributes.set(spec.name, spec.fallback);
    } else {
      fail(ErrorCode::invalid_argument, "the required attribute {}, {}, is missing", spec.name, expectation(spec));
    }
  }
  for (const auto& [name, text] : written) {
    const auto known = [&key = name](const AttributeSpec& spec) { return spec.name == key; };
    if (is_hidden_attribute(name) || std::any_of(specs.begin(), specs.end(), known)) continue;
    std::vector<std::string> legal;
    for (const AttributeSpec& spec : specs) legal.push_back(spec.name);
    fail(ErrorCode::invalid_argument, "attribute {}='{}' is unknown; the operator has {}", name, text,
         legal.empty() ? "no attributes" : fmt::format("{}", fmt::join(legal, ", ")));
  }
  return attributes;
}

}  // namespace tenon
