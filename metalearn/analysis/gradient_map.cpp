#include "metalearn/analysis/gradient_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>

#include "autodiff/parallel/parallel.hpp"
#include "metalearn/analysis/gradient_measures.hpp"
#include "metalearn/base/finite.hpp"
#include "metalearn/base/random.hpp"
#include "metalearn/steps/inner_segment.hpp"
#include "metalearn/steps/step_measurement.hpp"

namespace metalearn {
namespace {

using autodiff::Step;
using autodiff::StepProfile;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// Results for one length of one task. A gradient that is not finite is empty.
struct Outcome {
  double growth = kNone, agreement = kNone, digits = 0;
  std::vector<std::vector<float>> gradients;  ///< per window, the last one exact
  std::vector<double> seconds;
  std::string failure;
  bool has_digits() const { return digits >= kFirstDigit; }
};

std::vector<double> wide(std::span<const float> x) { return {x.begin(), x.end()}; }

/// count: number of finite values.
Estimate estimate_finite(std::vector<double> values, std::int64_t* count = nullptr) {
  std::erase_if(values, [](double x) { return !std::isfinite(x); });
  if (count) *count = std::ssize(values);
  return values.empty() ? Estimate{kNone, kNone} : estimate(values);
}

std::vector<Step> windows_of(Step length, const GradientMapOptions& options) {
  std::vector<Step> windows;
  std::copy_if(options.windows.begin(), options.windows.end(), std::back_inserter(windows),
               [&](Step w) { return w < length; });
  windows.push_back(length);
  std::sort(windows.begin(), windows.end());
  windows.erase(std::unique(windows.begin(), windows.end()), windows.end());
  return windows;
}

/// Tasks of one shape: memory and time of their steps.
struct Alike {
  std::int64_t tasks = 0;
  StepProfile float32, float64;
  autodiff::StepSpeed speed;      ///< in units of one plain forward step
  double forward_arithmetic = 0;  ///< its multiply-adds
};

void require_grid(const GradientMapOptions& options) {
  if (options.inner_rates.empty() || options.lengths.empty() || options.tasks < 1)
    throw std::invalid_argument("[gradient map] needs an inner rate, a length and a task");
}

class Map {
 public:
  Map(const Config& config, std::span<const float> theta, const TaskDistribution& tasks,
      const GradientMapOptions& options)
      : config_(config),
        theta_(theta),
        wide_theta_(wide(theta)),
        options_(options),
        longest_(*std::max_element(options.lengths.begin(), options.lengths.end())) {
    for (std::int64_t i = 0; i < options.tasks; ++i)
      tasks_.push_back(tasks.draw(Role::train, static_cast<std::uint64_t>(i)));
    share_memory();
  }

  const BudgetShare& share() const { return share_; }

  std::vector<LengthFigures> run() {
    const autodiff::Parallel parallel(share_.at_once);
    std::vector<LengthFigures> all;
    for (double rate : options_.inner_rates) {
      std::vector<std::vector<Outcome>> outcomes(tasks_.size());  // per task and length
      parallel.for_each(tasks_.size(), [&](std::size_t i) { outcomes[i] = follow(rate, i); });
      for (std::size_t l = 0; l < options_.lengths.size(); ++l) all.push_back(figures(rate, l, outcomes));
    }
    return all;
  }

 private:
  StepShape shape_of(const Task& task) const { return training_shape(config_, task); }

  // Shares memory as training shares its budget among windows. The gradients of one rate are kept for
  // comparison.
  void share_memory() {
    std::map<StepShape, Alike> shapes;
    std::size_t least = 0, kept = 0;
    for (const Task& task : tasks_) {
      Alike& alike = shapes[shape_of(task)];
      if (alike.tasks++ > 0) continue;
      alike = measured(task);
      least = std::max({least, smallest_gradient_memory(longest_, alike.float32),
                        smallest_gradient_memory(longest_, alike.float64)});
    }
    for (Step length : options_.lengths)
      kept += windows_of(length, options_).size() * tasks_.size() * theta_.size() * sizeof(float);
    if (options_.memory_bytes < kept + least)
      throw autodiff::BudgetTooSmall(
          kept + least, fmt::format("gradients through {} steps in float64 do not fit in {} bytes of memory; "
                                    "the smallest budget that works is {} bytes",
                                    longest_, options_.memory_bytes, kept + least));
    share_ = *share_budget(options_.tasks, options_.threads, {options_.memory_bytes - kept, 0},
                           [&](const autodiff::Budget& each) -> std::optional<double> {
                             if (each.memory_bytes < least) return {};
                             double cost = 0;
                             for (const auto& [shape, alike] : shapes)
                               cost += static_cast<double>(alike.tasks) * cost_of(alike, each.memory_bytes);
                             return cost / static_cast<double>(options_.tasks);
                           });
    kernel_threads_ = kernel_threads(options_.threads, share_.at_once);
  }

