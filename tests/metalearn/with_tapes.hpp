// Windows that keep tapes, which those of the tests' small shapes are not offered: room for two tapes and a
// few states.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>

#include "autodiff/unroll/schedules/schedules.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "metalearn/windows/windowed.hpp"

namespace outer_test {

class WithTapes final : public metalearn::Windowed {
 public:
  using Windowed::Windowed;

 protected:
  autodiff::Schedule schedule_of(metalearn::InnerStep<float>& step, autodiff::Step k) const override {
    const auto rho =
        autodiff::slots_of_tape(step.record_size(), static_cast<std::size_t>(step.phi_size()), sizeof(float));
    const auto s = autodiff::byte_aware(k, 2 * rho + 4, rho);
    CHECK(std::any_of(s.actions.begin(), s.actions.end(),
                      [](const auto& a) { return a.kind == autodiff::Action::Kind::record; }));
    return s;
  }
};

}  // namespace outer_test
