#include "tools/cli/theta_notes.hpp"

#include <fmt/format.h>

#include "metalearn/config/config_key.hpp"
#include "metalearn/data/overlap.hpp"
#include "tools/cli/say.hpp"

namespace tools {

using metalearn::ConfigKey;

void note_departures(const metalearn::Config& now, const metalearn::Config& trained,
                     const std::string& file) {
  for (const ConfigKey& key : metalearn::keys_where(&ConfigKey::is_trained_with))
    if (const auto is = key.text(now), was = key.text(trained); is != was)
      say(stderr, "note: --{} is {}, {} was trained with {}\n", key.name, is, file, was);
}

void note_overlap(const metalearn::TrainedTheta& theta,
                  const std::vector<std::shared_ptr<const metalearn::Dataset>>& sets,
                  const std::string& advice) {
  if (theta.provenance.empty()) {
    say(stderr, "note: the training data of {} is not known; it may include the data used here\n",
        theta.file);
    return;
  }
  for (const auto& set : sets)
    if (const auto shared = metalearn::shared_files(theta.provenance, set->provenance); !shared.empty())
      say(stderr, "note: data '{}' was in the training set of {} ({}{}){}\n", set->name, theta.file,
          shared.front(), shared.size() > 1 ? fmt::format(" and {} more", shared.size() - 1) : "", advice);
}

}  // namespace tools