  Alike measured(const Task& task) const {
    InnerStep<float> step(config_.rule, shape_of(task));
    InnerStep<double> wide_step(config_.rule, shape_of(task));
    const InnerSegment segment(step, theta_, task, 0, 0);
    const InnerSegment wide_segment(wide_step, wide_theta_, task, 0, 0);
    return {1, profile_without_tapes(segment), profile_without_tapes(wide_segment), arithmetic_speed(step),
            step.forward_arithmetic()};
  }

  // The cost of follow(): all gradients in float32; the exact ones and the growth (two trajectories) in
  // float64, which takes twice as long.
  double cost_of(const Alike& alike, std::size_t memory) const {
    double float32 = 0, float64 = 2 * static_cast<double>(longest_) * alike.speed.forward_seconds;
    for (Step length : options_.lengths) {
      for (Step window : windows_of(length, options_))
        float32 += windowed_cost(length, window, alike.float32, alike.speed, memory);
      float64 += windowed_cost(length, length, alike.float64, alike.speed, memory);
    }
    return (float32 + 2 * float64) * alike.forward_arithmetic;
  }

  // One task at one rate: first everything in float32, then everything in float64, so that only one compiled
  // step uses memory at a time.
  std::vector<Outcome> follow(double rate, std::size_t i) const {
    if (options_.on_begin) {
      std::lock_guard lock(mutex_);
      options_.on_begin(rate, static_cast<std::int64_t>(i));
    }
    RuleConfig rule = config_.rule;
    rule.inner_rate = rate;
    const Task& task = tasks_[i];
    const auto phi = initial_phi(task.widths(), options_.seed ^ purpose("phi of a gradient map"), i);
    std::vector<Outcome> outcomes(options_.lengths.size());
    in_float32(rule, task, phi, outcomes);
    in_float64(rule, task, phi, i, outcomes);
    return outcomes;
  }

  void in_float32(const RuleConfig& rule, const Task& task, const std::vector<float>& phi,
                  std::vector<Outcome>& outcomes) const {
    using Clock = std::chrono::steady_clock;
    const StepShape shape = shape_of(task);
    InnerStep<float> step(rule, shape, kernel_threads_);
    InnerSegment segment(step, theta_, task, 0, longest_);
    segment.keep_within_working_bytes();
    gradient_or_none<float>(segment, phi, 1,
                            1);  // touches the memory, so that the first timing is like the others
    for (std::size_t l = 0; l < outcomes.size(); ++l) {
      Outcome& o = outcomes[l];
      for (const Step window : windows_of(options_.lengths[l], options_)) {
        o.failure.clear();
        const auto before = Clock::now();
        auto gradient = gradient_or_none<float>(segment, phi, options_.lengths[l], window, &o.failure);
        o.seconds.push_back(std::chrono::duration<double>(Clock::now() - before).count());
        o.gradients.push_back(std::move(gradient));
      }
    }
  }

  void in_float64(const RuleConfig& rule, const Task& task, const std::vector<float>& phi_0, std::size_t i,
                  std::vector<Outcome>& outcomes) const {
    const StepShape shape = shape_of(task);
    InnerStep<double> step(rule, shape, kernel_threads_);
    InnerSegment segment(step, wide_theta_, task, 0, longest_);
    segment.keep_within_working_bytes();
    const auto phi = wide(phi_0);
    for (std::size_t l = 0; l < outcomes.size(); ++l) {
      const auto exact = gradient_or_none<double>(segment, phi, options_.lengths[l], options_.lengths[l]);
      const auto& float32 = outcomes[l].gradients.back();
      if (exact.empty() || float32.empty()) continue;
      outcomes[l].agreement = cosine(wide(float32), exact);
      outcomes[l].digits = correct_digits(wide(float32), exact);
    }
    Random random(options_.seed, i, purpose("perturbation of phi"));
    std::vector<double> delta(phi.size());
    for (double& d : delta) d = random.normal();
    std::vector<double> growth;
    try {
      log_growth(segment, phi, delta, longest_, growth);
    } catch (const NotFinite&) {  // results of earlier steps stay
    }
    for (std::size_t l = 0; l < outcomes.size(); ++l)
      if (const auto T = static_cast<std::size_t>(options_.lengths[l]); T <= growth.size())
        outcomes[l].growth = growth[T - 1] / static_cast<double>(T);
  }

