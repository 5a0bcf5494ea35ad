#include "metalearn/evaluate/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "autodiff/parallel/parallel.hpp"
#include "metalearn/evaluate/statistics.hpp"

namespace metalearn {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// One method on one task at one evaluation step with one head.
struct Score {
  double accuracy = 0;                             ///< mean over the draws
  std::int64_t not_finite = 0, not_converged = 0;  ///< draws
};

struct MarkScores {
  double objective = kNone;
  std::vector<Score> heads;
};
using Scores = std::vector<MarkScores>;  // by evaluation step

double share_right(const Matrix& scores, std::span<const std::int32_t> labels) {
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = scores;
  return accuracy<double>({rows.data(), static_cast<std::size_t>(rows.size())}, labels);
}

Scores score(const Method& method, const std::vector<std::int64_t>& marks, const Task& task,
             std::int64_t labels_per_class, std::uint64_t stream, const ComparisonOptions& options) {
  const std::int64_t classes = task.classes(), n = classes * labels_per_class;
  const auto learner = method.start({task, options.seed, stream, labels_per_class, options.activation});
  std::vector<float> x(static_cast<std::size_t>(task.widths().front() * 2 * n));
  std::vector<std::int32_t> labels(static_cast<std::size_t>(2 * n));
  const std::span<const std::int32_t> support = std::span(labels).first(static_cast<std::size_t>(n)),
                                      query = std::span(labels).last(static_cast<std::size_t>(n));
  Scores scores;
  for (const std::int64_t mark : marks) {
    learner->learn(mark);
    scores.push_back({learner->objective(), std::vector<Score>(std::size(kHeads))});
    for (std::int64_t draw = 0; draw < options.draws; ++draw) {
      task.labelled(0, draw, x, labels);
      const Matrix features = learner->features({x, support, classes, draw});
      const FewShotHeads heads(features.topRows(n), support, classes, features.bottomRows(n));
      for (std::size_t h = 0; h < std::size(kHeads); ++h) {
        const FewShotHeads::Fit fit = heads.fit(kHeads[h]);
        Score& score = scores.back().heads[h];
        score.accuracy += share_right(fit.scores, query) / static_cast<double>(options.draws);
        score.not_finite += !fit.scores.allFinite();
        score.not_converged += !fit.converged;
      }
    }
  }
  return scores;
}

}  // namespace

double half_width_95(double standard_error, std::int64_t measurements) {
  if (measurements < 2 || !std::isfinite(standard_error)) return kNone;
  return boost::math::quantile(boost::math::students_t(static_cast<double>(measurements - 1)), 0.975) *
         standard_error;
}

Interval interval_95(std::span<const double> values) {
  const Estimate e = estimate(values);
  return {e.mean, half_width_95(e.standard_error, static_cast<std::int64_t>(values.size())),
          e.standard_error};
}

std::vector<std::int64_t> marks_of(const Method& method, const ComparisonOptions& options) {
  if (method.sees == Sees::nothing || options.steps.empty()) return method.marks;
  std::vector<std::int64_t> marks;
  std::copy_if(options.steps.begin(), options.steps.end(), std::back_inserter(marks),
               [&](std::int64_t mark) { return mark >= method.first_mark; });
  return marks;
}

std::vector<MethodRow> compare(const std::vector<Method>& methods, const std::vector<Task>& tasks,
                               std::int64_t labels_per_class, const ComparisonOptions& options) {
  const auto& steps = options.steps;
  if (std::adjacent_find(steps.begin(), steps.end(), std::greater_equal<>()) != steps.end() ||
      (!steps.empty() && steps.front() < 0))
    throw std::invalid_argument("[compare] expected ascending evaluation steps, each at least 0");
  if (methods.empty() || tasks.empty() || options.draws < 1)
    throw std::invalid_argument("[compare] expected at least one method, one task and one draw");

  std::vector<std::vector<Scores>> scores(methods.size(),
                                          std::vector<Scores>(tasks.size()));  // [method][seed]
  autodiff::Parallel(options.threads).for_each(methods.size() * tasks.size(), [&](std::size_t job) {
    const std::size_t m = job / tasks.size(), i = job % tasks.size();
    scores[m][i] = score(methods[m], marks_of(methods[m], options), tasks[i], labels_per_class, i, options);
  });

  const auto random =
      std::find_if(methods.begin(), methods.end(), [](const Method& m) { return m.name == "random"; });
  std::vector<MethodRow> rows;
  std::vector<double> values(tasks.size());
  for (std::size_t m = 0; m < methods.size(); ++m) {
    const auto marks = marks_of(methods[m], options);
    for (std::size_t mark = 0; mark < marks.size(); ++mark)
      for (std::size_t h = 0; h < std::size(kHeads); ++h) {
        const auto over_seeds = [&](auto value) {
          for (std::size_t i = 0; i < tasks.size(); ++i) values[i] = value(i);
          return interval_95(values);
        };
        const auto reached = [&](std::size_t i) { return scores[m][i][mark].heads[h].accuracy; };
        const auto start = [&](std::size_t i) {
          return random == methods.end()
                     ? kNone
                     : scores[static_cast<std::size_t>(random - methods.begin())][i][0].heads[h].accuracy;
        };
        std::int64_t not_finite = 0, not_converged = 0;
        for (const auto& task : scores[m])
          not_finite += task[mark].heads[h].not_finite, not_converged += task[mark].heads[h].not_converged;
        rows.push_back({methods[m].name, kHeads[h], marks[mark], methods[m].unlabelled(marks[mark]),
                        methods[m].labelled(marks[mark]), over_seeds(reached),
                        over_seeds([&](std::size_t i) { return scores[m][i][mark].objective; }),
                        over_seeds([&](std::size_t i) { return reached(i) - start(i); }),
                        static_cast<std::int64_t>(tasks.size()), not_finite, not_converged});
      }
  }
  return rows;
}

}  // namespace metalearn
