#include "metalearn/config/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <functional>
#include <limits>
#include <set>
#include <type_traits>

#include "checkpoints/archive.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/base/byte_count.hpp"
#include "metalearn/base/nearest.hpp"
#include "metalearn/config/presets.hpp"

namespace metalearn {
namespace {

using checkpoints::UsageError;

struct Entry {
  ConfigKey key;
  std::function<std::string(const Config&)> get;
  std::function<void(Config&, const std::string&)> set;
};

[[noreturn]] void refuse(const ConfigKey& key, const std::string& text, const std::string& why) {
  throw UsageError(fmt::format("{} = '{}' {} (allowed: {})", key.name, text, why, key.range));
}

/// The whole text as a number, or refused.
template <class T>
T parse_number(const ConfigKey& key, const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) refuse(key, text, "is out of range");
  if (error != std::errc() || end != text.data() + text.size())
    refuse(key, text, std::is_floating_point_v<T> ? "is not a number" : "is not a whole number");
  return value;
}

/// A number in lo .. hi. `field` returns the number's place in a Config.
template <class Field, class T = std::remove_reference_t<std::invoke_result_t<Field, Config&>>>
Entry number(std::string name, Field field, std::type_identity_t<T> lo, std::type_identity_t<T> hi,
             std::string meaning) {
  const ConfigKey key{std::move(name), std::move(meaning), fmt::format("{} .. {}", lo, hi)};
  return {key, [field](const Config& c) { return fmt::format("{}", field(const_cast<Config&>(c))); },
          [key, field, lo, hi](Config& c, const std::string& text) {
            const T value = parse_number<T>(key, text);
            if (!(value >= lo && value <= hi)) refuse(key, text, "is out of range");  // also refuses nan
            field(c) = value;
          }};
}

template <class Field>
Entry probability(std::string name, Field field, std::string meaning) {
  return number(std::move(name), field, 0, 1, "probability that " + std::move(meaning));
}

/// One of a few words. `get` and `set` turn the setting into a word and back.
Entry choice(std::string name, const std::vector<std::string>& words,
             std::function<std::string(const Config&)> get,
             std::function<void(Config&, const std::string&)> set, std::string meaning) {
  const ConfigKey key{std::move(name), std::move(meaning), fmt::format("{}", fmt::join(words, ", "))};
  return {key, std::move(get), [key, words, set](Config& c, const std::string& text) {
            if (std::find(words.begin(), words.end(), text) == words.end()) refuse(key, text, "is not known");
            set(c, text);
          }};
}

/// Names of data sets name columns of metrics.csv and rows of tables.
bool is_data_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return c < 128 && (std::isalnum(c) || c == '-' || c == '_');
  });
}

template <class Field>
Entry data_sets(std::string name, Field field, std::string meaning, std::string allowed) {
  const ConfigKey key{std::move(name), std::move(meaning), std::move(allowed), true};
  return {key, [field](const Config& c) { return join_list(field(const_cast<Config&>(c))); },
          [key, field](Config& c, const std::string& text) {
            const auto words = text == "none" ? std::vector<std::string>{} : split_list(text);
            std::map<std::string, std::string> word_of;
            for (const auto& word : words) {
              const std::string set = word.substr(0, word.find('='));
              if (!is_data_name(set))
                refuse(key, text,
                       fmt::format("has '{}' where a name of letters, digits, - and _ should be", set));
              if (const auto [it, is_new] = word_of.emplace(set, word); !is_new)
                refuse(key, text,
                       fmt::format("names '{}' twice, by '{}' and '{}'; give each its own name", set,
                                   it->second, word));
            }
            field(c) = words;
          }};
}

template <class Field>
Entry byte_amount(std::string name, Field field, std::string meaning) {
  const ConfigKey key{std::move(name), std::move(meaning), "BYTES, 512MiB, 2GB, ...; 0: none"};
  return {key, [field](const Config& c) { return fmt::format("{}", field(const_cast<Config&>(c))); },
          [key, field](Config& c, const std::string& text) {
            const auto bytes = text == "0" ? std::optional<std::uint64_t>(0) : bytes_from(text);
            if (!bytes) refuse(key, text, "is not an amount of memory");
            field(c) = *bytes;
          }};
}

