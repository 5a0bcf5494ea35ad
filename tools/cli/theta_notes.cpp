#include "tools/cli/theta_notes.hpp"

#include <fmt/format.h>

#include "metalearn/data/overlap.hpp"
#include "tools/cli/say.hpp"

namespace tools {

void note_departures(const metalearn::Config& now, const metalearn::Config& trained,
                     const std::string& file) {
  for (const char* key : {"inner-rate", "batch", "activation"})
    if (const auto is = now.to_map().at(key), was = trained.to_map().at(key); is != was)
      say(stderr, "note: --{} is {}, {} was trained with {}\n", key, is, file, was);
}

void note_overlap(const metalearn::TrainedTheta& theta,
                  const std::vector<std::shared_ptr<const metalearn::Dataset>>& sets,
                  const std::string& advice) {
  if (theta.provenance.empty()) {
    say(stderr,
        "note: what {} was trained on is not known, nor whether it has seen what it is evaluated on\n",
        theta.file);
    return;
  }
  for (const auto& set : sets)
    if (const auto shared = metalearn::shared_files(theta.provenance, set->provenance); !shared.empty())
      say(stderr, "note: data '{}' was in the training set of {} ({}{}){}\n", set->name, theta.file,
          shared.front(), shared.size() > 1 ? fmt::format(" and {} more", shared.size() - 1) : "", advice);
}

}  // namespace tools
