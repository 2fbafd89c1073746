// The deterministic mutation test: feeds a fuzz target damaged copies of seed files, the same ones in every run.
//
//   fuzz-symbol COUNT SEED_FILE…          runs COUNT mutated inputs
//   fuzz-symbol COUNT --only N SEED_FILE… runs input N alone and writes it to fuzz-input.bin
//
// Input n depends on n and the seed files only. When a sanitizer stops the program, the last line on the terminal names
// n.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz/target.h"

#if defined(__SANITIZE_ADDRESS__)
#define TENON_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TENON_HAS_ASAN 1
#endif
#endif
#ifdef TENON_HAS_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace {

using Bytes = std::string;

std::uint64_t current_input = 0;

void report_input() {
  std::cerr << "the input was number " << current_input << "\n";
}

/// Draws from the generator without the library's distributions, which differ between implementations.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : engine_() % bound; }

 private:
  std::mt19937_64 engine_;
};

constexpr std::array<const char*, 16> kWords{
    "0",
    "-1",
    "1",
    "2147483647",
    "2147483648",
    "-2147483649",
    "1099511627776",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "1e309",
    "nan",
    "None",
    "(",
    "[[",
    "\"",
};
constexpr std::array<std::uint64_t, 10> kNumbers{
    0, 1, 0xff, 0x7fffffff, 0xffffffff, 0x10000000000, 0x7fffffffffffffff, 0xffffffffffffffff, 0xF993FAC8, 0xF993FACA};

void flip_bit(Bytes& bytes, Dice& dice) {
  if (!bytes.empty()) bytes[dice.below(bytes.size())] ^= static_cast<char>(1 << dice.below(8));
}

void set_byte(Bytes& bytes, Dice& dice) {
  if (!bytes.empty()) bytes[dice.below(bytes.size())] = static_cast<char>(dice.below(256));
}

void truncate(Bytes& bytes, Dice& dice) {
  bytes.resize(dice.below(bytes.size() + 1));
}

void erase_range(Bytes& bytes, Dice& dice) {
  const std::size_t first = dice.below(bytes.size() + 1);
  bytes.erase(first, dice.below(std::min<std::size_t>(bytes.size() - first, 64) + 1));
}

void copy_range(Bytes& bytes, Dice& dice) {
  const std::size_t first = dice.below(bytes.size() + 1);
  const Bytes range = bytes.substr(first, dice.below(std::min<std::size_t>(bytes.size() - first, 200) + 1));
  bytes.insert(dice.below(bytes.size() + 1), range);
}

/// Puts an extreme number over 4 or 8 bytes.
void set_number(Bytes& bytes, Dice& dice) {
  const std::size_t width = dice.below(2) == 0 ? 4 : 8;
  if (bytes.size() < width) return;
  const std::uint64_t number = kNumbers[dice.below(kNumbers.size())];
  const std::size_t aligned = dice.below(bytes.size() / 4) * 4;
  std::memcpy(bytes.data() + std::min(aligned, bytes.size() - width), &number, width);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Replaces a number in the text, the next one after a random place, by an extreme one.
void replace_digits(Bytes& bytes, Dice& dice) {
  const auto start = bytes.begin() + static_cast<std::ptrdiff_t>(dice.below(bytes.size() + 1));
  const auto first = std::find_if(start, bytes.end(), is_digit);
  const auto last = std::find_if_not(first, bytes.end(), is_digit);
  if (first != last) bytes.replace(first, last, kWords[dice.below(kWords.size())]);
}

/// Puts one quoted word of the text in the place of another.
void swap_words(Bytes& bytes, Dice& dice) {
  const auto word = [&]() -> std::pair<std::size_t, std::size_t> {
    const std::size_t open = bytes.find('"', dice.below(bytes.size() + 1));
    const std::size_t close = open == Bytes::npos ? open : bytes.find('"', open + 1);
    return close == Bytes::npos ? std::pair<std::size_t, std::size_t>{0, 0} : std::pair{open, close - open + 1};
  };
  const auto [from, from_length] = word();
  const auto [to, to_length] = word();
  const Bytes replacement = bytes.substr(from, from_length);
  if (to_length != 0) bytes.replace(to, to_length, replacement);
}

using Mutation = void (*)(Bytes&, Dice&);
constexpr Mutation kMutations[] = {flip_bit,   set_byte,   truncate,       erase_range,
                                   copy_range, set_number, replace_digits, swap_words};

Bytes mutated(const std::vector<Bytes>& seeds, std::uint64_t input) {
  Dice dice(input);
  Bytes bytes = seeds[input % seeds.size()];
  for (std::size_t i = 0, count = 1 + dice.below(4); i < count; ++i) {
    kMutations[dice.below(std::size(kMutations))](bytes, dice);
  }
  return bytes;
}

void run(const Bytes& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 2) {
    std::cerr << "usage: " << argv[0] << " COUNT [--only N] SEED_FILE…\n";
    return 2;
  }
  const std::uint64_t count = std::stoull(arguments[0]);
  arguments.erase(arguments.begin());
  std::uint64_t only = count;
  if (arguments[0] == "--only") {
    only = std::stoull(arguments.at(1));
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  std::vector<Bytes> seeds;
  for (const std::string& path : arguments) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
      std::cerr << "cannot open " << path << "\n";
      return 2;
    }
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
#ifdef TENON_HAS_ASAN
  __sanitizer_set_death_callback(report_input);
#endif
  std::set_terminate([] {
    report_input();
    std::abort();
  });
  if (only < count) {
    const Bytes bytes = mutated(seeds, only);
    std::ofstream("fuzz-input.bin", std::ios::binary) << bytes;
    current_input = only;
    run(bytes);
    return 0;
  }
  for (const Bytes& seed : seeds) run(seed);
  for (current_input = 0; current_input < count; ++current_input) run(mutated(seeds, current_input));
  std::cout << count << " mutated inputs of " << seeds.size() << " seeds: no crash\n";
  return 0;
}
