// Kernel tables: every table of kernels that this machine runs, numbers to run them on, and how their results
// are compared. For tests of kernels.
#pragma once
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "autodiff/kernels/kernels.hpp"
#include "tests/support/same_bits.hpp"

namespace kernel_tables {

using namespace autodiff::kernels;
using support::same_bits;

template <class T>
std::vector<const Kernels<T>*> tables() {
  std::vector<const Kernels<T>*> found;
  for (const char* isa : {"scalar", "v2", "v3", "v4"}) {
    if (const auto* t = table<T>(isa)) found.push_back(t);
  }
  return found;
}

template <class T>
bool has_fma(const Kernels<T>& k) {
  return std::string(k.isa) == "v3" || std::string(k.isa) == "v4";
}

/// Numbers in [-1, 1) that differ from call to call, the same in every run.
struct Numbers {
  std::uint64_t state = 1;
  double next() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state >> 40) / (1 << 23) - 1.0;
  }
  template <class T>
  std::vector<T> many(Index n) {
    std::vector<T> x(static_cast<std::size_t>(n));
    for (T& v : x) v = static_cast<T>(next());
    return x;
  }
};

template <class T>
double worst_difference(const std::vector<T>& got, const std::vector<long double>& want) {
  double worst = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double difference = std::abs(static_cast<double>(static_cast<long double>(got[i]) - want[i]));
    if (!(difference <= worst)) worst = difference;
    if (std::isnan(difference)) return difference;
  }
  return worst;
}

/// Runs f(table) on every table; all results must be near `want`, and those of the levels with FMA equal bit
/// for bit.
template <class T, class F>
void check_tables(const std::vector<long double>& want, double tolerance, F f) {
  std::vector<T> fused;
  for (const auto* k : tables<T>()) {
    CAPTURE(std::string(k->isa));
    const std::vector<T> got = f(*k);
    CHECK(worst_difference(got, want) <= tolerance);
    if (!has_fma(*k)) continue;
    if (!fused.empty()) CHECK(same_bits(got, fused));
    fused = got;
  }
}

}  // namespace kernel_tables
