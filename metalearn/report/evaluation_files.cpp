#include "metalearn/report/evaluation_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "checkpoints/error.hpp"
#include "metalearn/evaluate/comparison.hpp"
#include "metalearn/evaluate/few_shot.hpp"
#include "metalearn/evaluate/sweep.hpp"

namespace metalearn::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxDepth = 8;  // nesting of lists and objects; an evaluation needs 4

/// NaN for null or a missing key.
double number_of(const Json& row, const std::string& key) {
  const auto found = row.find(key);
  return found == row.end() || found->is_null() ? kNone : found->get<double>();
}

Measured measured(const Json& row, const std::string& what) {
  Measured m{number_of(row, what + "_mean"), number_of(row, what + "_ci95")};
  if (std::isnan(m.half))
    m.half = half_width_95(number_of(row, what + "_se"), row.value("seeds", std::int64_t{0}));
  return m;
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

Score score_from(const Json& row, bool of_sweep) {
  Score s{row.at("data").get<std::string>(), row.at("method").get<std::string>(),
          row.value("head", std::string("ridge"))};
  if (of_sweep) s.value = text_of(row.at("value"));
  s.step = row.at("step").get<double>();
  s.seeds = number_of(row, "seeds");
  row.at("accuracy_mean");  // may be null: a base model that is no longer finite
  s.accuracy = measured(row, "accuracy"), s.objective = measured(row, "objective");
  s.seconds_per_step = number_of(row, "seconds_per_step");
  return s;
}

/// null if it is not finite.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

std::string protocol_of(const Json& protocol) {
  static const std::vector<std::pair<const char*, const char*>> kShown = {
      {"seeds", "seeds"},
      {"draws", "draws of labels"},
      {"labels_per_class", "labels per class"},
      {"labels-per-class", "labels per class"},
      {"activation", "activation"},
      {"inner-rate", "inner rate"},
      {"batch", "batch"}};
  std::string line;
  const auto add = [&](const std::string& part) { line += (line.empty() ? "" : "; ") + part; };
  for (const auto& [key, words] : kShown)
    if (const auto found = protocol.find(key); found != protocol.end())
      add(fmt::format("{}: {}", words, text_of(*found)));
  if (const auto layers = protocol.find("layers"); layers != protocol.end())
    add((layers->is_array() ? "hidden layers: " : "number of hidden layers: ") + layers->dump());
  const auto theta = protocol.find("theta");
  for (const Json& t : theta == protocol.end() ? Json::array()
                       : theta->is_array()     ? *theta
                                               : Json::array({*theta}))
    if (t.contains("update")) add("theta of update " + t.at("update").dump());
  return line;
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells(1);
  for (const char c : line) {
    if (c == ',')
      cells.emplace_back();
    else if (c != '\r')
      cells.back() += c;
  }
  return cells;
}

}  // namespace

Json row_json(const FewShotRow& row) {
  return {{"data", row.data},
          {"method", row.method},
          {"head", "ridge"},
          {"step", row.step},
          {"accuracy_mean", number(row.accuracy_mean)},
          {"accuracy_se", number(row.accuracy_se)},
          {"objective_mean", number(row.objective_mean)},
          {"gain_mean", number(row.gain_mean)},
          {"gain_se", number(row.gain_se)},
          {"seeds", row.seeds}};
}

Json row_json(const MethodRow& row, const std::string& data) {
  return {{"data", data},
          {"method", row.method},
          {"head", to_string(row.head)},
          {"step", row.step},
          {"unlabelled", row.unlabelled},
          {"labelled", row.labelled},
          {"accuracy_mean", number(row.accuracy.mean)},
          {"accuracy_se", number(row.accuracy.standard_error)},
          {"accuracy_ci95", number(row.accuracy.half_width)},
          {"objective_mean", number(row.objective.mean)},
          {"objective_se", number(row.objective.standard_error)},
          {"gain_mean", number(row.gain.mean)},
          {"gain_se", number(row.gain.standard_error)},
          {"gain_ci95", number(row.gain.half_width)},
          {"seeds", row.seeds},
          {"not_finite", row.not_finite},
          {"not_converged", row.not_converged}};
}

