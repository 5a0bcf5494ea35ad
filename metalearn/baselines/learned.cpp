#include <fmt/format.h>

#include <set>

#include "metalearn/baselines/base_learner.hpp"
#include "metalearn/baselines/method_list.hpp"
#include "metalearn/steps/step_cache.hpp"

namespace metalearn {
namespace {

/// Shared by all learners of one theta.
struct Shared {
  explicit Shared(const Config& config, std::vector<float> trained)
      : theta(std::move(trained)), batch(config.batch), steps(config.rule) {}
  std::vector<float> theta;
  std::int64_t batch;
  StepCache steps;
};

class Learned : public BaseLearner {
 public:
  Learned(const Start& s, std::shared_ptr<Shared> rule)
      : BaseLearner(s),
        rule_(std::move(rule)),
        shape_{task_.widths(), rule_->batch, task_.classes(), s.labels_per_class, 1},
        next_(phi_.size()),
        x_(static_cast<std::size_t>(task_.widths().front() * rule_->batch)) {}

  void learn(std::int64_t t) override {
    if (done_ == t) return;
    auto step = rule_->steps.borrow(shape_);
    for (; done_ < t; ++done_) {
      task_.unlabelled(done_, rule_->batch, x_);
      step->advance(rule_->theta, phi_, x_, next_);
      phi_.swap(next_);
    }
  }

 private:
  std::shared_ptr<Shared> rule_;
  StepShape shape_;
  std::int64_t done_ = 0;
  std::vector<float> next_, x_;
};

}  // namespace

Method learned_method(const Config& config, std::vector<float> theta, std::optional<std::int64_t> chosen) {
  std::set<std::int64_t> marks = {10, 25, 50, 100};
  if (chosen) marks.insert(*chosen);
  const auto rule = std::make_shared<Shared>(config, std::move(theta));
  return {.name = method_name(config.rule.rule),
          .settings = fmt::format("inner rate {}", config.rule.inner_rate),
          .sees = Sees::unlabelled,
          .marks = {marks.begin(), marks.end()},
          .chosen = chosen,
          .batch = config.batch,
          .start = [rule](const Start& s) { return std::make_unique<Learned>(s, rule); }};
}

}  // namespace metalearn