Entry disk_dir_entry() {
  const ConfigKey key{"disk-dir", "folder for states on disk; nothing stays there", "a folder, or none"};
  return {key, [](const Config& c) { return c.disk_dir.empty() ? "none" : c.disk_dir; },
          [](Config& c, const std::string& text) { c.disk_dir = text == "none" ? "" : text; }};
}

Entry save_every_entry() {
  const ConfigKey key{"save-every",
                      "updates (N) or seconds (Ns) between snapshots; the last update is always saved",
                      "1 .. 1000000000, or 1s .. 1000000s"};
  return {key, [](const Config& c) { return c.save_every; },
          [key](Config& c, const std::string& text) {
            const bool seconds = !text.empty() && text.back() == 's';
            const auto count =
                parse_number<std::int64_t>(key, seconds ? text.substr(0, text.size() - 1) : text);
            if (count < 1 || count > (seconds ? 1000000 : 1000000000)) refuse(key, text, "is out of range");
            c.save_every = text;
          }};
}

template <class Field>
Entry marks(std::string name, Field field, std::string meaning) {
  const ConfigKey key{std::move(name), std::move(meaning),
                      "ascending whole numbers 0 .. 100000, with commas between"};
  return {
      key,
      [field](const Config& c) { return fmt::format("{}", fmt::join(field(const_cast<Config&>(c)), ",")); },
      [key, field](Config& c, const std::string& text) {
        std::vector<std::int64_t> steps;
        for (const auto& word : split_list(text)) steps.push_back(parse_number<std::int64_t>(key, word));
        if (steps.empty() || steps.front() < 0 || steps.back() > 100000) refuse(key, text, "is out of range");
        if (std::adjacent_find(steps.begin(), steps.end(), std::greater_equal<>()) != steps.end())
          refuse(key, text, "does not ascend");
        field(c) = steps;
      }};
}

Entry unroll_entry() {
  const ConfigKey key{"unroll",
                      "shorthand: window and length both T, full back-propagation through T inner steps",
                      "1 .. 100000", false, true};
  return {key, nullptr, [key](Config& c, const std::string& text) {
            const auto T = parse_number<std::int64_t>(key, text);
            if (T < 1 || T > 100000) refuse(key, text, "is out of range");
            c.window_min = c.window_max = c.length_min = c.length_start = c.length_max = T;
          }};
}

const std::vector<std::string> kDropoutPlaces = {"inputs", "hidden", "all"};  // in the order of DropoutPlace

#define FIELD(place) \
  [](Config & c) -> auto& { return c.place; }

