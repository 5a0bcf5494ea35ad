#include "metalearn/evaluate/few_shot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>
#include <tuple>

#include "autodiff/parallel/parallel.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/base/byte_count.hpp"
#include "metalearn/baselines/method_list.hpp"
#include "metalearn/evaluate/statistics.hpp"
#include "metalearn/steps/budget_share.hpp"
#include "metalearn/steps/step_cache.hpp"

namespace metalearn {
namespace {

/// Keeps the seeds of evaluations with consecutive seeds apart.
constexpr std::uint64_t kSeedStride = 1'000'000;
/// Keeps the streams of phi_0 of reporting tasks apart from those of meta-validation.
constexpr std::uint64_t kTestStreams = 1ull << 32;

struct Score {
  double accuracy = 0, objective = 0;
};

StepShape shape_of(const Task& task, std::int64_t labels_per_class, std::int64_t batch) {
  return {task.widths(), batch, task.classes(), labels_per_class, 1};
}

/// One base model's course through the evaluation steps.
class Course {
 public:
  Course(const Task& task, std::int64_t labels_per_class, const FewShotOptions& options, std::uint64_t stream)
      : task_(task),
        options_(options),
        shape_(shape_of(task, labels_per_class, options.batch)),
        phi_(initial_phi(task.widths(), options.seed, stream)),
        next_(phi_.size()),
        x_(static_cast<std::size_t>(shape_.widths[0] * shape_.batch)) {
    const auto n = static_cast<std::size_t>(shape_.labelled()),
               classes = static_cast<std::size_t>(shape_.classes);
    labels_.resize(2 * n);
    labelled_.resize(static_cast<std::size_t>(shape_.widths[0]) * 2 * n);
    targets_.resize(2 * n * classes);
    predictions_.resize(n * classes);
  }

  /// Bytes of a course of this shape, including its step's arena.
  static std::size_t bytes(const RuleConfig& rule, const StepShape& s) {
    const auto numbers = 2 * phi_spec(s.widths).size + s.widths[0] * (s.batch + 2 * s.labelled()) +
                         s.labelled() * 3 * s.classes + 2 * s.labelled();
    return InnerStep<float>(rule, s).evaluation_bytes() + static_cast<std::size_t>(numbers) * sizeof(float);
  }

  /// One score per evaluation step; none if it was stopped.
  std::vector<Score> run(StepCache& cache, const std::vector<float>& theta) {
    auto step = cache.borrow(shape_);
    std::vector<Score> scores;
    std::int64_t t = 0;
    for (const std::int64_t mark : options_.steps) {
      const auto start = std::chrono::steady_clock::now();
      for (; t < mark; ++t) {
        if (asked(options_.stop)) return {};
        task_.unlabelled(t, shape_.batch, x_);
        step->advance(theta, phi_, x_, next_);
        phi_.swap(next_);
      }
      seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      scores.push_back(score(*step));
    }
    return scores;
  }

  double seconds() const { return seconds_; }  ///< spent on the steps

 private:
  /// Mean over the labelled draws, which are those of t = 0 at every evaluation step.
  Score score(InnerStep<float>& step) {
    const auto n = static_cast<std::size_t>(shape_.labelled());
    const auto draws = static_cast<double>(options_.draws);
    const std::span<const std::int32_t> labels(labels_);
    const std::span<float> targets(targets_);
    Score sum;
    for (std::int64_t draw = 0; draw < options_.draws; ++draw) {
      task_.labelled(0, draw, labelled_, labels_);
      standardise_targets<float>(labels.first(n), shape_.classes, targets.first(targets.size() / 2));
      standardise_targets<float>(labels.last(n), shape_.classes, targets.last(targets.size() / 2));
      const LabelledPair<float> pair{labelled_, targets_};
      sum.objective += static_cast<double>(step.score(phi_, {&pair, 1}, predictions_)) / draws;
      sum.accuracy += accuracy<float>(predictions_, labels.last(n)) / draws;
    }
    return sum;
  }

