#include "metalearn/base/random.hpp"

#include <cmath>
#include <stdexcept>

#include "metalearn/base/portable_math.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <Random123/philox.h>
#pragma GCC diagnostic pop

namespace metalearn {
namespace {

std::array<std::uint32_t, 4> philox(std::uint32_t c0, std::uint32_t c1, std::uint32_t c2, std::uint32_t c3,
                                    const std::array<std::uint32_t, 2>& key) {
  const philox4x32_ctr_t counter = {{c0, c1, c2, c3}};
  const philox4x32_key_t k = {{key[0], key[1]}};
  const philox4x32_ctr_t r = philox4x32_R(10, counter, k);
  return {r.v[0], r.v[1], r.v[2], r.v[3]};
}

std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

}  // namespace

// The name is absorbed word by word: each word is a counter under the fingerprint of the words before it.
Random::Random(std::initializer_list<std::uint64_t> name) {
  for (std::uint64_t word : name) {
    const auto r = philox(low(word), high(word), high_[0], high_[1], key_);
    key_ = {r[0], r[1]};
    high_ = {r[2], r[3]};
  }
}

std::uint32_t Random::bits32() {
  if (left_ == 0) {
    words_ = philox(low(block_), high(block_), high_[0], high_[1], key_);
    ++block_;
    left_ = 4;
  }
  return words_[static_cast<std::size_t>(4 - left_--)];
}

std::uint64_t Random::bits64() {
  const std::uint64_t upper = bits32();
  return upper << 32 | bits32();
}

double Random::uniform() { return static_cast<double>(bits64() >> 11) * 0x1p-53; }

double Random::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  double u, v, s;
  do {
    u = 2 * uniform() - 1;
    v = 2 * uniform() - 1;
    s = u * u + v * v;
  } while (s >= 1 || s == 0);
  const double factor = std::sqrt(-2 * portable::log(s) / s);
  spare_ = v * factor;
  has_spare_ = true;
  return u * factor;
}

double Random::truncated_normal(double sd) {
  double v;
  do v = normal();
  while (v > 2 || v < -2);
  return sd * v;
}

std::uint64_t Random::below(std::uint64_t n) {
  if (n == 0) throw std::invalid_argument("[Random::below] expected n > 0, found 0");
  const std::uint64_t excess = (0 - n) % n;  // 2^64 mod n: values below it would be drawn once too often
  std::uint64_t x;
  do x = bits64();
  while (x < excess);
  return x % n;
}

}  // namespace metalearn