/// THE table: every key once, in the order in which help prints it.
std::vector<Entry> make_table() {
  constexpr std::int64_t kMany = 1000000000;
  constexpr std::int64_t kLong = 100000;  // inner steps
  std::vector<Entry> t;
  t.push_back(choice(
      "preset", preset_names(), [](const Config& c) { return c.preset; },
      [](Config& c, const std::string& v) { c.preset = v; },
      "where the defaults of all other keys come from"));
  t.push_back(data_sets("data", FIELD(data), "data sets to train on, one family each",
                        "glyph, glyph=DIR (fonts), the synthetic bags, mixture and teacher, or NAME=DIR of a "
                        "kind that is told from what is there: metalearn data --help"));
  // The run.
  t.push_back(number("updates", FIELD(updates), 1, 99999999, "updates of theta in all"));
  t.push_back(number("seed", FIELD(seed), 0, std::numeric_limits<std::uint64_t>::max(),
                     "of all randomness of the run"));
  t.push_back(
      number("threads", FIELD(threads), 0, 4096, "threads; 0: all cores (the result does not depend on it)"));
  t.push_back(save_every_entry());
  t.push_back(number("keep-newest", FIELD(keep_newest), 1, 1000000,
                     "newest snapshots that stay, beside the best on held-out tasks"));
  t.push_back(number("keep-every", FIELD(keep_every), 0, kMany,
                     "updates whose multiples are saved and stay; 0: none"));
  t.push_back(number("validate-every", FIELD(validate_every), 0, kMany,
                     "updates between validations on held-out tasks, which also tell whether the training "
                     "diverges (where validate-steps has 0 and others); 0: never"));
  t.push_back(marks("validate-steps", FIELD(validate_steps), "marks of a validation: inner steps done"));
  t.push_back(number("validate-tasks", FIELD(validate_tasks), 1, 10000, "held-out tasks of a validation"));
  t.push_back(data_sets("eval-data", FIELD(eval_data),
                        "data sets that theta is evaluated on while it is trained, for evaluations.csv; the "
                        "training does not depend on them",
                        "glyph, or NAME=DIR, as --data; none"));
  t.push_back(number("eval-every", FIELD(eval_every), 0, kMany,
                     "updates between evaluations on eval-data; 0: never"));
  t.push_back(marks("eval-steps", FIELD(eval_steps), "marks of an evaluation: inner steps done"));
  t.push_back(number("eval-seeds", FIELD(eval_seeds), 1, 10000,
                     "base models and batches of a data set in an evaluation"));
  t.push_back(number("journal-every", FIELD(journal_every), 0.001, 1e6,
                     "seconds after which, and between which, the progress within one window is saved too: a "
                     "window that was killed goes on there"));
  t.push_back(choice(
      "tensorboard", {"true", "false"},
      [](const Config& c) { return std::string(c.tensorboard ? "true" : "false"); },
      [](Config& c, const std::string& v) { c.tensorboard = v == "true"; },
      "the rows of metrics.csv as an event file for TensorBoard too"));
  t.push_back(choice(
      "telemetry", {"true", "false"},
      [](const Config& c) { return std::string(c.telemetry ? "true" : "false"); },
      [](Config& c, const std::string& v) { c.telemetry = v == "true"; },
      "write a row per inner step of every window to steps.csv: norms of the adjoint of phi and of the "
      "step's part of the gradient"));
  // Windows and in-flight tasks.
  t.push_back(number("tasks", FIELD(tasks), 1, 100000, "M: windows that make one update"));
  t.push_back(number("in-flight", FIELD(in_flight), 1, 100000, "P: tasks in the pool, at least M"));
  t.push_back(unroll_entry());
  t.push_back(number("window-min", FIELD(window_min), 1, kLong,
                     "smallest window k (inner steps that one update back-propagates through)"));
  t.push_back(number("window-max", FIELD(window_max), 1, kLong, "largest window k, length-max or less"));
  t.push_back(
      number("length-min", FIELD(length_min), 1, kLong, "smallest total length L of a task (inner steps)"));
  t.push_back(number("length-max", FIELD(length_max), 1, kLong,
                     "largest total length L, once it has grown; window-max or more"));
  t.push_back(number("length-start", FIELD(length_start), 1, kLong, "largest total length L at update 0"));
  t.push_back(number("length-horizon", FIELD(length_horizon), 1, kMany,
                     "updates over which the largest length grows"));
  t.push_back(choice(
      "estimator", {"windowed", "es", "pes"}, [](const Config& c) { return c.estimator; },
      [](Config& c, const std::string& v) { c.estimator = v; },
      "how a window gives a gradient: back-propagation; evolution strategies, antithetic; persistent ones, "
      "without truncation bias"));
  t.push_back(number("es-pairs", FIELD(es_pairs), 1, 100000,
                     "N: pairs of opposite perturbations of theta, with estimator es or pes"));
  t.push_back(number("es-sigma", FIELD(es_sigma), 1e-6, 10, "standard deviation of these perturbations"));
  t.push_back(byte_amount("memory", FIELD(memory),
                          "memory for windows, tasks in flight, gradients and snapshots; decides how many "
                          "windows run at one time, and never changes bits"));
  t.push_back(
      byte_amount("disk", FIELD(disk), "room on disk for states that don't fit in memory, with disk-dir"));
  t.push_back(disk_dir_entry());
  // The outer optimiser.
  t.push_back(number("meta-rate", FIELD(meta_rate), 1e-9, 1, "Adam's rate after the warm-up"));
  t.push_back(
      number("meta-rate-final", FIELD(meta_rate_final), 0, 1, "Adam's rate after decay-horizon updates"));
  t.push_back(number("merge-rate", FIELD(merge_rate), 0, 1e6,
                     "Adam's rate of the rule's merge weights, in units of the others'"));
  t.push_back(number("warmup", FIELD(warmup), 0, kMany, "updates of linear warm-up"));
  t.push_back(number("decay-horizon", FIELD(decay_horizon), 1, kMany, "updates over which the rate falls"));
  t.push_back(number("adam-beta1", FIELD(adam_beta1), 0, 0.999999, "decay of the gradient's moving average"));
  t.push_back(number("adam-beta2", FIELD(adam_beta2), 0, 0.9999999,
                     "decay of the squared gradient's moving average"));
  t.push_back(number("adam-epsilon", FIELD(adam_epsilon), 1e-16, 1,
                     "added to the root of the squared gradient's average"));
  t.push_back(number("clip-task", FIELD(clip_task), 1e-9, 1e9,
                     "largest 2-norm of one task's gradient; those of es and pes are longer, for noise "
                     "alone: 1e9, of clip too, leaves them as they are"));
  t.push_back(number("clip", FIELD(clip), 1e-9, 1e9, "largest 2-norm of the averaged gradient"));
  t.push_back(number("theta-average", FIELD(theta_average), 0, 0.999999,
                     "decay of theta's moving average, which is what is evaluated"));
  // The update rule.
  t.push_back(choice(
      "rule", {"metz", "synaptic"}, [](const Config& c) { return c.rule.rule; },
      [](Config& c, const std::string& v) { c.rule.rule = v; },
      "form of the update rule; synaptic has no sizes of its own"));
  t.push_back(number("h-size", FIELD(rule.H), 1, 1024, "H: channels of a neuron's hidden state"));
  t.push_back(number("h-layers", FIELD(rule.Q), 0, 16, "Q: residual layers that compute it"));
  t.push_back(number("top-size", FIELD(rule.S), 1, 1024, "S: channels of the top network"));
  t.push_back(number("top-layers", FIELD(rule.P), 0, 16, "P: layers of the top network"));
  t.push_back(number("delta-size", FIELD(rule.D), 1, 1024, "D: channels of the learning signal"));
  t.push_back(number("grad-channels", FIELD(rule.G), 1, 64, "G: channels of each increment's readouts"));
  t.push_back(choice(
      "identical-updates", {"true", "false"},
      [](const Config& c) { return std::string(c.rule.identical_updates ? "true" : "false"); },
      [](Config& c, const std::string& v) { c.rule.identical_updates = v == "true"; },
      "change W and V by the same increment"));
  t.push_back(choice(
      "activation", activation_names(), [](const Config& c) { return to_string(c.rule.activation); },
      [](Config& c, const std::string& v) { c.rule.activation = activation_from(v); }, "of the base model"));
  t.push_back(number("inner-rate", FIELD(rule.inner_rate), 1e-9, 1, "lambda: rate of an inner step"));
  t.push_back(number("ridge", FIELD(rule.ridge), 1e-6, 1e6,
                     "penalty of the meta-objective's ridge regression; validations and evaluations have "
                     "0.1, their protocol's"));
  // Tasks.
  Entry representation = number("representation", FIELD(rule.N_L), 1, 4096,
                                "units of the representation, the base model's last layer");
  representation.set = [set = representation.set](Config& c, const std::string& text) {
    set(c, text);
    c.task.representation = c.rule.N_L;
  };
  t.push_back(representation);
  t.push_back(number("batch", FIELD(batch), 2, 65536, "B: unlabelled examples of an inner step"));
  t.push_back(
      number("averages", FIELD(averages), 1, 1000, "pairs of labelled batches of one meta-objective"));
  t.push_back(number("labels-per-class", FIELD(task.labels_per_class), 1, 1000,
                     "labelled examples of a class and batch"));
  t.push_back(number("resolution", FIELD(task.resolution), 4, 64,
                     "images are area-averaged to this height and width"));
  t.push_back(choice(
      "colour", {"true", "false"},
      [](const Config& c) { return std::string(c.task.load.colour ? "true" : "false"); },
      [](Config& c, const std::string& v) { c.task.load.colour = v == "true"; },
      "colour images keep red, green and blue as inputs of their own, instead of becoming grey"));
  t.push_back(number("words", FIELD(task.load.words), 2, kLong,
                     "inputs of a bag of words: the most frequent words of the train part"));
  t.push_back(number("classes-min", FIELD(task.classes_min), 2, 1000, "fewest classes of a task"));
  t.push_back(number("classes-max", FIELD(task.classes_max), 2, 1000, "most classes of a task"));
  t.push_back(number("hidden-min", FIELD(task.hidden_min), 1, 64, "fewest hidden layers"));
  t.push_back(number("hidden-max", FIELD(task.hidden_max), 1, 64, "most hidden layers"));
  t.push_back(number("width-min", FIELD(task.width_min), 8, 16384,
                     "fewest units of a hidden layer (rounded to multiples of 8)"));
  t.push_back(number("width-max", FIELD(task.width_max), 8, 16384, "most units of a hidden layer"));
  t.push_back(probability("permute", FIELD(task.permute), "a task permutes its inputs"));
  t.push_back(probability("shift", FIELD(task.shift), "a task shifts each example"));
  t.push_back(number("shift-max", FIELD(task.shift_max), 0, 64, "largest shift, pixels"));
  t.push_back(probability("rotate", FIELD(task.rotate), "a task rotates each example"));
  t.push_back(number("rotate-max", FIELD(task.rotate_max), 0, 180, "largest rotation, degrees"));
  t.push_back(choice(
      "coefficient-targets", {"true", "false"},
      [](const Config& c) { return std::string(c.task.coefficient_targets ? "true" : "false"); },
      [](Config& c, const std::string& v) { c.task.coefficient_targets = v == "true"; },
      "training tasks that rotate or shift have the angle and the shifts of each example as targets of the "
      "meta-objective, beside its class"));
  t.push_back(number("coefficient-weight", FIELD(task.coefficient_weight), 0, 100,
                     "of these targets, which are uniform in -1 .. 1, beside the classes' one-hot ones"));
  t.push_back(probability("noise", FIELD(task.noise), "a task adds noise"));
  t.push_back(number("noise-max", FIELD(task.noise_max), 0, 10, "largest standard deviation of the noise"));
  t.push_back(number("dropout", FIELD(task.dropout), 0, 0.9,
                     "probability that a unit is zeroed, for an example, in the inner steps of training "
                     "tasks; the others are scaled by 1 / (1 - dropout)"));
  t.push_back(choice(
      "dropout-place", kDropoutPlaces,
      [](const Config& c) { return kDropoutPlaces[static_cast<std::size_t>(c.task.dropout_place)]; },
      [](Config& c, const std::string& v) {
        c.task.dropout_place = static_cast<DropoutPlace>(
            std::find(kDropoutPlaces.begin(), kDropoutPlaces.end(), v) - kDropoutPlaces.begin());
      },
      "units that dropout applies to; never the representation's"));
  t.push_back(probability("invert", FIELD(task.invert), "a task inverts all inputs"));
  t.push_back(
      probability("input-sign", FIELD(task.input_sign), "a task inverts each input or not, half of them"));
  return t;
}
#undef FIELD

