// Long because it is one comparison, array by array, in the order in which a step computes them.
#include "metalearn/steps/reference_vectors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "autodiff/ops/layout.hpp"
#include "autodiff/plan/plan.hpp"
#include "autodiff/testing/largest_error.hpp"
#include "checkpoints/error.hpp"
#include "checkpoints/image.hpp"
#include "metalearn/model/meta_objective.hpp"
#include "metalearn/rules/update_rule.hpp"
#include "metalearn/steps/inner_step.hpp"
#include "metalearn/steps/reference_setup.hpp"

namespace metalearn {

namespace {

using autodiff::Graph;
using autodiff::keep_largest;
using autodiff::Shape;
using autodiff::Var;
using checkpoints::Archive;
using checkpoints::BadData;

constexpr double kValueTolerance = 1e-10, kGradientTolerance = 1e-8, kZeroGradient = 1e-12;

// An array of the file, of this shape and with finite numbers.
const std::vector<double>& finite(const Archive& file, const std::string& path,
                                  const std::vector<std::int64_t>& shape) {
  const auto& numbers = file.numbers<double>(path, shape);
  for (double x : numbers)
    if (!std::isfinite(x))
      throw BadData(fmt::format("{}: /{} holds {} (a reference must be finite)", file.name(), path, x));
  return numbers;
}

// Grows with the arrays actually in the file, not with the sizes in its configuration.
std::vector<double> flat(const Archive& file, const std::string& group, const TensorList& spec) {
  std::vector<double> values;
  for (const TensorSpec& t : spec.tensors) {
    const auto& numbers = finite(file, group + "/" + t.name, t.shape);
    values.insert(values.end(), numbers.begin(), numbers.end());
  }
  return values;
}

// [a, b, ..] -> [b, a, ..]: the files are example-major, the program unit-major.
std::vector<double> swap_leading(std::span<const double> x, std::int64_t a, std::int64_t b) {
  const auto rest = static_cast<std::int64_t>(x.size()) / (a * b);
  std::vector<double> y(x.size());
  for (std::int64_t i = 0; i < a; ++i)
    for (std::int64_t j = 0; j < b; ++j)
      std::copy_n(x.begin() + (i * b + j) * rest, rest, y.begin() + (j * a + i) * rest);
  return y;
}

class Comparison {
 public:
  explicit Comparison(const Archive& file) : file_(file) {
    for (const auto& [path, array] : file.arrays())
      if (path.starts_with("grad/"))
        if (const auto* v = std::get_if<std::vector<double>>(&array.data))
          keep_largest(largest_gradient_, largest_magnitude(*v));
  }

  // Compares if the file holds it.
  void value(const std::string& group, const std::string& path, const std::vector<std::int64_t>& shape,
             std::span<const double> computed) {
    compare(group, path, shape, computed, false);
  }
  void gradient(const std::string& group, const std::string& path, const std::vector<std::int64_t>& shape,
                std::span<const double> computed) {
    compare(group, path, shape, computed, true);
  }

  VectorReport report() {
    VectorReport r;
    for (const auto& name : order_) {
      r.groups.push_back(groups_[name]);
      r.ok = r.ok && groups_[name].ok;
    }
    if (order_.empty())
      throw BadData(file_.name() +
                    ": holds nothing to compare: none of /step0, /phi, /objective, /objective_sum, "
                    "/objective_parts_1, /grad");
    // An array in the file that was not compared would be a silent gap.
    for (const auto& [path, array] : file_.arrays())
      if (!compared_.count(path))
        for (const char* known : {"step0/", "phi/", "objective", "grad/"})
          if (path.starts_with(known))
            throw BadData(fmt::format("{}: /{} is not a name of this layout", file_.name(), path));
    return r;
  }

