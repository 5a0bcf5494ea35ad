// The schedules, one file each. All are pure functions of their arguments; all throw std::invalid_argument
// where T < 1 or a schedule doesn't fit its slots.
//
// V counts forward evaluations of a step: the T that the reverse sweep always needs, and those that recompute
// states. k counts slots, including the slot of the first state of a part; the current state and one working
// tape are extra.
#pragma once
#include <functional>

#include "autodiff/unroll/schedules/schedule.hpp"

namespace autodiff {

/// Keeps the tape of every step (the last one is turned): V = T, k = rho (T-1).
Schedule store_all(Step T, Slot tape_slots);

/// Keeps every state: V = 2T - 1, k = T - 1.
Schedule store_states(Step T);

/// Binomial checkpointing: the least V without kept tapes. A. Griewank and A. Walther, Algorithm 799:
/// Revolve, ACM TOMS 26(1), 2000.
Schedule revolve(Step T, Slot slots);
/// V of revolve(T, slots) in closed form. REQUIRES T >= 1, and slots >= 1 where T > 1.
std::int64_t revolve_evaluations(Step T, Slot slots);
/// How many of n > 1 steps revolve advances with k slots before it stores the next state.
Step revolve_advance(Step n, Slot k);

/// States and tapes of rho slots share k slots: V(1,k) = 1; V(n,0) = infinity for n > 1;
///   V(n,k) = min( 1 + V(n-1, k-rho)                   keep the tape
///                 min_i  i + V(n-i, k-1) + V(i, k)    store the state, advance i ).
/// rho = 1 is mixed checkpointing (J. Maddison, 2024). Exact for T <= 512 as long as the table stays small;
/// otherwise V is within a few thousandths of the minimum (tests), and never rises with k.
Schedule byte_aware(Step T, Slot slots, Slot tape_slots);

/// Revolve over RAM and disk together. The states stored first are read least often, so the bottom of the
/// stack is on disk. P. Stumm and A. Walther, Multistage approaches for optimal offline checkpointing, SIAM
/// J. Sci. Comput. 31(3), 2009. Every load from disk has a prefetch, as early as one buffer allows.
Schedule two_level(Step T, Slot ram_slots, Slot disk_slots);

/// Truncated back-propagation: consecutive windows of `window` steps (the last may be shorter), each reversed
/// by the schedule inner(length), which must be in RAM. One more slot holds the first state of the next
/// window. REQUIRES 1 <= window <= T.
Schedule windowed(Step T, Step window, const std::function<Schedule(Step)>& inner);

}  // namespace autodiff
