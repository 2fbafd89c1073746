#pragma once

/// A backend as a guest, in C++. Derive from Guest, and export it from a shared library:
///
///     class Mine : public tenon::guest::Guest { … };
///     extern "C" const TenonGuest* tenon_guest() { return tenon::guest::exported<Mine>(); }
///
/// The library includes this header and needs nothing else of Tenon; what crosses its border is C (<tenon/c_backend.h>,
/// which says what may be called when).

#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <tenon/c_backend.h>

namespace tenon::guest {

/// The text of an attribute; empty where the operator has none of that name.
inline std::optional<std::string_view> attribute(const TenonNode& node, std::string_view name) {
  for (std::size_t i = 0; i < node.attribute_count; ++i) {
    if (node.attribute_names[i] == name) return node.attribute_values[i];
  }
  return {};
}

/// A subgraph made ready. run() is called by several threads at a time.
class Compiled {
 public:
  virtual ~Compiled() = default;
  virtual std::size_t workspace_bytes() const { return 0; }
  virtual void run(const void* const* inputs, void* const* outputs, void* workspace) const = 0;
};

/// What Tenon asks of a guest. An exception's what() becomes the reason that a user reads.
class Guest {
 public:
  virtual ~Guest() = default;
  /// One word, for reports.
  virtual const char* name() const = 0;
  virtual int minimum_nodes() const { return 1; }
  /// Empty where the guest takes the node, else why not, with the values that decided.
  virtual std::optional<std::string> refusal(const TenonNode& node) const = 0;
  virtual std::unique_ptr<Compiled> compile(const TenonSubgraph& subgraph, int threads) const = 0;
};

inline void write(std::string_view text, TenonSentence sentence) {
  if (sentence.capacity == 0) return;
  const std::size_t length = text.size() < sentence.capacity ? text.size() : sentence.capacity - 1;
  std::memcpy(sentence.text, text.data(), length);
  sentence.text[length] = '\0';
}

/// The C form of a guest, made at the first call.
template <class G>
const TenonGuest* exported() {
  static const G guest;
  static const TenonGuest c = {
      .api_version = TENON_GUEST_API_VERSION,
      .name = guest.name(),
      .minimum_nodes = guest.minimum_nodes(),
      .select = [](const TenonNode* node, TenonSentence reason) -> std::int32_t {
        try {
          const std::optional<std::string> refusal = guest.refusal(*node);
          if (refusal) write(*refusal, reason);
          return refusal ? 0 : 1;
        } catch (const std::exception& error) {
          write(error.what(), reason);
          return 0;
        }
      },
      .compile = [](const TenonSubgraph* subgraph, std::int32_t threads, std::size_t* workspace_bytes,
                    TenonSentence reason) -> void* {
        try {
          std::unique_ptr<Compiled> compiled = guest.compile(*subgraph, threads);
          *workspace_bytes = compiled->workspace_bytes();
          return compiled.release();
        } catch (const std::exception& error) {
          write(error.what(), reason);
          return nullptr;
        }
      },
      .run = [](const void* compiled, const void* const* inputs, void* const* outputs, void* workspace,
                TenonSentence reason) -> std::int32_t {
        try {
          static_cast<const Compiled*>(compiled)->run(inputs, outputs, workspace);
          return 0;
        } catch (const std::exception& error) {
          write(error.what(), reason);
          return 1;
        }
      },
      .release = [](void* compiled) { delete static_cast<Compiled*>(compiled); },
  };
  return &c;
}

}  // namespace tenon::guest