 private:
  void compare(const std::string& group, const std::string& path, const std::vector<std::int64_t>& shape,
               std::span<const double> computed, bool is_gradient) {
    if (!file_.find(path)) return;
    const auto& reference = finite(file_, path, shape);
    compared_.insert(path);
    const bool counts_as_zero =
        is_gradient && largest_magnitude(reference) < kZeroGradient * largest_gradient_;
    const double relative = counts_as_zero ? largest_magnitude(computed) / largest_gradient_
                                           : relative_error(reference, computed);
    const double tolerance = is_gradient ? kGradientTolerance : kValueTolerance;
    if (!groups_.count(group)) order_.push_back(group);
    VectorGroup& g = groups_[group];
    g.name = group;
    g.tolerance = tolerance;
    ++g.arrays;
    const double before = g.worst;
    keep_largest(g.worst, relative);
    if (g.worst_array.empty() || g.worst > before || std::isnan(relative)) g.worst_array = path;
    if (!(relative <= tolerance)) g.ok = false;
  }

  const Archive& file_;
  double largest_gradient_ = 0;
  std::map<std::string, VectorGroup> groups_;
  std::vector<std::string> order_;
  std::set<std::string> compared_;
};

// Probed intermediates of a recorded graph, run once.
struct Probed {
  std::vector<std::pair<std::string, Var>> values;
  void compare(const std::vector<Var>& inputs, const std::vector<const double*>& in,
               const std::string& prefix, bool by_group, Comparison& comparison) const {
    std::vector<Var> outputs;
    std::vector<std::vector<double>> results;
    std::vector<double*> out;
    for (const auto& [name, v] : values) {
      outputs.push_back(v);
      results.emplace_back(static_cast<std::size_t>(v.shape().size()));
    }
    for (auto& r : results) out.push_back(r.data());
    autodiff::Arena arena;
    autodiff::Plan<double>(inputs, outputs).run(in, out, arena, autodiff::Parallel(1));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto& [name, v] = values[i];
      const std::string group = by_group ? prefix + "/" + name.substr(0, name.find('/')) : prefix;
      const auto shape = v.shape().extents();
      comparison.value(group, prefix + "/" + name, {shape.begin(), shape.end()}, results[i]);
    }
  }
};

std::vector<Var> tensors(Graph& graph, const TensorList& spec) {
  std::vector<Var> vars;
  for (const TensorSpec& t : spec.tensors)
    vars.push_back(graph.input(Shape(std::span<const autodiff::Index>(t.shape)), t.name));
  return vars;
}

void point(const TensorList& spec, const std::vector<double>& values, std::vector<const double*>& in) {
  for (const TensorSpec& t : spec.tensors) in.push_back(values.data() + t.offset);
}

// Transposes arrays that the specification writes [example, unit, ..] while they are recorded; weights and
// increments stay as they are.
Var as_in_file(const std::string& name, Var v) {
  const std::string kind = name.substr(0, name.find('/'));
  if (name.ends_with("weight_stats") || kind == "terms" || kind.starts_with("change")) return v;
  return v.shape().rank() == 2 ? autodiff::transpose(v) : autodiff::transpose(v, {1, 0, 2});
}

void compare_first_step(const ReferenceSetup& s, const std::vector<double>& theta,
                        const std::vector<double>& phi0, const std::vector<double>& x,
                        Comparison& comparison) {
  const auto rule = make_update_rule(s.rule);
  const TensorList theta_list = rule->theta_spec(), phi_list = phi_spec(s.shape.widths);
  Graph graph;
  const auto t = tensors(graph, theta_list), p = tensors(graph, phi_list);
  const Var batch = graph.input(Shape{s.shape.widths.front(), s.shape.batch}, "x");
  Theta by_name;
  for (std::size_t i = 0; i < t.size(); ++i) by_name[theta_list.tensors[i].name] = t[i];
  Probed probed;
  rule->step(by_name, Phi::from_flat(p), batch,
             [&](const std::string& name, Var v) { probed.values.emplace_back(name, as_in_file(name, v)); });
  std::vector<Var> inputs(t);
  inputs.insert(inputs.end(), p.begin(), p.end());
  inputs.push_back(batch);
  std::vector<const double*> in;
  point(theta_list, theta, in);
  point(phi_list, phi0, in);
  in.push_back(x.data());
  probed.compare(inputs, in, "step0", true, comparison);
}

void compare_objective_parts(const ReferenceSetup& s, const std::vector<double>& phi1,
                             const LabelledPair<double>& pair, Comparison& comparison) {
  const TensorList phi_list = phi_spec(s.shape.widths);
  const auto n = s.shape.labelled();
  Graph graph;
  const auto p = tensors(graph, phi_list);
  const Var x = graph.input(Shape{s.shape.widths.front(), 2 * n}, "x"),
            y = graph.input(Shape{2, n, s.shape.classes}, "targets");
  const Objective o = meta_objective(Phi::from_flat(p), x, y, s.rule.activation, s.rule.ridge);
  const auto half = [&](autodiff::Index i) {
    return autodiff::reshape(autodiff::slice(y, 0, i, i + 1), Shape{n, s.shape.classes});
  };
  const Probed probed{{{"features_a", autodiff::transpose(o.features_a)},
                       {"features_b", autodiff::transpose(o.features_b)},
                       {"ya", half(0)},
                       {"yb", half(1)},
                       {"v", o.v},
                       {"pred", o.predictions},
                       {"mse", o.mse},
                       {"reg", o.penalty}}};
  std::vector<Var> inputs(p);
  inputs.push_back(x);
  inputs.push_back(y);
  std::vector<const double*> in;
  point(phi_list, phi1, in);
  in.push_back(pair.x.data());
  in.push_back(pair.targets.data());
  probed.compare(inputs, in, "objective_parts_1", false, comparison);
}

}  // namespace

