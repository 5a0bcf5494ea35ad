#include "metalearn/baselines/base_learner.hpp"
#include "metalearn/baselines/methods.hpp"

namespace metalearn {

Method random_method() {
  return {.name = "random",
          .summary = "the base model as initialised",
          .settings = "none",
          .start = [](const Start& s) { return std::make_unique<BaseLearner>(s); }};
}

}  // namespace metalearn