  const Task& task_;
  const FewShotOptions& options_;
  StepShape shape_;
  std::vector<float> phi_, next_, x_, labelled_, targets_, predictions_;
  std::vector<std::int32_t> labels_;
  double seconds_ = 0;
};

/// Number of courses that run at the same time.
int at_once(const RuleConfig& rule, const std::vector<Task>& tasks, std::int64_t labels_per_class,
            const FewShotOptions& options) {
  const auto workers = std::min<std::size_t>(
      static_cast<std::size_t>(autodiff::Parallel(options.threads).threads()), tasks.size());
  if (options.memory == 0) return static_cast<int>(workers);
  std::set<StepShape> shapes;
  for (const auto& task : tasks) shapes.insert(shape_of(task, labels_per_class, options.batch));
  std::size_t most = 0;
  for (const auto& shape : shapes) most = std::max(most, Course::bytes(rule, shape));
  if (most > options.memory)
    throw checkpoints::MemoryBudget(
        fmt::format("a base model and its step do not fit in {} of memory; the smallest budget that works is "
                    "{} bytes: --memory {}",
                    show_bytes(options.memory), most, most));
  return static_cast<int>(std::min<std::size_t>(workers, options.memory / most));
}

void check(const RuleConfig& rule, const std::vector<float>& theta, const FewShotOptions& options,
           std::size_t tasks) {
  const auto& steps = options.steps;
  if (steps.empty() || steps.front() < 0 ||
      std::adjacent_find(steps.begin(), steps.end(), std::greater_equal<>()) != steps.end())
    throw std::invalid_argument("[few_shot] expected ascending evaluation steps, each at least 0");
  if (tasks < 1 || options.draws < 1)
    throw std::invalid_argument(
        fmt::format("[few_shot] expected at least 1 seed and 1 draw, found {} and {}", tasks, options.draws));
  if (const auto size = theta_spec(rule).size; static_cast<std::int64_t>(theta.size()) != size)
    throw std::invalid_argument(
        fmt::format("[few_shot] expected a theta of {} numbers, found {}", size, theta.size()));
}

/// tasks[i] starts from phi's stream first_stream + i; the rows are statistics over the tasks.
std::vector<FewShotRow> evaluate(RuleConfig rule, const std::vector<float>& theta,
                                 const std::vector<Task>& tasks, std::int64_t labels_per_class,
                                 const FewShotOptions& options, const std::string& data,
                                 std::uint64_t first_stream = 0) {
  rule.ridge = kRidge;  // so that thetas can be compared
  check(rule, theta, options, tasks.size());
  const int courses = at_once(rule, tasks, labels_per_class, options);
  StepCache cache(rule, kernel_threads(options.threads, courses));
  std::vector<std::vector<Score>> scores(tasks.size());
  std::vector<double> seconds(tasks.size());
  autodiff::Parallel(courses).for_each(tasks.size(), [&](std::size_t i) {
    Course course(tasks[i], labels_per_class, options, first_stream + i);
    scores[i] = course.run(cache, theta);
    seconds[i] = course.seconds();
  });

  if (std::any_of(scores.begin(), scores.end(), [](const auto& s) { return s.empty(); })) return {};
  std::vector<FewShotRow> rows;
  std::vector<double> values(tasks.size());
  const bool from_start = options.steps.front() == 0;
  const double per_step = options.steps.back() > 0
                              ? estimate(seconds).mean / static_cast<double>(options.steps.back())
                              : std::numeric_limits<double>::quiet_NaN();
  for (std::size_t mark = 0; mark < options.steps.size(); ++mark) {
    auto over_tasks = [&](auto value) {
      std::transform(scores.begin(), scores.end(), values.begin(), value);
      return estimate(values);
    };
    const Estimate right = over_tasks([&](const auto&s) { return s[mark].accuracy; }),
                   objective = over_tasks([&](const auto&s) { return s[mark].objective; });
    const Estimate gain = over_tasks([&](const auto& s) {
      return from_start ? s[mark].accuracy - s[0].accuracy : std::numeric_limits<double>::quiet_NaN();
    });
    rows.push_back({data, method_name(rule.rule), options.steps[mark], right.mean, right.standard_error,
                    objective.mean, objective.standard_error, static_cast<std::int64_t>(tasks.size()),
                    gain.mean, gain.standard_error, per_step});
  }
  return rows;
}

}  // namespace

Task evaluation_seed(std::shared_ptr<const Dataset> set, const std::vector<std::int64_t>& hidden,
                     const TaskConfig& task, std::uint64_t seed, std::int64_t index,
                     std::uint64_t permutation) {
  return evaluation_task(std::move(set), hidden, task, seed * kSeedStride + static_cast<std::uint64_t>(index),
                         permutation);
}

std::vector<FewShotRow> few_shot(const RuleConfig& rule, const std::vector<float>& theta,
                                 std::shared_ptr<const Dataset> set, const TaskConfig& task,
                                 const FewShotOptions& options) {
  std::vector<Task> seeds;
  for (std::int64_t i = 0; i < options.seeds; ++i)
    seeds.push_back(evaluation_seed(set, options.hidden, task, options.seed, i, options.permutation));
  return evaluate(rule, theta, seeds, task.labels_per_class, options, set->name);
}

std::vector<FewShotRow> validate(const RuleConfig& rule, const std::vector<float>& theta,
                                 const TaskDistribution& tasks, std::int64_t task_count,
                                 const FewShotOptions& options, Role role) {
  std::vector<Task> drawn;
  for (std::int64_t id = 0; id < task_count; ++id)
    drawn.push_back(tasks.draw(role, static_cast<std::uint64_t>(id)));
  return evaluate(rule, theta, drawn, options.labels_per_class, options,
                  role == Role::test ? "test" : "validation", role == Role::test ? kTestStreams : 0);
}

bool beats(const MarkScore& a, const MarkScore* b) {
  if (a.mark == 0 || !std::isfinite(a.accuracy) || !std::isfinite(a.objective)) return false;
  return !b || std::tuple(a.accuracy, -a.objective) > std::tuple(b->accuracy, -b->objective);
}

const FewShotRow* best_mark(const std::vector<FewShotRow>& rows) {
  const auto score = [](const FewShotRow& row) {
    return MarkScore{row.step, row.accuracy_mean, row.objective_mean};
  };
  const FewShotRow* winner = nullptr;
  for (const auto& row : rows) {
    const MarkScore standing = winner ? score(*winner) : MarkScore{};
    if (beats(score(row), winner ? &standing : nullptr)) winner = &row;
  }
  return winner;
}

}  // namespace metalearn
