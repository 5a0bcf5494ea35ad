// plan --training: how long a training will take, here and on several machines.
#pragma once
#include "tools/commands/commands.hpp"

namespace tools {

int plan_training(const Words& words);

}  // namespace tools
