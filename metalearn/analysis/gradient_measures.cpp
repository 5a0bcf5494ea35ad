#include "metalearn/analysis/gradient_measures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "autodiff/unroll/schedules/schedules.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "checkpoints/error.hpp"

namespace metalearn {

using autodiff::Step;
using autodiff::StepProfile;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Far above float64 rounding, far below the scale of curvature.
constexpr double kRelativeDistance = 1e-7;

double largest(std::span<const double> v) {
  double most = 0;
  for (double x : v) {
    if (std::isnan(x)) return x;
    most = std::max(most, std::abs(x));
  }
  return most;
}

// Divides by the largest magnitude first, so that no square overflows.
double norm(std::span<const double> v) {
  const double most = largest(v);
  double sum = 0;
  for (double x : v) sum += (x / most) * (x / most);
  return most == 0 ? 0 : most * std::sqrt(sum);
}

std::vector<double> difference(std::span<const double> a, std::span<const double> b) {
  std::vector<double> d(a.size());
  std::transform(a.begin(), a.end(), b.begin(), d.begin(), std::minus<>());
  return d;
}

// Plans a window's schedule with the memory left after the state that the next window starts from and the
// bookkeeping of all steps.
autodiff::UnrollPlan plan_window(Step steps, Step length, Step window, const StepProfile& profile,
                                 const autodiff::StepSpeed& speed, std::size_t memory_bytes) {
  const std::size_t beside = window == length
                                 ? 0
                                 : autodiff::slot_bytes(profile.state_size, profile.number_bytes) +
                                       autodiff::most_bookkeeping_bytes(length) -
                                       autodiff::most_bookkeeping_bytes(window);
  return autodiff::plan_unroll(steps, profile, speed, {}, {memory_bytes - beside, 0});
}

void require_memory(Step length, const StepProfile& profile, std::size_t memory_bytes) {
  if (const std::size_t least = smallest_gradient_memory(length, profile); memory_bytes < least)
    throw autodiff::BudgetTooSmall(least, fmt::format("a gradient through {} steps does not fit in {} bytes "
                                                      "of memory; the smallest budget that works is {} bytes",
                                                      length, memory_bytes, least));
}

}  // namespace

void log_growth(autodiff::Segment<double>& segment, std::span<const double> phi_0,
                std::span<const double> delta, Step T, std::vector<double>& growth) {
  std::vector<double> phi(phi_0.begin(), phi_0.end()), moved(phi), next(phi.size()), next_moved(phi.size()),
      apart(delta.begin(), delta.end());
  double sum = 0;
  for (Step t = 0; t < T; ++t) {
    if (sum > -kInfinity) {
      const double scale = kRelativeDistance * norm(phi) / norm(apart);
      for (std::size_t i = 0; i < phi.size(); ++i) moved[i] = phi[i] + scale * apart[i];
      const double before = norm(difference(moved, phi));  // as rounding left it
      segment.advance(t, phi, next);
      segment.advance(t, moved, next_moved);
      apart = difference(next_moved, next);
      sum += std::log(norm(apart) / before);
      phi.swap(next);
    }
    growth.push_back(sum);
  }
}

std::size_t smallest_gradient_memory(Step length, const StepProfile& profile) {
  return autodiff::smallest_memory(length, profile) +
         (length > 1 ? autodiff::slot_bytes(profile.state_size, profile.number_bytes) : 0);
}

double windowed_cost(Step length, Step window, const StepProfile& profile, const autodiff::StepSpeed& speed,
                     std::size_t memory_bytes) {
  require_memory(length, profile, memory_bytes);
  const auto cost = [&](Step steps) {
    return plan_window(steps, length, window, profile, speed, memory_bytes).predicted.seconds;
  };
  const Step rest = length % window;
  return static_cast<double>(length / window) * cost(window) + (rest > 0 ? cost(rest) : 0);
}

template <class T>
StepProfile profile_without_tapes(const autodiff::Segment<T>& segment) {
  return {segment.state_size(), segment.theta_size(), 0, sizeof(T), segment.working_bytes()};
}

template <class T>
std::vector<T> windowed_gradient(autodiff::Segment<T>& segment, std::span<const T> phi_0, Step length,
                                 Step window, std::size_t memory_bytes) {
  const StepProfile profile = profile_without_tapes(segment);
  require_memory(length, profile, memory_bytes);
  const auto inner = [&](Step steps) {
    return plan_window(steps, length, window, profile, {}, memory_bytes).schedule;
  };
  std::vector<T> phi(phi_0.begin(), phi_0.end()), adjoint(phi.size(), T{0}),
      gradient(profile.theta_size, T{0});
  autodiff::Arena arena;
  try {
    autodiff::unroll<T>(segment, autodiff::windowed(length, window, inner), phi, adjoint, gradient, arena);
  } catch (const autodiff::RecomputationMismatch& e) {
    throw checkpoints::MachineFault(
        fmt::format("the gradient through {} steps in windows of {}: {}", length, window, e.what()));
  }
  for (T& g : gradient) g /= static_cast<T>(length);
  return gradient;
}

template StepProfile profile_without_tapes(const autodiff::Segment<float>&);
template StepProfile profile_without_tapes(const autodiff::Segment<double>&);
template std::vector<float> windowed_gradient(autodiff::Segment<float>&, std::span<const float>, Step, Step,
                                              std::size_t);
template std::vector<double> windowed_gradient(autodiff::Segment<double>&, std::span<const double>, Step,
                                               Step, std::size_t);

double cosine(std::span<const double> a, std::span<const double> b) {
  const double most_a = largest(a), most_b = largest(b);
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a[i] / most_a, y = b[i] / most_b;
    ab += x * y, aa += x * x, bb += y * y;
  }
  return ab / std::sqrt(aa * bb);
}

double correct_digits(std::span<const double> a, std::span<const double> exact) {
  const double digits = std::log10(5 * norm(exact) / norm(difference(a, exact)));
  return std::isnan(digits) ? 0 : std::clamp(digits, 0.0, 16.0);
}

double signal_to_noise(std::span<const std::vector<float>> gradients) {
  const auto n = static_cast<double>(gradients.size());
  if (gradients.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  double square = 0, spread = 0;
  for (std::size_t i = 0; i < gradients[0].size(); ++i) {
    double mean = 0;
    for (const auto& g : gradients) mean += g[i];
    mean /= n;
    square += mean * mean;
    for (const auto& g : gradients) spread += (g[i] - mean) * (g[i] - mean);
  }
  return std::sqrt(square / (spread / (n * (n - 1))));
}

}  // namespace metalearn
