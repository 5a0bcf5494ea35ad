// Gradient measures: what a long gradient is worth: how fast perturbations grow, what a window leaves out,
// how many digits are right, how much is noise.
//
// Functions without state; sums run in float64 in index order.
#pragma once
#include <span>
#include <vector>

#include "autodiff/unroll/budget.hpp"
#include "autodiff/unroll/segment.hpp"

namespace metalearn {

/// log(|J_t ... J_1 J_0 delta| / |delta|) for t = 0 .. T-1, J_s being d phi_{s+1} / d phi_s along the
/// trajectory from phi: how an infinitesimal perturbation of phi has grown after t+1 steps, in Euclidean
/// norms. The last one divided by T is the growth exponent per step; for long T and almost every delta it
/// tends to the largest Lyapunov exponent. Computed as by Benettin et al. (Meccanica 15, 1980), from two
/// trajectories, of which the second is moved back to a relative distance of 1e-7 before every step. Minus
/// infinity from where the perturbation has vanished. Added to the end of `growth` step by step: what was
/// found before a step that throws is there. REQUIRES phi and delta not to be zero.
void log_growth(autodiff::Segment<double>& segment, std::span<const double> phi,
                std::span<const double> delta, autodiff::Step T, std::vector<double>& growth);

/// d/dtheta of the mean of the objectives of `length` steps from phi, back-propagated through windows of so
/// many steps one after the other (the last may be shorter); window = length: the exact gradient. Throws
/// autodiff::BudgetTooSmall below smallest_gradient_memory(), checkpoints::MachineFault where a state that
/// was computed again came out with other bits, and what the segment throws.
template <class T>
std::vector<T> windowed_gradient(autodiff::Segment<T>& segment, std::span<const T> phi, autodiff::Step length,
                                 autodiff::Step window, std::size_t memory_bytes);
/// What the planner has to know of a segment for it: it keeps states, not tapes.
template <class T>
autodiff::StepProfile profile_without_tapes(const autodiff::Segment<T>& segment);
/// With which windowed_gradient() can do every window up to this length.
std::size_t smallest_gradient_memory(autodiff::Step length, const autodiff::StepProfile& profile);
/// Seconds of windowed_gradient() at this speed; they never rise with the memory. Throws BudgetTooSmall as it
/// does.
double windowed_cost(autodiff::Step length, autodiff::Step window, const autodiff::StepProfile& profile,
                     const autodiff::StepSpeed& speed, std::size_t memory_bytes);

/// a b / (|a| |b|); of equal vectors exactly 1; not a number where one is zero or not finite.
double cosine(std::span<const double> a, std::span<const double> b);

/// t significant digits of a are right where |a - exact| / |exact| is at most 5 * 10^-t (R. Burden and J.
/// Faires, Numerical Analysis, section 1.2): log10(5 |exact| / |a - exact|), in 0 .. 16; 0 where that is not
/// a number.
double correct_digits(std::span<const double> a, std::span<const double> exact);
/// Below one digit the error of a gradient is more than half of it: in length, in direction, or in both.
constexpr double kFirstDigit = 1;

/// |mean| / standard error of independent gradients g_1 .. g_n of equal length: |g| / sqrt(sum_i |g_i - g|^2
/// / (n (n-1))). 1 is what noise alone gives; it grows with the root of n. Not a number where n < 2.
double signal_to_noise(std::span<const std::vector<float>> gradients);

}  // namespace metalearn
