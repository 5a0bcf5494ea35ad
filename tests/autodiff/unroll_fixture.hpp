// What the tests of unrolls share: a store without a disk, and the outcome of an unroll of the toy step,
// compared to the bit.
#pragma once
#include <doctest/doctest.h>

#include <map>
#include <vector>

#include "autodiff/unroll/unroll.hpp"
#include "tests/support/same_bits.hpp"
#include "toy_segment.hpp"

namespace autodiff::test {

/// A store that is where a disk would be.
class MemoryStore final : public CheckpointStore {
 public:
  void store(Slot slot, std::span<const std::byte> state) override {
    slots_[slot].assign(state.begin(), state.end());
  }
  void prefetch(Slot slot) override {
    CHECK(slots_.count(slot) == 1);
    CHECK(ahead_ < 0);
    ahead_ = slot;
  }
  void load(Slot slot, std::span<std::byte> state) override {
    CHECK((ahead_ < 0 || ahead_ == slot));
    ahead_ = -1;
    std::copy(slots_.at(slot).begin(), slots_.at(slot).end(), state.begin());
    if (damaged_loads > 0) --damaged_loads, state[3] ^= std::byte{16};
  }
  double waited_seconds() const override { return 0; }
  int damaged_loads = 0;  ///< that are still to give a wrong number

 private:
  std::map<Slot, std::vector<std::byte>> slots_;
  Slot ahead_ = -1;
};

template <class T>
struct Outcome {
  std::vector<T> phi, adjoint, gradient;
  UnrollTelemetry telemetry;
  std::size_t high_water = 0;
};

template <class T>
bool same_bits(const Outcome<T>& a, const Outcome<T>& b) {
  using support::same_bits;
  return same_bits(a.phi, b.phi) && same_bits(a.adjoint, b.adjoint) && same_bits(a.gradient, b.gradient) &&
         same_bits(a.telemetry.adjoint_norm, b.telemetry.adjoint_norm) &&
         same_bits(a.telemetry.contribution_norm, b.telemetry.contribution_norm);
}

template <class T>
Outcome<T> run(ToySegment<T>& segment, const Schedule& schedule, UnrollJournal* journal = nullptr,
               const std::function<bool()>& stop = {}) {
  Outcome<T> o{std::vector<T>(segment.state_size()),
               std::vector<T>(segment.state_size()),
               std::vector<T>(segment.theta_size()),
               {},
               0};
  for (std::size_t i = 0; i < o.phi.size(); ++i) {
    o.phi[i] = static_cast<T>(0.03 * static_cast<double>((i * 11) % 67) - 1);
    o.adjoint[i] = static_cast<T>(0.001 * static_cast<double>(i % 7));
  }
  Arena arena;
  MemoryStore disk;
  o.telemetry = unroll<T>(segment, schedule, o.phi, o.adjoint, o.gradient, arena, &disk, journal, stop);
  o.high_water = arena.high_water();
  return o;
}

}  // namespace autodiff::test
