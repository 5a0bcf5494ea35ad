#include "tools/cli/theta_source.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <span>

#include "checkpoints/error.hpp"
#include "tools/cli/options.hpp"
#include "tools/cli/say.hpp"

// The file's bytes at build time.
asm(".pushsection .rodata\n"
    ".balign 64\n"
    ".global metalearn_kept_theta\n"
    "metalearn_kept_theta:\n"
    ".incbin \"" METALEARN_KEPT_THETA
    "\"\n"
    ".global metalearn_kept_theta_end\n"
    "metalearn_kept_theta_end:\n"
    ".byte 0\n"
    ".popsection\n");
extern "C" const std::byte metalearn_kept_theta[], metalearn_kept_theta_end[];

namespace tools {

metalearn::TrainedTheta load_theta(const std::string& word, bool raw) {
  require_input(word, "a snapshot (*.h5) or a run directory");
  metalearn::TrainedTheta theta = metalearn::load_trained_theta(word, raw);
  for (const auto& event : theta.events) say(stderr, "note: {}\n", event);
  return theta;
}

metalearn::TrainedTheta kept_theta(bool raw) {
  if (raw)
    throw checkpoints::UsageError(
        "--raw has no effect on the theta that comes with the program, which is only a moving average; leave "
        "it "
        "out, or give --theta FILE|RUN");
  return metalearn::parse_trained_theta({metalearn_kept_theta, metalearn_kept_theta_end},
                                        "theta-laptop (comes with the program)");
}

}  // namespace tools