Json row_json(const SweepPlace& place, const FewShotRow& row) {
  Json json = {{"data", place.data},
               {"source", place.source},
               {"value", place.value},
               {"step", row.step},
               {"method", row.method},
               {"accuracy_mean", number(row.accuracy_mean)},
               {"accuracy_se", number(row.accuracy_se)},
               {"accuracy_ci95", number(half_width_95(row.accuracy_se, row.seeds))},
               {"objective_mean", number(row.objective_mean)},
               {"objective_se", number(row.objective_se)},
               {"gain_mean", number(row.gain_mean)},
               {"gain_se", number(row.gain_se)},
               {"seeds", row.seeds},
               {"seconds_per_step", number(row.seconds_per_step)}};
  if (!place.theta.empty()) json["theta"] = place.theta;
  return json;
}

Evaluation parse_evaluation(const std::string& text, const std::string& name, const std::string& axis) {
  try {
    bool is_shallow = true;  // deeper nesting is not an evaluation, and printing it could overflow the stack
    const Json json = Json::parse(text, [&](int depth, Json::parse_event_t, Json&) {
      return is_shallow = is_shallow && depth <= kMaxDepth;
    });
    if (!is_shallow)
      throw checkpoints::BadData(
          fmt::format("{}: is not the JSON of an evaluation; remove it and evaluate again", name));
    if (!axis.empty() && json.at("over") != axis)
      throw checkpoints::BadData(
          fmt::format("{}: holds a sweep over {}, not over {}; rename it to match its axis", name,
                      text_of(json.at("over")), axis));
    Evaluation e;
    if (!json.at("results").is_array())
      throw checkpoints::BadData(
          fmt::format("{}: its results are not a list; remove it and evaluate again", name));
    for (const Json& row : json.at("results")) e.scores.push_back(score_from(row, !axis.empty()));
    e.compares = json.contains("methods");
    if (const auto methods = json.find("methods"); methods != json.end())
      for (const auto& [method, facts] : methods->items())
        if (const double step = number_of(facts, "chosen_step"); std::isfinite(step)) e.chosen[method] = step;
    if (const auto protocol = json.find("protocol"); protocol != json.end())
      e.protocol = protocol_of(*protocol);
    return e;
  } catch (const Json::exception&) {
    throw checkpoints::BadData(fmt::format(
        "{}: is not the JSON of an evaluation, or a row lacks a value; remove it and evaluate again", name));
  }
}

Evaluation parse_evaluation_rows(const std::string& text, const std::string& name,
                                 std::vector<std::string>& problems) {
  static const std::vector<std::string> kColumns = {
      "update", "data", "step", "accuracy_mean", "accuracy_se", "objective_mean", "objective_se", "seeds"};
  std::map<std::string, std::size_t> place;
  std::size_t columns = 0, number = 0;
  const auto row_of = [&](const std::vector<std::string>& cells) {
    if (cells.size() != columns)
      throw std::invalid_argument(fmt::format("{} cells instead of {}", cells.size(), columns));
    const auto value = [&](const char* column) {
      const std::string& cell = cells[place.at(column)];
      char* rest = nullptr;
      const double v = cell.empty() ? kNone : std::strtod(cell.c_str(), &rest);
      if (!cell.empty() && *rest != '\0')
        throw std::invalid_argument(fmt::format("'{}' is not a number", cell));
      return v;
    };
    Score s{cells[place.at("data")], "learned", "ridge"};
    s.update = value("update"), s.step = value("step"), s.seeds = value("seeds");
    if (!std::isfinite(s.update) || !std::isfinite(s.step))
      throw std::invalid_argument("no update or no step");
    const auto measured = [&](const char* mean, const char* error) {
      return Measured{value(mean), half_width_95(value(error), std::isfinite(s.seeds) && s.seeds < 1e9
                                                                   ? static_cast<std::int64_t>(s.seeds)
                                                                   : 0)};
    };
    s.accuracy = measured("accuracy_mean", "accuracy_se"),
    s.objective = measured("objective_mean", "objective_se");
    return s;
  };
  Evaluation e;
  std::size_t wrong = 0;
  for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    const auto cells = cells_of(text.substr(at, end - at));
    if (++number == 1) {
      columns = cells.size();
      for (std::size_t i = 0; i < columns; ++i) place[cells[i]] = i;
      for (const auto& column : kColumns)
        if (!place.contains(column))
          throw checkpoints::BadData(
              fmt::format("{}: line 1: there is no column {}; the file was changed after training wrote it",
                          name, column));
      continue;
    }
    try {
      e.scores.push_back(row_of(cells));
    } catch (const std::invalid_argument& error) {
      if (wrong++ == 0)
        problems.push_back(fmt::format("{}: line {}: {}; it is skipped, and so are other invalid lines", name,
                                       number, error.what()));
    }
  }
  return e;
}

}  // namespace metalearn::report
