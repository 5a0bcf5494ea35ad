// Dispatch: chooses the level whose table is used, once, at first use. Compiled for the lowest level.
// Thread-safe.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "autodiff/kernels/levels.hpp"

namespace autodiff::kernels {

namespace {

struct Level {
  std::string_view name;
  const Kernels<float>* float_kernels;
  const Kernels<double>* double_kernels;
};

#ifdef AUTODIFF_HAS_V2
bool machine_has_v2() {
  return __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.2") &&
         __builtin_cpu_supports("popcnt");
}
bool machine_has_v3() {
  return machine_has_v2() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}
bool machine_has_v4() {
  return machine_has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
#endif

/// The levels that this build has and this machine supports, lowest first.
std::vector<Level> find_levels() {
  std::vector<Level> levels = {{"scalar", &scalar::float_kernels, &scalar::double_kernels}};
#ifdef AUTODIFF_HAS_V2
  __builtin_cpu_init();
  if (machine_has_v2()) levels.push_back({"v2", &v2::float_kernels, &v2::double_kernels});
  if (machine_has_v3()) levels.push_back({"v3", &v3::float_kernels, &v3::double_kernels});
  if (machine_has_v4()) levels.push_back({"v4", &v4::float_kernels, &v4::double_kernels});
#endif
  return levels;
}

const std::vector<Level>& levels() {
  static const std::vector<Level> found = find_levels();
  return found;
}

const Level* find(std::string_view isa) {
  const auto it =
      std::find_if(levels().begin(), levels().end(), [&](const Level& level) { return level.name == isa; });
  return it == levels().end() ? nullptr : &*it;
}

struct Choice {
  Level level;
  std::string note;
};

Choice choose() {
  const Level& best = levels().back();
  const char* wanted = std::getenv("METALEARN_ISA");
  if (!wanted || !*wanted) return {best, ""};
  if (const Level* level = find(wanted)) return {*level, ""};
  std::string names;
  for (const Level& level : levels()) names += (names.empty() ? "" : ", ") + std::string(level.name);
  return {best, "METALEARN_ISA=" + std::string(wanted) + " is not available here (" + names + "); using " +
                    std::string(best.name)};
}

const Choice& choice() {
  static const Choice chosen = choose();
  return chosen;
}

}  // namespace

template <>
const Kernels<float>& active<float>() {
  return *choice().level.float_kernels;
}
template <>
const Kernels<double>& active<double>() {
  return *choice().level.double_kernels;
}

template <>
const Kernels<float>* table<float>(const char* isa) {
  const Level* level = find(isa);
  return level ? level->float_kernels : nullptr;
}
template <>
const Kernels<double>* table<double>(const char* isa) {
  const Level* level = find(isa);
  return level ? level->double_kernels : nullptr;
}

const char* isa_note() { return choice().note.c_str(); }

}  // namespace autodiff::kernels
