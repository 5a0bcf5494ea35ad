// Two states are the same when all bits that the next update depends on are.
#include "metalearn/snapshots/state_diff.hpp"

#include <doctest/doctest.h>

#include "metalearn/rules/update_rule.hpp"
#include "metalearn/snapshots/run_state.hpp"
#include "toy_snapshot.hpp"

using namespace outer_test;

namespace {

RunSnapshot snapshot(const Config& c) {
  RunSnapshot s;
  s.archive = toy_snapshot(c);
  s.config = c;
  return s;
}

std::vector<std::string> lines(const std::vector<Difference>& differences) {
  std::vector<std::string> texts;
  for (const auto& d : differences) texts.push_back(to_text(d));
  return texts;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a state is the same as itself") {
  const RunSnapshot s = snapshot(tiny_config());
  const StateDiff diff = diff_states(s, s);
  CHECK(diff.same());
  CHECK(diff.notes.empty());
}

TEST_CASE(
    "an array that differs is named with the first numbers that do, so that they read back, and how many") {
  const RunSnapshot a = snapshot(tiny_config());
  RunSnapshot b = a;
  a.archive.array("in_flight/0001/phi");
  auto phi = a.archive.numbers<float>("in_flight/0001/phi");
  REQUIRE(phi.size() == 3);
  const float was = phi[1];
  phi[1] = std::nextafter(was, 9.0f);
  phi[2] = 7;
  b.archive.put("in_flight/0001/phi", {3}, phi);
  const StateDiff diff = diff_states(a, b);
  REQUIRE(diff.differences.size() == 1);
  const Difference& d = diff.differences[0];
  CHECK(d.where == "in_flight/0001/phi");
  CHECK(d.index == std::vector<std::int64_t>{1});
  CHECK(d.differing == 2);
  CHECK(d.of == 3);
  CHECK(std::stof(d.a) == was);
  CHECK(std::stof(d.b) == phi[1]);
  CHECK(to_text(d) == "in_flight/0001/phi [1]: " + d.a + " against " + d.b + "; 2 of 3 differ");
}

TEST_CASE("bits are compared, not values: -0 is not 0") {
  RunSnapshot a = snapshot(tiny_config()), b = a;
  a.archive.put("validation/objective", {1}, std::vector<double>{0.0});
  b.archive.put("validation/objective", {1}, std::vector<double>{-0.0});
  CHECK(lines(diff_states(a, b).differences) == Lines{"validation/objective [0]: 0 against -0"});
  a.archive.set("validation", "best_objective", 0.0);
  b.archive.set("validation", "best_objective", -0.0);
  CHECK(diff_states(a, b).differences.size() == 2);
}

TEST_CASE("the place in an array of several dimensions is found") {
  RunSnapshot a = snapshot(tiny_config()), b = a;
  a.archive.put("theta/m", {2, 3, 4}, std::vector<float>(24, 1.0f));
  std::vector<float> other(24, 1.0f);
  other[23] = 2;
  b.archive.put("theta/m", {2, 3, 4}, other);
  CHECK(lines(diff_states(a, b).differences) == Lines{"theta/m [1, 2, 3]: 1 against 2; 1 of 24 differ"});
}

TEST_CASE("missing arrays, other shapes and other types are told from other numbers") {
  const RunSnapshot a = snapshot(tiny_config());
  RunSnapshot b = a;
  b.archive.put("theta/extra", {2}, std::vector<float>{1, 2});
  b.archive.put("in_flight/0000/phi", {1, 3}, a.archive.numbers<float>("in_flight/0000/phi"));
  b.archive.put("validation/mark", {1}, std::vector<std::int32_t>{25});
  CHECK(lines(diff_states(a, b).differences) ==
        Lines{"theta/extra: nothing against float32 [2]",
              "in_flight/0000/phi: float32 [3] against float32 [1, 3]",
              "validation/mark: int64 [1] against int32 [1]"});
}

TEST_CASE(
    "counters, facts about the data and keys that change bits are differences; keys that do not, the version "
    "and the kernels are notes") {
  const RunSnapshot a = snapshot(tiny_config());
  RunSnapshot b = a;
  b.archive.set("counters", "update", std::int64_t{13});
  b.archive.set("data", "0000", std::string("another fact"));
  b.config.set("inner-rate", "0.5");
  for (const char* key : {"updates", "threads"}) b.config.set(key, "3");
  b.config.set("save-every", "77");
  b.archive.set("", "program_version", std::string("9.9"));
  b.archive.set("", "kernels", std::string("v9"));
  const StateDiff diff = diff_states(a, b);
  CHECK(lines(diff.differences) ==
        Lines{"config:inner-rate: " + a.config.to_map().at("inner-rate") + " against 0.5",
              "data:0000: one fact against another fact", "counters:update: 12 against 13"});
  REQUIRE(diff.notes.size() == 5);
  CHECK(diff.notes[0].where == "config:save-every");
  CHECK(diff.notes[3].where == "kernels");
}

TEST_CASE("every difference is listed, theta's before the optimiser's") {
  Config c = tiny_config();
  const RunSnapshot a = snapshot(c);
  RunSnapshot b = a;
  for (const auto& t : theta_spec(c.rule).tensors)
    for (const char* group : {"adam/m/", "theta/"})
      b.archive.put(group + t.name, t.shape, std::vector<float>(static_cast<std::size_t>(t.size()), 0.125f));
  const auto diff = diff_states(a, b);
  CHECK(diff.differences.size() == 2 * theta_spec(c.rule).tensors.size());
  CHECK(diff.differences.front().where.starts_with("theta/"));
  CHECK(diff.differences.back().where.starts_with("adam/m/"));
}

TEST_CASE("rows of metrics are compared where both runs have them, without the seconds") {
  const std::string head = "update,objective_first,objective_last,rate,seconds\n";
  const auto a = parse_metrics(head + "1,1,2,3,0.1\n2,1,2,3,0.1\n3,1,,3,0.1\n4,1,2,3,0.1\n"),
             b = parse_metrics(head + "2,1,2,3,0.2\n3,1,2.5,3,0.2\n4,1,9,3,0.2\n5,1,2,3,0.2\n6,1,2");
  const auto all = diff_metrics(a, b, 0, 100);
  CHECK(all.compared == 3);
  CHECK(lines(all.differences) ==
        Lines{"metrics.csv, update 3: objective_last: nothing against 2.5; 2 of 3 differ"});
  CHECK(diff_metrics(a, b, 0, 2).differences.empty());
  CHECK(diff_metrics(a, b, 4, 9).compared == 0);
  const auto other = parse_metrics("update,objective_first,objective_last,speed,seconds\n2,1,2,3,0.1\n");
  CHECK(lines(diff_metrics(a, other, 0, 9).differences) == Lines{"metrics.csv, columns: rate against speed"});
}
