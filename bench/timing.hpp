// Timing: repeats a measurement and reports median, smallest value and spread. Any number of threads.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <stdexcept>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;

inline double milliseconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

/// Summary of a set of samples.
struct Summary {
  double median = 0, min = 0;
  double spread = 0;  ///< 90th minus 10th percentile, relative to the median
};

/// Throws std::invalid_argument without samples.
inline Summary summarise(std::vector<double> samples) {
  if (samples.empty()) throw std::invalid_argument("[summarise] expected at least one sample, found none");
  std::sort(samples.begin(), samples.end());
  const auto at = [&](double share) {
    return samples[static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1) + 0.5)];
  };
  const std::size_t half = samples.size() / 2;
  const double median = samples.size() % 2 == 1 ? samples[half] : (samples[half - 1] + samples[half]) / 2;
  return {median, samples.front(), (at(0.9) - at(0.1)) / median};
}

/// Milliseconds of f().
template <class F>
double time_once(const F& f) {
  const auto start = Clock::now();
  f();
  return milliseconds(start, Clock::now());
}

/// Milliseconds of processor time of f() on all threads; waiting for other programs does not count.
template <class F>
double processor_time_once(const F& f) {
  const std::clock_t start = std::clock();
  f();
  return static_cast<double>(std::clock() - start) * 1e3 / CLOCKS_PER_SEC;
}

/// Calls `more`, which appends samples, until `seconds` are over and there are at least `least` of them.
template <class F>
std::vector<double> sample_for(double seconds, std::size_t least, const F& more) {
  std::vector<double> samples;
  const auto start = Clock::now();
  do more(samples);
  while (samples.size() < least || milliseconds(start, Clock::now()) < seconds * 1e3);
  return samples;
}

}  // namespace bench
