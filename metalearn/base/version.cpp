#include "metalearn/base/version.hpp"

namespace metalearn {

const char* const kVersion = METALEARN_VERSION;

}  // namespace metalearn
