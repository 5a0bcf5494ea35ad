// Headers that nearly every source of the libraries includes, compiled once: saves a third of their build
// time. Sources still include all that they use: the sanitizer presets build without this
// (CMAKE_DISABLE_PRECOMPILE_HEADERS).
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
