// Random: counter-based randomness (Philox4x32-10, Salmon et al. 2011). A stream is a pure function of the
// numbers that name it.
//
// There is no state to carry over: Random(seed, task, purpose("labelled"), t) gives the same numbers on every
// machine, thread and day, in any order of construction. Only IEEE + - * / sqrt are used (no libm), so real
// numbers have the same bits everywhere too. Cheap: about 10 ns per number of the name. A Random itself is a
// cursor: one thread at a time.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>

namespace metalearn {

/// A number for a string (64-bit FNV-1a), so that streams are named by their purpose.
constexpr std::uint64_t purpose(std::string_view word) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (char c : word) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

class Random {
 public:
  /// The stream named by seed, stream and any further numbers (purpose("..."), step numbers, indices), in
  /// this order.
  template <class... Words>
  explicit Random(std::uint64_t seed, std::uint64_t stream, Words... words)
      : Random({seed, stream, static_cast<std::uint64_t>(words)...}) {}

  std::uint32_t bits32();
  std::uint64_t bits64();
  /// In [0, 1), a multiple of 2^-53.
  double uniform();
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  bool chance(double probability) { return uniform() < probability; }
  /// Mean 0, variance 1 (Marsaglia's polar method).
  double normal();
  /// Mean 0; a normal of standard deviation sd, redrawn while |v| > 2 sd.
  double truncated_normal(double sd);
  /// Unbiased, in 0 .. n-1. REQUIRES n > 0.
  std::uint64_t below(std::uint64_t n);
  /// Uniform in low .. high, both included. REQUIRES low <= high.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }

  /// Puts the first `count` places of a uniformly random order in place (all of them: a shuffle). REQUIRES
  /// count <= items.size().
  template <class T>
  void partial_shuffle(std::span<T> items, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) std::swap(items[i], items[i + below(items.size() - i)]);
  }
  template <class T>
  void shuffle(std::span<T> items) {
    partial_shuffle(items, items.size());
  }

 private:
  explicit Random(std::initializer_list<std::uint64_t> name);

  std::array<std::uint32_t, 2> key_{};
  std::array<std::uint32_t, 2>
      high_{};               // upper half of the counter: with the key, a 128-bit fingerprint of the name
  std::uint64_t block_ = 0;  // lower half: how many blocks were drawn
  std::array<std::uint32_t, 4> words_{};
  int left_ = 0;      // of words_
  double spare_ = 0;  // the polar method generates two normals at a time
  bool has_spare_ = false;
};

}  // namespace metalearn