const std::vector<Entry>& table() {
  static const std::vector<Entry> entries = make_table();
  return entries;
}

/// Keys that must be in order, lower first, as numbers.
struct Ordered {
  const char *low, *high;
};
constexpr Ordered kOrdered[] = {{"tasks", "in-flight"},       {"window-min", "window-max"},
                                {"length-min", "length-max"}, {"classes-min", "classes-max"},
                                {"hidden-min", "hidden-max"}, {"width-min", "width-max"}};
/// The same in new runs.
constexpr Ordered kOrderedNow[] = {{"window-min", "length-max"}, {"window-max", "length-max"}};

const Entry& entry(const std::string& name) {
  for (const auto& e : table())
    if (e.key.name == name) return e;
  std::vector<std::string> names;
  for (const auto& e : table()) names.push_back(e.key.name);
  throw UsageError(fmt::format("unknown key '{}'{}", name, did_you_mean(name, names)));
}

std::int64_t whole(const Config& config, const char* name) { return std::stoll(entry(name).get(config)); }

void require_order(const Config& config, const Ordered& pair) {
  const std::int64_t low = whole(config, pair.low), high = whole(config, pair.high);
  if (low > high)
    throw UsageError(fmt::format("{} = {} is larger than {} = {}; raise {} or lower {}", pair.low, low,
                                 pair.high, high, pair.high, pair.low));
}

}  // namespace