  template <class T>
  std::vector<T> gradient_or_none(InnerSegment<T>& segment, const std::vector<T>& phi, Step length,
                                  Step window, std::string* failure = nullptr) const {
    std::string why;
    try {
      auto gradient = windowed_gradient<T>(segment, phi, length, window, share_.each.memory_bytes);
      if (all_finite(gradient)) return gradient;
      why = "the gradient is not finite";
    } catch (const NotFinite& e) {
      why = fmt::format("{} is not finite at step {}", e.what(), e.step);
    }
    if (failure) *failure = why;
    return {};
  }

  LengthFigures figures(double rate, std::size_t l, const std::vector<std::vector<Outcome>>& outcomes) const {
    LengthFigures f;
    f.inner_rate = rate;
    f.length = options_.lengths[l];
    f.tasks = static_cast<std::int64_t>(outcomes.size());
    std::vector<double> growth, agreement;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      const Outcome& o = outcomes[i][l];
      growth.push_back(o.growth);
      agreement.push_back(o.agreement);
      if (o.has_digits())
        f.digits += o.digits / static_cast<double>(outcomes.size());
      else
        ++f.without_digits;
      if (!o.failure.empty()) f.failures.push_back(fmt::format("task {}: {}", i, o.failure));
    }
    f.growth = estimate_finite(growth, &f.growing);
    f.agreement = estimate_finite(agreement, &f.agreeing);
    const auto windows = windows_of(f.length, options_);
    for (std::size_t w = 0; w < windows.size(); ++w) f.windows.push_back(figures(windows[w], l, w, outcomes));
    return f;
  }

  static WindowFigures figures(Step window, std::size_t l, std::size_t w,
                               const std::vector<std::vector<Outcome>>& outcomes) {
    WindowFigures f;
    f.window = window;
    std::vector<double> norms, apart;
    std::vector<std::vector<float>> finite;
    for (const auto& task : outcomes) {
      const auto& gradient = task[l].gradients[w];
      const auto& exact = task[l].gradients.back();
      if (gradient.empty()) continue;
      f.seconds += task[l].seconds[w];
      finite.push_back(gradient);
      norms.push_back(norm(gradient));
      if (task[l].has_digits()) apart.push_back(1 - cosine(wide(gradient), wide(exact)));
    }
    f.finite = static_cast<std::int64_t>(finite.size());
    f.norm = estimate_finite(norms);
    f.cosine = estimate_finite(apart, &f.compared);  // averages 1 - cosine, so that an exact 1 stays 1
    f.cosine.mean = 1 - f.cosine.mean;
    f.signal_to_noise = signal_to_noise(finite);
    f.per_second = std::max(0.0, f.signal_to_noise * f.signal_to_noise - 1) / f.seconds;
    if (std::isnan(f.signal_to_noise)) f.per_second = kNone;
    return f;
  }

  const Config& config_;
  std::span<const float> theta_;
  std::vector<double> wide_theta_;
  const GradientMapOptions& options_;
  Step longest_;
  std::vector<Task> tasks_;
  BudgetShare share_;
  int kernel_threads_ = 1;
  mutable std::mutex mutex_;
};

}  // namespace

BudgetShare gradient_map_share(const Config& config, std::span<const float> theta,
                               const TaskDistribution& tasks, const GradientMapOptions& options) {
  require_grid(options);
  return Map(config, theta, tasks, options).share();
}

std::vector<LengthFigures> gradient_map(const Config& config, std::span<const float> theta,
                                        const TaskDistribution& tasks, const GradientMapOptions& options) {
  require_grid(options);
  return Map(config, theta, tasks, options).run();
}

}  // namespace metalearn
