// Stop: asked between pieces of work whether the rest is to be left. Empty: never. Whoever takes one may ask
// it from any of its threads.
#pragma once
#include <functional>

namespace metalearn {

using Stop = std::function<bool()>;

inline bool asked(const Stop& stop) { return stop && stop(); }

}  // namespace metalearn