std::map<std::string, std::string> Config::to_map() const {
  std::map<std::string, std::string> values;
  for (const auto& e : table())
    if (!e.key.shorthand) values[e.key.name] = e.get(*this);
  return values;
}

void Config::set(const std::string& key, const std::string& value) {
  // It goes into snapshots and config.json, whose texts are UTF-8.
  if (!value.empty() && !checkpoints::is_proper_name(value))
    throw UsageError(fmt::format(
        "{}: its value holds bytes that are no text (UTF-8) or control characters; rename the folder", key));
  entry(key).set(*this, value);
}

void Config::settle(const std::set<std::string>& given, const std::set<std::string>& before) {
  if (given.contains("tasks") && !given.contains("in-flight") && !before.contains("in-flight"))
    in_flight = std::min<std::int64_t>(4 * tasks, 100000);
  const auto put_in_order = [&](const Ordered& pair) {
    const auto& [low, high] = pair;
    if (whole(*this, low) <= whole(*this, high) || given.contains(low) == given.contains(high)) return;
    const char *leader = given.contains(low) ? low : high, *follower = given.contains(low) ? high : low;
    set(follower, entry(leader).get(*this));
  };
  std::for_each(std::begin(kOrdered), std::end(kOrdered), put_in_order);
  std::for_each(std::begin(kOrderedNow), std::end(kOrderedNow), put_in_order);
  if (!given.contains("length-start") && length_min <= length_max)
    length_start = std::clamp(length_start, length_min, length_max);
}