double largest_magnitude(std::span<const double> values) {
  double largest = 0;
  for (double x : values) keep_largest(largest, std::abs(x));
  return largest;
}

double relative_error(std::span<const double> reference, std::span<const double> computed) {
  double error = 0;
  for (std::size_t i = 0; i < reference.size(); ++i)
    keep_largest(error, std::abs(reference[i] - computed[i]));
  const double largest = largest_magnitude(reference);
  return largest > 0 ? error / largest : error;
}

VectorReport check_reference_vectors(const std::string& path) {
  const Archive file = checkpoints::read_archive(path);
  const ReferenceSetup s = read_reference_setup(file);
  const auto T = s.steps, B = s.shape.batch, N0 = s.shape.widths.front(), n = s.shape.labelled(),
             A = s.shape.averages, C = s.shape.classes;
  const TensorList theta_list = theta_spec(s.rule), phi_list = phi_spec(s.shape.widths);
  const auto theta = flat(file, "theta", theta_list), phi0 = flat(file, "phi0", phi_list);

  std::vector<std::vector<double>> x;
  const auto& inner_x = finite(file, "inner_x", {T, B, N0});
  for (std::int64_t t = 0; t < T; ++t)
    x.push_back(swap_leading(
        std::span(inner_x).subspan(static_cast<std::size_t>(t * B * N0), static_cast<std::size_t>(B * N0)), B,
        N0));

  // Labelled pairs: [t][average], batch a then b.
  struct Pair {
    std::vector<double> x, targets;
  };
  std::vector<std::vector<Pair>> pairs(static_cast<std::size_t>(T + 1));
  const auto &xa = finite(file, "meta/xa", {T + 1, A, n, N0}),
             &xb = finite(file, "meta/xb", {T + 1, A, n, N0});
  const auto &ya = file.numbers<std::int32_t>("meta/ya", {T + 1, A, n}),
             &yb = file.numbers<std::int32_t>("meta/yb", {T + 1, A, n});
  for (const auto* labels : {&ya, &yb})
    for (std::int32_t label : *labels)
      if (label < 0 || label >= C)
        throw BadData(
            fmt::format("{}: /meta holds the label {} (allowed: 0 to {})", file.name(), label, C - 1));
  for (std::int64_t t = 0; t <= T; ++t)
    for (std::int64_t i = 0; i < A; ++i) {
      const auto at = static_cast<std::size_t>((t * A + i) * n);
      Pair pair;
      const auto rows = [&](const std::vector<double>& of) {
        return std::span(of).subspan(at * static_cast<std::size_t>(N0), static_cast<std::size_t>(n * N0));
      };
      std::vector<double> both(rows(xa).begin(), rows(xa).end());
      both.insert(both.end(), rows(xb).begin(), rows(xb).end());
      pair.x = swap_leading(both, 2 * n, N0);
      pair.targets.resize(static_cast<std::size_t>(2 * n * C));
      standardise_targets<double>(std::span(ya).subspan(at, static_cast<std::size_t>(n)), C,
                                  std::span(pair.targets).first(static_cast<std::size_t>(n * C)));
      standardise_targets<double>(std::span(yb).subspan(at, static_cast<std::size_t>(n)), C,
                                  std::span(pair.targets).last(static_cast<std::size_t>(n * C)));
      pairs[static_cast<std::size_t>(t)].push_back(std::move(pair));
    }
  const auto view = [&](std::int64_t t) {
    std::vector<LabelledPair<double>> views;
    for (const Pair& p : pairs[static_cast<std::size_t>(t)]) views.push_back({p.x, p.targets});
    return views;
  };

  InnerStep<double> step(s.rule, s.shape);
  Comparison comparison(file);
  compare_first_step(s, theta, phi0, x[0], comparison);

  std::vector<std::vector<double>> phi{phi0};
  std::vector<double> objective{step.score(phi0, view(0))};
  double sum = 0;
  for (std::int64_t t = 1; t <= T; ++t) {
    phi.emplace_back(phi0.size());
    step.advance(theta, phi[static_cast<std::size_t>(t - 1)], x[static_cast<std::size_t>(t - 1)], phi.back());
    objective.push_back(step.score(phi.back(), view(t)));
    sum += objective.back();
    for (const TensorSpec& tensor : phi_list.tensors)
      comparison.value(
          "phi", fmt::format("phi/{}/{}", t, tensor.name), tensor.shape,
          std::span(phi.back())
              .subspan(static_cast<std::size_t>(tensor.offset), static_cast<std::size_t>(tensor.size())));
  }
  comparison.value("objective", "objective", {T + 1}, objective);
  comparison.value("objective", "objective_sum", {}, std::span(&sum, 1));
  compare_objective_parts(s, phi[1], view(1)[0], comparison);

  std::vector<double> adjoint_next(phi0.size(), 0.0), adjoint(phi0.size()), next(phi0.size()),
      contribution(theta.size()), gradient(theta.size(), 0.0);
  for (std::int64_t t = T; t-- > 0;) {
    const auto i = static_cast<std::size_t>(t);
    step.turn({.theta = theta, .phi = phi[i], .x = x[i], .pairs = view(t + 1), .adjoint_next = adjoint_next},
              next, adjoint, contribution);
    adjoint_next = adjoint;
    std::transform(gradient.begin(), gradient.end(), contribution.begin(), gradient.begin(), std::plus<>());
  }
  const auto compare_gradients = [&](const std::string& group, const TensorList& list,
                                     const std::vector<double>& values) {
    for (const TensorSpec& t : list.tensors)
      comparison.gradient(
          group, group + "/" + t.name, t.shape,
          std::span(values).subspan(static_cast<std::size_t>(t.offset), static_cast<std::size_t>(t.size())));
  };
  compare_gradients("grad/theta", theta_list, gradient);
  compare_gradients("grad/phi0", phi_list, adjoint);

  VectorReport report = comparison.report();
  report.configuration = fmt::format(
      "widths {}, {}, B={}, T={}, A={}, H={} Q={}, S={} P={}, D={}, G={}, lambda={}, identical_updates={}",
      fmt::format("{}", fmt::join(s.shape.widths, "-")), to_string(s.rule.activation), B, T, A, s.rule.H,
      s.rule.Q, s.rule.S, s.rule.P, s.rule.D, s.rule.G, s.rule.inner_rate, s.rule.identical_updates);
  return report;
}

}  // namespace metalearn
