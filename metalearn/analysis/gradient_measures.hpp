// Gradient measures: quality of a long gradient: growth of perturbations, error of truncation, correct
// digits, noise.
//
// Functions without state; sums run in float64 in index order.
#pragma once
#include <span>
#include <vector>

#include "autodiff/unroll/budget.hpp"
#include "autodiff/unroll/segment.hpp"

namespace metalearn {

/// log(|J_t ... J_1 J_0 delta| / |delta|) for t = 0 .. T-1, where J_s is d phi_{s+1} / d phi_s along the
/// trajectory from phi: the growth of an infinitesimal perturbation of phi after t+1 steps, in Euclidean
/// norm. The last one divided by T is the growth exponent per step; for long T and almost every delta it
/// tends to the largest Lyapunov exponent. Computed as by Benettin et al. (Meccanica 15, 1980) from two
/// trajectories; the second is moved back to a relative distance of 1e-7 before every step. Minus infinity
/// once the perturbation has vanished. Appends to `growth` step by step, so results before a step that throws
/// are kept. REQUIRES phi and delta not to be zero.
void log_growth(autodiff::Segment<double>& segment, std::span<const double> phi,
                std::span<const double> delta, autodiff::Step T, std::vector<double>& growth);

/// d/dtheta of the mean of the objectives of `length` steps from phi, back-propagated through consecutive
/// windows of `window` steps (the last may be shorter); window = length: the exact gradient. Throws
/// autodiff::BudgetTooSmall below smallest_gradient_memory(), checkpoints::MachineFault if a recomputed state
/// has other bits, and what the segment throws.
template <class T>
std::vector<T> windowed_gradient(autodiff::Segment<T>& segment, std::span<const T> phi, autodiff::Step length,
                                 autodiff::Step window, std::size_t memory_bytes);
/// The planner's profile of a segment for it: it keeps states, not tapes.
template <class T>
autodiff::StepProfile profile_without_tapes(const autodiff::Segment<T>& segment);
/// The least memory with which windowed_gradient() can run every window up to this length.
std::size_t smallest_gradient_memory(autodiff::Step length, const autodiff::StepProfile& profile);
/// Seconds of windowed_gradient() at this speed; never more with more memory. Throws BudgetTooSmall as it
/// does.
double windowed_cost(autodiff::Step length, autodiff::Step window, const autodiff::StepProfile& profile,
                     const autodiff::StepSpeed& speed, std::size_t memory_bytes);

/// a b / (|a| |b|); exactly 1 for equal vectors; NaN if one is zero or not finite.
double cosine(std::span<const double> a, std::span<const double> b);

/// a has t correct significant digits if |a - exact| / |exact| is at most 5 * 10^-t (R. Burden and J. Faires,
/// Numerical Analysis, section 1.2): log10(5 |exact| / |a - exact|), in 0 .. 16; 0 if that is NaN.
double correct_digits(std::span<const double> a, std::span<const double> exact);
/// Below one digit the error of a gradient is more than half of its norm: in length, in direction, or in
/// both.
constexpr double kFirstDigit = 1;

/// |mean| / standard error of independent gradients g_1 .. g_n of equal length: |g| / sqrt(sum_i |g_i - g|^2
/// / (n (n-1))). 1 is pure noise; it grows with the square root of n. NaN if n < 2.
double signal_to_noise(std::span<const std::vector<float>> gradients);

}  // namespace metalearn
