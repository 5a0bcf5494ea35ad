#include "metalearn/config/config.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "checkpoints/error.hpp"
#include "metalearn/base/nearest.hpp"
#include "metalearn/base/word_list.hpp"
#include "metalearn/config/config_key.hpp"
#include "metalearn/config/presets.hpp"

using checkpoints::UsageError;
using metalearn::Config;

namespace {

std::string refusal(const std::string& key, const std::string& value) {
  Config c;
  try {
    c.set(key, value);
  } catch (const UsageError& e) {
    return e.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("every key's value survives being written as text and read again, in every preset") {
  for (const std::string& preset : metalearn::preset_names()) {
    const auto values = Config::from_preset(preset).to_map();
    CHECK(values.at("preset") == preset);
    CHECK(Config::from_map(values).to_map() == values);
  }
}

TEST_CASE("every key of the table can be set, has a meaning and a range") {
  const auto values = Config::from_preset("small").to_map();
  std::size_t kept = 0;
  for (const auto& key : metalearn::config_keys()) {
    CAPTURE(key.name);
    CHECK(!key.meaning.empty());
    CHECK(!key.range.empty());
    CHECK(values.contains(key.name) == !key.is_shorthand());
    kept += !key.is_shorthand();
    CHECK(!key.placeholder.empty());
    CHECK(!key.group.empty());
    CHECK(refusal(key.name, key.is_repeatable     ? "="
                            : key.holds_folders() ? "\x01"
                                                  : "nonsense") != "accepted");
  }
  CHECK(kept == values.size());
}

TEST_CASE("every key has a name of its own, and those that it speaks of are there") {
  std::set<std::string> names;
  for (const auto& key : metalearn::config_keys()) {
    CAPTURE(key.name);
    CHECK(names.insert(key.name).second);
    const Config c;
    for (const auto& limit : {key.at_most, key.at_most_in_new_runs})
      if (!limit.empty()) {
        CHECK(std::holds_alternative<std::int64_t>(key.value(c)));
        CHECK(std::holds_alternative<std::int64_t>(metalearn::config_key(limit).value(c)));
      }
    for (const auto& meant : key.stands_for) CHECK(metalearn::find_key(meant) != nullptr);
    if (key.is_resumable) CHECK(key.keeps_bits);
    if (key.is_trained_with()) CHECK_NOTHROW(Config().set(key.name, key.published));
  }
}

TEST_CASE("a resume may change how far a run goes, with what of the machine, and what only watches it") {
  std::set<std::string> names, harmless;
  for (const metalearn::ConfigKey& key : metalearn::keys_where(&metalearn::ConfigKey::is_resumable))
    names.insert(key.name);
  CHECK(names == std::set<std::string>{"updates", "threads", "memory", "disk", "disk-dir", "telemetry",
                                       "tensorboard", "journal-every", "data", "eval-data", "eval-every",
                                       "eval-steps", "eval-seeds"});
  for (const metalearn::ConfigKey& key : metalearn::keys_where(&metalearn::ConfigKey::keeps_bits))
    harmless.insert(key.name);
  names.insert({"save-every", "keep-newest", "keep-every"});
  CHECK(harmless == names);
}

TEST_CASE("folders of data sets and of states are mapped, or left out, wherever a key holds one") {
  Config c;
  c.data = {"glyph", "a=x"};
  c.eval_data = {"b=y=z"};
  c.disk_dir = "w";
  for (const metalearn::ConfigKey& key : metalearn::keys_where(&metalearn::ConfigKey::holds_folders))
    key.map_folders(c, [](const std::string& folder) { return "/" + folder; });
  CHECK(c.data == std::vector<std::string>{"glyph", "a=/x"});
  CHECK(c.eval_data == std::vector<std::string>{"b=/y=z"});
  CHECK(c.disk_dir == "/w");
  for (const metalearn::ConfigKey& key : metalearn::keys_where(&metalearn::ConfigKey::holds_folders))
    key.map_folders(c, [](const std::string&) { return std::nullopt; });
  CHECK(c.data == std::vector<std::string>{"glyph", "a"});
  CHECK(c.eval_data == std::vector<std::string>{"b"});
  CHECK(c.disk_dir.empty());
}

TEST_CASE("presets pass their own check and have the sizes that they are known by") {
  for (const std::string& preset : metalearn::preset_names())
    CHECK_NOTHROW(Config::from_preset(preset).check_new());
  const auto small = Config::from_preset("small");
  CHECK(small.rule.H == 16);
  CHECK(small.rule.S == 16);
  CHECK(small.rule.D == 8);
  CHECK(small.rule.G == 4);
  CHECK(small.rule.inner_rate == 1e-2);
  CHECK(small.batch == 64);
  CHECK(small.task.hidden_min == 2);  // base 196-32-32-32
  CHECK(small.task.hidden_max == 2);
  CHECK(small.task.width_min == 32);
  CHECK(small.task.width_max == 32);
  const auto paper = Config::from_preset("paper");
  CHECK(paper.rule.H == 64);
  CHECK(paper.rule.S == 64);
  CHECK(paper.rule.D == 32);
  CHECK(paper.rule.inner_rate == 1e-4);
  CHECK(paper.batch == 128);
  CHECK(paper.task.hidden_min == 4);
  CHECK(paper.task.hidden_max == 4);
  CHECK(paper.task.width_min == 128);
  CHECK(paper.task.width_max == 128);
  CHECK(paper.window_min == 5);
  CHECK(paper.window_max == 15);
  CHECK(paper.clip_task == 0.3);
  CHECK(refusal("preset", "big").find("demo, small, paper, paper-tasks, laptop-tasks") != std::string::npos);
}

TEST_CASE("paper-tasks draws what the paper drew, laptop-tasks the same idea in small") {
  const auto paper = Config::from_preset("paper-tasks"), laptop = Config::from_preset("laptop-tasks");
  CHECK(paper.task.hidden_min == 2);
  CHECK(paper.task.hidden_max == 5);
  CHECK(paper.task.width_min == 64);
  CHECK(paper.task.width_max == 512);
  CHECK(paper.task.resolution <= 16);
  CHECK(paper.tasks == 256);
  CHECK(paper.in_flight == 512);
  CHECK(paper.updates == 200000);
  for (const auto* c : {&paper, &laptop}) {
    CHECK(c->task.permute == 1);
    CHECK(c->task.hidden_min < c->task.hidden_max);
    CHECK(c->task.width_min < c->task.width_max);
    CHECK(c->window_min < c->window_max);
    CHECK(c->length_start < c->length_max);
    CHECK(c->in_flight >= 2 * c->tasks);
  }
}

TEST_CASE("a misspelt key is refused with the nearest known one") {
  CHECK(refusal("inner-rat", "1") == "unknown key 'inner-rat': did you mean 'inner-rate'?");
  CHECK(refusal("treads", "1").find("'threads'") != std::string::npos);
  CHECK(refusal("qqqqqqqqqqqq", "1") == "unknown key 'qqqqqqqqqqqq'");
}

TEST_CASE("a value that is not of its type or out of range is refused with the range") {
  struct Row {
    const char *key, *value, *says;
  };
  for (const Row& row : {Row{"tasks", "0", "1 .. 100000"},
                         Row{"tasks", "-1", "1 .. 100000"},
                         Row{"tasks", "4x", "not a whole number"},
                         Row{"tasks", "", "not a whole number"},
                         Row{"tasks", "99999999999999999999", "out of range"},
                         Row{"inner-rate", "7", "out of range"},
                         Row{"inner-rate", "nan", "out of range"},
                         Row{"inner-rate", "fast", "not a number"},
                         Row{"permute", "1.5", "0 .. 1"},
                         Row{"identical-updates", "yes", "true, false"},
                         Row{"activation", "rleu", "leaky_relu"},
                         Row{"save-every", "0", "out of range"},
                         Row{"save-every", "10m", "not a whole number"},
                         Row{"validate-steps", "10,5", "ascend"},
                         Row{"validate-steps", "", "out of range"},
                         Row{"data", "glyph,glyph", "twice"},
                         Row{"data", "a=x,a=y", "by 'a=x' and 'a=y'"},
                         Row{"data", "a.b=x", "letters, digits"},
                         Row{"data", "=x", "letters, digits"},
                         Row{"updates", "100000000", "1 .. 99999999"},
                         Row{"seed", "-1", "whole number"}}) {
    CAPTURE(row.key);
    CAPTURE(row.value);
    const std::string message = refusal(row.key, row.value);
    CHECK(message.find(row.says) != std::string::npos);
    CHECK(message.find(row.key) == 0);
  }
}

TEST_CASE("a value is taken as it was written") {
  Config c;
  c.set("inner-rate", "1e-3");
  c.set("save-every", "30s");
  c.set("validate-steps", "0,5");
  c.set("representation", "16");
  c.set("seed", "18446744073709551615");
  c.set("activation", "swish");
  CHECK(c.rule.inner_rate == 1e-3);
  CHECK(c.save_every == "30s");
  CHECK(c.validate_steps == std::vector<std::int64_t>{0, 5});
  CHECK(c.rule.N_L == 16);
  CHECK(c.task.representation == 16);
  CHECK(c.seed == 18446744073709551615u);
  CHECK(c.rule.activation == metalearn::Activation::swish);
}

TEST_CASE("unroll makes windows and lengths all T") {
  Config c;
  c.set("unroll", "7");
  for (const auto value : {c.window_min, c.window_max, c.length_min, c.length_max, c.length_start})
    CHECK(value == 7);
  CHECK(!c.to_map().contains("unroll"));
}

TEST_CASE("a default gives way to a bound that was given, but two given bounds must agree") {
  Config c;
  c.window_min = 20;
  c.tasks = 32;
  c.settle({"window-min", "tasks"});
  CHECK(c.window_max == 20);
  CHECK(c.in_flight == 128);
  c.data = {"glyph"};
  CHECK_NOTHROW(c.check());

  Config brief;
  brief.data = {"glyph"};
  brief.length_max = 3;
  brief.settle({"length-max"});
  CHECK(brief.length_min == 3);
  CHECK(brief.length_start == 3);
  CHECK(brief.window_min == 3);
  CHECK(brief.window_max == 3);
  CHECK_NOTHROW(brief.check_new());
  brief.window_min = brief.window_max = 4;
  brief.settle({"window-min", "length-max"});
  CHECK_THROWS_WITH_AS(brief.check_new(),
                       "window-min = 4 is larger than length-max = 3; raise length-max or lower window-min",
                       UsageError);

  c.window_max = 3;
  c.settle({"window-min", "window-max"});
  CHECK_THROWS_WITH_AS(c.check(),
                       "window-min = 20 is larger than window-max = 3; raise window-max or lower window-min",
                       UsageError);
}

TEST_CASE(
    "a window that is longer than any length is refused in a new run, where both were said; an older run may "
    "have one") {
  const auto settled = [](std::map<std::string, std::string> given) {
    Config c = Config::from_preset("small");
    std::set<std::string> keys;
    for (const auto& [key, value] : given) {
      c.set(key, value);
      keys.insert(key);
    }
    c.settle(keys);
    return c;
  };
  const Config longer = settled({{"window-min", "5"}, {"window-max", "500"}, {"length-max", "20"}});
  CHECK_NOTHROW(longer.check());
  CHECK_THROWS_WITH_AS(
      longer.check_new(),
      "window-max = 500 is larger than length-max = 20; raise length-max or lower window-max", UsageError);
  CHECK(Config::from_map(longer.to_map()).window_max == 500);
  const Config all_longer = settled({{"window-min", "30"}, {"length-max", "20"}});
  CHECK_THROWS_WITH_AS(all_longer.check_new(),
                       "window-min = 30 is larger than length-max = 20; raise length-max or lower window-min",
                       UsageError);

  Config older = Config::from_preset("small");
  older.window_min = 30, older.window_max = 40, older.length_max = 20;
  CHECK_NOTHROW(older.check());

  const Config shorter = settled({{"length-max", "12"}});  // small has windows of 4 .. 16
  CHECK_NOTHROW(shorter.check_new());
  CHECK(shorter.window_max == 12);
  CHECK(shorter.window_min == 4);
  const Config grown = settled({{"window-max", "500"}});
  CHECK_NOTHROW(grown.check_new());
  CHECK(grown.length_max == 500);
  CHECK(grown.length_start == 16);
}

TEST_CASE(
    "estimators without a tape go with neither a memory budget nor telemetry, which say what to leave out") {
  for (const char* estimator : {"es", "pes"}) {
    Config c = Config::from_preset("small");
    c.set("estimator", estimator);
    CHECK_NOTHROW(c.check_new());
    c.set("memory", "64MiB");
    CHECK_THROWS_WITH_AS(c.check(),
                         (std::string("memory is a budget for back-propagation, but estimator = ") +
                          estimator + " keeps no states; remove memory (memory = 0)")
                             .c_str(),
                         UsageError);
    c.set("memory", "0");
    c.set("telemetry", "true");
    CHECK_THROWS_WITH_AS(c.check(),
                         (std::string("telemetry records back-propagation, but estimator = ") + estimator +
                          " has no adjoints; remove telemetry (telemetry = false)")
                             .c_str(),
                         UsageError);
    c.set("estimator", "windowed");
    CHECK_NOTHROW(c.check());
  }
  CHECK(refusal("estimator", "reinforce") ==
        "estimator = 'reinforce' is not known (allowed: windowed, es, pes)");
  CHECK(refusal("es-pairs", "0").find("out of range") != std::string::npos);
  CHECK(refusal("es-sigma", "0").find("out of range") != std::string::npos);
}

TEST_CASE("a stronger source's bound wins over a weaker one's") {
  Config c;
  c.set("window-min", "9");
  c.settle({"window-min"});
  c.set("window-max", "3");
  c.settle({"window-max"}, {"window-min"});
  CHECK(c.window_min == 3);
  CHECK(c.window_max == 3);
}

TEST_CASE("the pool follows the tasks of an update, unless its size was said") {
  Config c;
  c.set("tasks", "2");
  c.settle({"tasks"});
  CHECK(c.in_flight == 8);
  c.set("tasks", "50000");
  c.settle({"tasks"});
  CHECK(c.in_flight == 100000);
  c.set("in-flight", "3");
  c.set("tasks", "3");
  c.settle({"tasks", "in-flight"});
  CHECK(c.in_flight == 3);
  c.set("tasks", "2");
  c.settle({"tasks"}, {"in-flight"});
  CHECK(c.in_flight == 3);
}

TEST_CASE("lists keep commas within an entry") {
  const std::vector<std::string> entries = {"glyph", "mnist=a,b", "c=d e"};
  CHECK(metalearn::split_list(metalearn::join_list(entries)) == entries);
  CHECK(metalearn::split_list("a, b") == std::vector<std::string>{"a", "b"});
  CHECK(metalearn::split_list("").empty());
}

TEST_CASE("the edit distance counts insertions, deletions, replacements and swaps") {
  CHECK(metalearn::edit_distance("", "abc") == 3);
  CHECK(metalearn::edit_distance("kitten", "sitting") == 3);
  CHECK(metalearn::edit_distance("seed", "sede") == 1);
  CHECK(metalearn::nearest("mnits", {"glyph", "mnist"}) == "mnist");
  CHECK(metalearn::nearest("xyzzy", {"glyph", "mnist"}).empty());
}
