#include "autodiff/testing/gradcheck.hpp"

#include <algorithm>
#include <cmath>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/plan/plan.hpp"
#include "autodiff/testing/largest_error.hpp"
#include "autodiff/transform/differentiate.hpp"

namespace autodiff {

namespace {

// A simple random generator, good enough to choose directions.
double uniform(std::uint64_t& state) {
  state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return static_cast<double>(state >> 11) * 0x1p-52 - 1;
}

Var project(Var y, std::uint64_t seed) {
  std::vector<double> direction(static_cast<std::size_t>(y.shape().size()));
  std::uint64_t state = seed * 77 + 12345;
  for (double& d : direction) d = uniform(state);
  return sum_all(y * y.graph().constant(y.shape(), std::move(direction)));
}

std::vector<std::vector<double>> evaluate(const Plan<double>& plan,
                                          std::span<const std::vector<double>> values,
                                          std::span<const Var> outputs, Arena& arena) {
  std::vector<const double*> in;
  for (const auto& v : values) in.push_back(v.data());
  std::vector<std::vector<double>> results;
  std::vector<double*> out;
  for (Var v : outputs) results.emplace_back(static_cast<std::size_t>(v.shape().size()));
  for (auto& r : results) out.push_back(r.data());
  plan.run(in, out, arena, Parallel(1));
  return results;
}

double check(const Recorded& scalar, std::span<const Shape> shapes,
             std::span<const std::vector<double>> values, GradcheckOptions options) {
  Graph graph;
  std::vector<Var> inputs;
  for (std::size_t i = 0; i < shapes.size(); ++i)
    inputs.push_back(graph.input(shapes[i], "x" + std::to_string(i)));
  const Var y = scalar(inputs);
  const std::vector<Var> adjoints = gradient(y, inputs);
  const Plan<double> value(inputs, std::span(&y, 1)), reverse(inputs, adjoints);
  Arena arena;
  const auto analytic = evaluate(reverse, values, adjoints, arena);
  std::vector<std::vector<double>> x(values.begin(), values.end());
  double worst = 0, largest = options.floor;
  std::uint64_t state = options.seed;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool all = x[i].size() <= static_cast<std::size_t>(options.probes);
    for (std::size_t probe = 0; probe < std::min(x[i].size(), static_cast<std::size_t>(options.probes));
         ++probe) {
      const std::size_t e =
          all ? probe
              : static_cast<std::size_t>((uniform(state) + 1) / 2 * static_cast<double>(x[i].size())) %
                    x[i].size();
      const double kept = x[i][e], h = options.step * std::max(1.0, std::abs(kept));
      x[i][e] = kept + h;
      const double up = evaluate(value, x, std::span(&y, 1), arena)[0][0];
      x[i][e] = kept - h;
      const double down = evaluate(value, x, std::span(&y, 1), arena)[0][0];
      x[i][e] = kept;
      const double numeric = (up - down) / (2 * h);
      largest = std::max(largest, std::abs(numeric));
      keep_largest(worst, std::abs(numeric - analytic[i][e]));
    }
  }
  return worst / largest;
}

}  // namespace

double gradcheck(const Recorded& f, std::span<const Shape> shapes,
                 std::span<const std::vector<double>> values, GradcheckOptions options) {
  return check([&](std::span<const Var> in) { return project(f(in), options.seed); }, shapes, values,
               options);
}

double gradcheck_second(const Recorded& f, std::span<const Shape> shapes,
                        std::span<const std::vector<double>> values, GradcheckOptions options) {
  const auto first = [&](std::span<const Var> in) {
    const std::vector<Var> adjoints = gradient(project(square(f(in)), options.seed), in);
    Var sum;
    for (std::size_t i = 0; i < adjoints.size(); ++i) {
      const Var part = project(adjoints[i], options.seed + 1 + i);
      sum = sum ? sum + part : part;
    }
    return sum;
  };
  return check(first, shapes, values, options);
}

}  // namespace autodiff
