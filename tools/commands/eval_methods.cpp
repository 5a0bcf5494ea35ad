#include "tools/commands/eval_methods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "checkpoints/error.hpp"
#include "metalearn/evaluate/comparison.hpp"
#include "metalearn/report/evaluation_files.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/plus_minus.hpp"
#include "tools/cli/say.hpp"

namespace tools {
namespace {

using checkpoints::UsageError;
using metalearn::Interval;
using metalearn::Method;
using metalearn::MethodRow;
using metalearn::TrainedTheta;

struct Table {
  std::string data;
  std::vector<MethodRow> rows;
};

/// Seed i gives the same task and phi_0 as seed i of eval with a theta.
std::vector<metalearn::Task> tasks_of(const std::shared_ptr<const metalearn::Dataset>& set,
                                      const MethodsRequest& request) {
  std::vector<metalearn::Task> tasks;
  const auto& o = request.options;
  for (std::int64_t i = 0; i < o.seeds; ++i)
    tasks.push_back(metalearn::evaluation_seed(set, o.hidden, request.config.task, o.seed, i, o.permutation));
  return tasks;
}

/// A method that can be scored at none of the evaluation steps is refused if it was named, and left out of
/// `all`.
void require_marks(std::vector<Method>& methods, const std::vector<std::string>& names,
                   const metalearn::ComparisonOptions& options) {
  std::erase_if(methods, [&](const Method& m) {
    if (!marks_of(m, options).empty()) return false;
    const std::string why =
        fmt::format("{} cannot be scored at any of the --steps {}", m.name, fmt::join(options.steps, ","));
    if (std::find(names.begin(), names.end(), m.name) != names.end())
      throw UsageError(fmt::format("{}; give an evaluation step of {} or more, or leave it out of --methods",
                                   why, m.first_mark));
    say(stderr, "note: {} and is left out; it needs an evaluation step of {} or more\n", why, m.first_mark);
    return true;
  });
}

/// At most one theta for each rule.
std::vector<metalearn::Rule> rules_of(const std::vector<TrainedTheta>& thetas) {
  std::vector<metalearn::Rule> rules;
  for (const auto& theta : thetas) {
    for (const auto& rule : rules)
      if (rule.config.rule.rule == theta.config.rule.rule)
        throw UsageError(fmt::format("--theta is given twice for the rule {}; give one theta per rule",
                                     rule.config.rule.rule));
    rules.push_back({theta.config, theta.theta, theta.mark});
  }
  return rules;
}

void require_use(const std::vector<TrainedTheta>& thetas, const std::vector<Method>& methods) {
  for (const auto& theta : thetas)
    if (const std::string name = metalearn::method_name(theta.config.rule.rule);
        std::none_of(methods.begin(), methods.end(), [&](const Method& m) { return m.name == name; }))
      throw UsageError(
          fmt::format("{} has no effect: --methods does not name {}, the method of its rule; add it, or "
                      "leave out this --theta",
                      theta.file, name));
}

void note_bad_fits(const Table& table, std::int64_t fits) {
  for (const MethodRow& row : table.rows) {
    if (row.not_finite > 0 && row.head == metalearn::kHeads[0])  // the heads share the features
      say(stderr,
          "note: {}: {} diverged: after {} steps {} of {} fits have non-finite features; they count as "
          "accuracy 0\n",
          table.data, row.method, row.step, row.not_finite, fits);
    if (row.not_converged > 0)
      say(stderr, "note: {}: {} after {} steps: {} of {} fits of {} did not converge\n", table.data,
          row.method, row.step, row.not_converged, fits, to_string(row.head));
  }
}

Json json_report(const MethodsRequest& request, const std::vector<Method>& methods,
                 const std::vector<Table>& tables) {
  Json json = {{"results", Json::array()}, {"methods", Json::object()}};
  for (const auto& table : tables)
    for (const auto& row : table.rows)
      json["results"].push_back(metalearn::report::row_json(row, table.data));
  for (const auto& m : methods)
    json["methods"][m.name] = {{"settings", m.settings},
                               {"batch", m.batch},
                               {"chosen_step", m.chosen ? Json(*m.chosen) : Json(nullptr)}};
  Json data = Json::array(), thetas = Json::array();
  for (const auto& set : request.sets) data.push_back({{"name", set->name}, {"split", set->split_note}});
  for (const auto& theta : request.thetas)
    thetas.push_back({{"file", theta.file},
                      {"label", theta.label},
                      {"update", theta.update},
                      {"rule", theta.config.rule.rule}});
  json["protocol"] = {{"data", data},
                      {"theta", thetas},
                      {"seed", request.options.seed},
                      {"permutation", request.options.permutation},
                      {"labels_per_class", request.config.task.labels_per_class},
                      {"draws", request.options.draws},
                      {"seeds", request.options.seeds},
                      {"layers", request.options.hidden},
                      {"representation", request.config.rule.N_L},
                      {"resolution", request.config.task.resolution}};
  return json;
}

std::string show(const Interval& i, bool sign = false) {
  if (std::isnan(i.mean)) return "";
  return plus_minus(i.mean, i.half_width, sign ? "{:+.4f}" : "{:.4f}");
}

bool is_chosen(const Method& method, const MethodRow& row) {
  return row.method == method.name && row.step == method.chosen;
}

bool any_row(const std::vector<Table>& tables, const std::function<bool(const MethodRow&)>& holds) {
  return std::any_of(tables.begin(), tables.end(),
                     [&](const Table& t) { return std::any_of(t.rows.begin(), t.rows.end(), holds); });
}

/// One line per data set, method and evaluation step; a column per head.
void print_tables(const std::vector<Method>& methods, const std::vector<Table>& tables) {
  std::size_t width = 4;
  for (const auto& table : tables) width = std::max(width, table.data.size());
  say("{:<{}}  {:<14}{:>6}{:>12}", "data", width, "method", "step", "unlabelled");
  for (const auto head : metalearn::kHeads) say("{:>19}", to_string(head));
  say("{:>21}\n", "gain (ridge), paired");
  for (const auto& table : tables)
    for (std::size_t i = 0; i < table.rows.size(); i += std::size(metalearn::kHeads)) {
      const MethodRow& row = table.rows[i];
      const bool starred =
          std::any_of(methods.begin(), methods.end(), [&](const Method& m) { return is_chosen(m, row); });
      say("{:<{}}  {:<14}{:>6}{:>12}", table.data, width, row.method,
          fmt::format("{}{}", row.step, starred ? "*" : ""),
          row.labelled > 0 ? fmt::format("({})", row.labelled) : fmt::format("{}", row.unlabelled));
      for (std::size_t h = 0; h < std::size(metalearn::kHeads); ++h)
        say("{:>19}", show(table.rows[i + h].accuracy) + (table.rows[i + h].not_finite > 0 ? " !" : ""));
      say("{:>21}\n", row.method == "random" ? "" : show(row.gain, true));
    }
}

void print_protocol(const MethodsRequest& request, const std::vector<Method>& methods,
                    const std::vector<Table>& tables) {
  const auto& o = request.options;
  say("\n{} seeds, {} draws each: {} labels per class and the same number of test examples; mean and half "
      "width of the 95 % confidence interval over seeds.\n",
      o.seeds, o.draws, request.config.task.labels_per_class);
  say("gain: over random, on the same draws. unlabelled: examples of the train split that were seen, repeats "
      "included; in brackets: seen with their labels\n");
  for (const auto& m : methods)
    if (any_row(tables, [&](const MethodRow& row) { return is_chosen(m, row); })) {
      const bool said = std::any_of(request.thetas.begin(), request.thetas.end(), [&](const auto& theta) {
        return theta.mark == m.chosen && theta.label.starts_with(metalearn::kMeanLabel);
      });
      say("*: {}: evaluation step {}: {} inner steps\n", m.name,
          said ? "stored with theta" : "chosen on meta-validation tasks", *m.chosen);
    }
  if (any_row(tables, [](const MethodRow& row) { return row.not_finite > 0; }))
    say("!: some fits have non-finite features; they count as accuracy 0\n");
  say("base: inputs-{}-{}\n", fmt::join(o.hidden, "-"), request.config.rule.N_L);
  for (const auto& m : methods)
    if (m.settings != "none")
      say("{}: {}{}\n", m.name, m.settings,
          m.unlabelled(1) + m.labelled(1) > 0 ? fmt::format(", batch {}", m.batch) : "");
}

}  // namespace

int eval_methods(const MethodsRequest& request) {
  std::vector<std::string> left_out;
  auto methods = make_methods(request.names, rules_of(request.thetas), left_out);
  require_use(request.thetas, methods);
  if (!left_out.empty())
    say(stderr, "note: left out, as their rule has no --theta: {}\n", fmt::join(left_out, ", "));
  const metalearn::ComparisonOptions options{request.options.steps, request.options.draws,
                                             request.options.seed, request.config.rule.activation,
                                             request.options.threads};
  require_marks(methods, request.names, options);
  std::vector<Table> tables;
  for (const auto& set : request.sets) {
    tables.push_back({set->name, metalearn::compare(methods, tasks_of(set, request),
                                                    request.config.task.labels_per_class, options)});
    note_bad_fits(tables.back(), request.options.seeds * request.options.draws);
  }

  const Json json = json_report(request, methods, tables);
  if (request.out) request.out.write(to_text(json));
  if (request.json) {
    print_json(json);
    return 0;
  }
  for (const auto& theta : request.thetas)
    say("theta: {}\n       {} of update {}, rule {}\n", theta.file, theta.label, theta.update,
        theta.config.rule.rule);
  for (const auto& set : request.sets) say("data:  {}: {}\n", set->name, set->split_note);
  say("\n");
  print_tables(methods, tables);
  print_protocol(request, methods, tables);
  return 0;
}

}  // namespace tools