void Config::check_new() const {
  for (const auto& pair : kOrderedNow)
    require_order(*this, pair);  // first, as settle() may have made a window follow a length
  check();
}

void Config::check() const {
  if (data.empty()) throw UsageError("no data to train on; give --data glyph, or --data NAME=DIR");
  for (const auto& pair : kOrdered) require_order(*this, pair);
  if (estimator != "windowed" && memory > 0)
    throw UsageError(
        fmt::format("memory is a budget for back-propagation, and estimator = {} keeps no states; leave "
                    "memory out (memory = 0)",
                    estimator));
  if (estimator != "windowed" && telemetry)
    throw UsageError(
        fmt::format("telemetry is of back-propagation, and estimator = {} has no adjoints; leave telemetry "
                    "out (telemetry = false)",
                    estimator));
  if ((disk > 0) != !disk_dir.empty()) throw UsageError("disk and disk-dir go together: how much, and where");
  if (disk > 0 && memory == 0)
    throw UsageError("disk is for what does not fit in memory; say how much that is (memory)");
  if (length_start < length_min || length_start > length_max)
    throw UsageError(
        fmt::format("length-start = {} is out of range (allowed: length-min .. length-max, {} .. {})",
                    length_start, length_min, length_max));
}

Config Config::from_map(const std::map<std::string, std::string>& values) {
  Config c;
  for (const auto& [key, value] : values) c.set(key, value);
  return c;
}

const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> keys = [] {
    std::vector<ConfigKey> all;
    for (const auto& e : table()) all.push_back(e.key);
    return all;
  }();
  return keys;
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> entries;
  if (text.empty()) return entries;
  entries.emplace_back();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == ',')
      entries.back() += text[++i];
    else if (text[i] == ',')
      entries.emplace_back();
    else if (text[i] == ' ' && entries.back().empty())
      continue;  // "a, b"
    else
      entries.back() += text[i];
  }
  return entries;
}

std::string join_list(const std::vector<std::string>& entries) {
  std::string text;
  for (const auto& e : entries) {
    if (!text.empty()) text += ',';
    for (const char ch : e) {
      if (ch == ',') text += '\\';
      text += ch;
    }
  }
  return text;
}

const std::vector<std::string>& resumable_keys() {
  static const std::vector<std::string> keys = {
      "updates",       "threads", "memory",    "disk",       "disk-dir",   "telemetry", "tensorboard",
      "journal-every", "data",    "eval-data", "eval-every", "eval-steps", "eval-seeds"};
  return keys;
}

bool changes_bits(const std::string& key) {
  static const std::set<std::string> harmless = [] {
    std::set<std::string> keys = {"save-every", "keep-newest", "keep-every"};
    keys.insert(resumable_keys().begin(),
                resumable_keys().end());  // data: what it is stands in the group of that name
    return keys;
  }();
  return !harmless.contains(key);
}

}  // namespace metalearn
