// Stop: called between pieces of work; true asks for the rest to be abandoned. Empty: never. A function that
// takes one may call it from any of its threads.
#pragma once
#include <functional>

namespace metalearn {

using Stop = std::function<bool()>;

inline bool asked(const Stop& stop) { return stop && stop(); }

}  // namespace metalearn
