#include "metalearn/baselines/methods.hpp"

namespace metalearn {
namespace {

class Pixels : public Learner {
 public:
  explicit Pixels(std::int64_t inputs) : inputs_(inputs) {}
  void learn(std::int64_t) override {}
  Matrix features(const LabelledDraw& draw) override { return as_rows(draw.x, inputs_); }

 private:
  std::int64_t inputs_;
};

}  // namespace

Method pixels_method() {
  return {
      .name = "pixels", .summary = "the inputs themselves", .settings = "none", .start = [](const Start& s) {
        return std::make_unique<Pixels>(s.task.widths().front());
      }};
}

}  // namespace metalearn
