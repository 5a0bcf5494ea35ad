#include "metalearn/data/dataset.hpp"

#include <fmt/format.h>

#include "checkpoints/error.hpp"

namespace metalearn {

void require_own_examples(const Dataset& set) {
  if (set.make)
    throw checkpoints::UsageError(
        fmt::format("data '{}' is synthetic and has no examples of its own: each task generates its set "
                    "(eval --held-out uses such tasks); give --data NAME=DIR",
                    set.name));
}

}  // namespace metalearn
