#include "bench/profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "bench/timing.hpp"

namespace bench {

namespace {

std::vector<Json> costliest_first(const Json& entries) {
  std::vector<Json> sorted(entries.begin(), entries.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const Json& a, const Json& b) {
    return a["ms"].get<double>() > b["ms"].get<double>();
  });
  return sorted;
}

}  // namespace

Json profile(const Preset& preset, int threads, double seconds) {
  Turn turn(preset, threads);
  turn.run();
  std::vector<autodiff::KernelTiming> best = turn.profile();
  sample_for(seconds, 3, [&](std::vector<double>& runs) {
    runs.push_back(0);
    const auto again = turn.profile();
    for (std::size_t i = 0; i < best.size(); ++i)
      best[i].seconds = std::min(best[i].seconds, again[i].seconds);
  });

  double total = 0;
  for (const auto& k : best) total += k.seconds;
  struct Sum {
    std::size_t kernels = 0;
    double seconds = 0, cost = 0;
  };
  std::map<std::string, Sum> by_op;
  Json kernels = Json::array(), ops = Json::array();
  for (const auto& k : best) {
    Sum& sum = by_op[k.op];
    sum = {sum.kernels + 1, sum.seconds + k.seconds, sum.cost + k.cost};
    kernels.push_back({{"op", k.op},
                       {"where", k.where},
                       {"ms", k.seconds * 1e3},
                       {"share", k.seconds / total},
                       {"multiply_adds", k.cost}});
  }
  for (const auto& [op, sum] : by_op)
    ops.push_back({{"op", op},
                   {"kernels", sum.kernels},
                   {"ms", sum.seconds * 1e3},
                   {"share", sum.seconds / total},
                   {"multiply_adds", sum.cost}});
  return {{"preset", preset.name},
          {"threads", threads},
          {"ms", total * 1e3},
          {"ops", costliest_first(ops)},
          {"kernels", kernels}};
}

void print_profile(const Json& profile, double peak, std::size_t most) {
  const auto line = [&](const Json& e, const std::string& what) {
    const double ms = e["ms"];
    fmt::print("{:>9.3f}  {:>5.1f} %  {:>6.1f} %  {}\n", ms, 100 * e["share"].get<double>(),
               2e-4 * e["multiply_adds"].get<double>() / ms / peak, what);
  };
  fmt::print("{}: {:.3f} ms, the sum of all kernels' smallest times\n\n{:>9}  {:>7}  {:>8}\n",
             profile["preset"].get<std::string>(), profile["ms"].get<double>(), "ms", "share", "of peak");
  for (const Json& op : profile["ops"])
    line(op, fmt::format("{} ({})", op["op"].get<std::string>(), op["kernels"].get<std::size_t>()));
  fmt::print("\nThe costliest kernels:\n");
  const auto sorted = costliest_first(profile["kernels"]);
  for (std::size_t i = 0; i < std::min(most, sorted.size()); ++i)
    line(sorted[i],
         fmt::format("{}, {}", sorted[i]["op"].get<std::string>(), sorted[i]["where"].get<std::string>()));
}

}  // namespace bench
