#include "metalearn/data/dataset.hpp"

#include <fmt/format.h>

#include "checkpoints/error.hpp"

namespace metalearn {

void require_own_examples(const Dataset& set) {
  if (set.make)
    throw checkpoints::UsageError(
        fmt::format("data '{}' is synthetic and holds no examples: every task has a set of its own (eval "
                    "--held-out has such tasks); give --data NAME=DIR",
                    set.name));
}

}  // namespace metalearn
