// THE table: every configuration key, one row each, with all its facts.
#include <initializer_list>
#include <limits>

#include "metalearn/config/config.hpp"
#include "metalearn/config/config_key.hpp"
#include "metalearn/config/key_row.hpp"
#include "metalearn/config/presets.hpp"
#include "metalearn/rules/update_rule.hpp"

namespace metalearn {
namespace {

constexpr std::int64_t kMany = 1000000000;
constexpr std::int64_t kLong = 100000;  // inner steps

#define FIELD(place) field_at([](auto& c) -> auto& { return c.place; })

void add(std::vector<ConfigKey>& keys, const char* group, std::initializer_list<KeyRow> rows) {
  for (const KeyRow& row : rows) {
    keys.push_back(row.key());
    keys.back().group = group;
  }
}

void add_sources(std::vector<ConfigKey>& keys) {
  add(keys, "Preset and data",
      {
          word("preset", FIELD(preset), preset_names(),
               "named settings, which set the defaults of all other keys")
              .essential(),
          data_sets("data", FIELD(data), "data sets to train on, each one family of tasks",
                    "glyph, glyph=DIR (fonts), the synthetic bags, mixture and teacher, or NAME=DIR, whose "
                    "format is detected from its files: metalearn data --help")
              .resumable()
              .essential(),
      });
}

void add_run(std::vector<ConfigKey>& keys) {
  add(keys, "The run",
      {
          integer("updates", FIELD(updates), 1, 99999999, "total updates of theta").resumable().essential(),
          integer("seed", FIELD(seed), 0, std::numeric_limits<std::uint64_t>::max(),
                  "seed of all random numbers of the run")
              .essential(),
          integer("threads", FIELD(threads), 0, 4096, "threads; 0: all cores (results do not depend on it)")
              .resumable()
              .essential(),
          interval("save-every", FIELD(save_every),
                   "updates (N) or seconds (Ns) between snapshots; the last update is always saved")
              .keeps_bits()
              .essential(),
          integer("keep-newest", FIELD(keep_newest), 1, 1000000,
                  "newest snapshots to keep, in addition to the best one on held-out tasks")
              .keeps_bits(),
          integer("keep-every", FIELD(keep_every), 0, kMany,
                  "save and keep the snapshots of all multiples of N updates; 0: none")
              .keeps_bits(),
          integer("validate-every", FIELD(validate_every), 0, kMany,
                  "updates between validations on held-out tasks, which also detect divergence (if "
                  "validate-steps holds 0 and other steps); 0: never")
              .essential(),
          steps("validate-steps", FIELD(validate_steps),
                "evaluation steps of a validation: it scores after this many inner steps"),
          integer("validate-tasks", FIELD(validate_tasks), 1, 10000, "held-out tasks per validation"),
          data_sets("eval-data", FIELD(eval_data),
                    "data sets to evaluate theta on during training, for evaluations.csv; they have no "
                    "effect on training",
                    "glyph or NAME=DIR, as for --data, or none")
              .resumable()
              .essential(),
          integer("eval-every", FIELD(eval_every), 0, kMany,
                  "updates between evaluations on eval-data; 0: never")
              .resumable(),
          steps("eval-steps", FIELD(eval_steps),
                "evaluation steps of an evaluation on eval-data: it scores after this many inner steps")
              .resumable(),
          integer("eval-seeds", FIELD(eval_seeds), 1, 10000,
                  "base models per data set in an evaluation, each with its own batches")
              .resumable(),
          real("journal-every", FIELD(journal_every), 0.001, 1e6,
               "seconds between saves of the progress within one window, so that a killed window resumes "
               "from there")
              .resumable()
              .shown_as("SECONDS"),
          truth("tensorboard", FIELD(tensorboard),
                "also write the rows of metrics.csv to an event file for TensorBoard")
              .resumable(),
          truth("telemetry", FIELD(telemetry),
                "write a row per inner step of every window to steps.csv: norms of the adjoint of phi and of "
                "the step's contribution to the gradient")
              .resumable(),
      });
}

void add_windows(std::vector<ConfigKey>& keys) {
  add(keys, "Windows and tasks in flight",
      {
          integer("tasks", FIELD(tasks), 1, 100000, "M: windows per update").at_most("in-flight").essential(),
          integer("in-flight", FIELD(in_flight), 1, 100000, "P: in-flight tasks in the pool, at least M")
              .essential(),
          shorthand("unroll", {"window-min", "window-max", "length-min", "length-max", "length-start"}, 1,
                    kLong, "shorthand: windows and lengths are all N inner steps (full back-propagation)")
              .essential(),
          integer("window-min", FIELD(window_min), 1, kLong,
                  "smallest window k (inner steps that one update back-propagates through)")
              .at_most("window-max")
              .at_most_in_new_runs("length-max"),
          integer("window-max", FIELD(window_max), 1, kLong, "largest window k, at most length-max")
              .at_most_in_new_runs("length-max"),
          integer("length-min", FIELD(length_min), 1, kLong,
                  "smallest total length L of a task (inner steps)")
              .at_most("length-max"),
          integer("length-max", FIELD(length_max), 1, kLong,
                  "largest total length L after its growth, at least window-max"),
          integer("length-start", FIELD(length_start), 1, kLong, "largest total length L at update 0"),
          integer("length-horizon", FIELD(length_horizon), 1, kMany,
                  "updates over which the largest length grows to length-max"),
          word("estimator", FIELD(estimator), {"windowed", "es", "pes"},
               "gradient of a window: by back-propagation, antithetic evolution strategies, or persistent "
               "ones (no truncation bias)"),
          integer("es-pairs", FIELD(es_pairs), 1, 100000,
                  "N: antithetic pairs of perturbations of theta, for estimator es or pes"),
          real("es-sigma", FIELD(es_sigma), 1e-6, 10, "standard deviation of these perturbations"),
          bytes("memory", FIELD(memory),
                "memory budget for windows, in-flight tasks, gradients and snapshots; decides how many "
                "windows run at the same time, and never changes the bits of a result")
              .resumable()
              .essential(),
          bytes("disk", FIELD(disk), "disk space for states that don't fit in memory; needs disk-dir")
              .resumable(),
          folder("disk-dir", FIELD(disk_dir), "folder for states on disk, which are deleted after use")
              .resumable(),
      });
}

void add_optimiser(std::vector<ConfigKey>& keys) {
  add(keys, "The outer optimiser",
      {
          real("meta-rate", FIELD(meta_rate), 1e-9, 1, "Adam's learning rate after the warm-up").essential(),
          real("meta-rate-final", FIELD(meta_rate_final), 0, 1,
               "Adam's learning rate after decay-horizon updates"),
          real("merge-rate", FIELD(merge_rate), 0, 1e6,
               "factor on Adam's learning rate for the rule's merge weights"),
          integer("warmup", FIELD(warmup), 0, kMany, "updates of linear warm-up"),
          integer("decay-horizon", FIELD(decay_horizon), 1, kMany,
                  "updates over which the learning rate falls to meta-rate-final"),
          real("adam-beta1", FIELD(adam_beta1), 0, 0.999999, "decay of the gradient's moving average"),
          real("adam-beta2", FIELD(adam_beta2), 0, 0.9999999,
               "decay of the squared gradient's moving average"),
          real("adam-epsilon", FIELD(adam_epsilon), 1e-16, 1,
               "added to the root of the squared gradient's average"),
          real("clip-task", FIELD(clip_task), 1e-9, 1e9,
               "largest 2-norm of one task's gradient; noise makes those of es and pes longer: set clip-task "
               "and clip to 1e9 to leave them unclipped"),
          real("clip", FIELD(clip), 1e-9, 1e9, "largest 2-norm of the averaged gradient"),
          real("theta-average", FIELD(theta_average), 0, 0.999999,
               "decay of theta's moving average, which is used in evaluations"),
      });
}

void add_rule(std::vector<ConfigKey>& keys) {
  add(keys, "The update rule",
      {
          word("rule", FIELD(rule.rule), update_rule_names(),
               "form of the update rule; the sizes of networks apply to metz only")
              .shapes_theta()
              .exported(),
          integer("h-size", FIELD(rule.H), 1, 1024, "H: channels of a neuron's hidden state").shapes_theta(),
          integer("h-layers", FIELD(rule.Q), 0, 16, "Q: residual layers that compute the hidden state")
              .shapes_theta(),
          integer("top-size", FIELD(rule.S), 1, 1024, "S: channels of the top network").shapes_theta(),
          integer("top-layers", FIELD(rule.P), 0, 16, "P: layers of the top network").shapes_theta(),
          integer("delta-size", FIELD(rule.D), 1, 1024, "D: channels of the learning signal").shapes_theta(),
          integer("grad-channels", FIELD(rule.G), 1, 64, "G: channels of each increment's readouts")
              .shapes_theta(),
          truth("identical-updates", FIELD(rule.identical_updates), "change W and V by the same increment")
              .shapes_theta(),
          enumerated("activation", FIELD(rule.activation), activation_names(), "activation of the base model")
              .free()
              .exported()
              .common()
              .published("relu"),
          real("inner-rate", FIELD(rule.inner_rate), 1e-9, 1, "lambda: learning rate of an inner step")
              .free()
              .exported()
              .published("1e-4")
              .essential(),
          real(
              "ridge", FIELD(rule.ridge), 1e-6, 1e6,
              "penalty of the meta-objective's ridge regression; validations and evaluations always use 0.1"),
      });
}

void add_tasks(std::vector<ConfigKey>& keys) {
  add(keys, "Tasks",
      {
          integer("representation", FIELD(rule.N_L), 1, 4096,
                  "units of the representation, the base model's last layer")
              .also([](Config& c) { c.task.representation = c.rule.N_L; })
              .shapes_theta()
              .exported()
              .common(),
          integer("batch", FIELD(batch), 2, 65536, "B: unlabelled examples per inner step")
              .free()
              .exported()
              .published("128"),
          integer("averages", FIELD(averages), 1, 1000,
                  "pairs of labelled batches averaged in one meta-objective"),
          integer("resolution", FIELD(task.resolution), 4, 64,
                  "images are area-averaged to this height and width")
              .free()
              .exported()
              .common(),
          truth("colour", FIELD(task.load.colour),
                "keep red, green and blue of colour images as separate inputs instead of converting to grey")
              .free()
              .exported()
              .common()
              .of_loading(),
          integer("words", FIELD(task.load.words), 2, kLong,
                  "inputs of a bag of words: the N most frequent words of the train part")
              .free()
              .exported()
              .common()
              .of_loading(),
          integer("labels-per-class", FIELD(task.labels_per_class), 1, 1000,
                  "labelled examples per class and batch")
              .free(),
          integer("classes-min", FIELD(task.classes_min), 2, 1000, "fewest classes of a task")
              .at_most("classes-max"),
          integer("classes-max", FIELD(task.classes_max), 2, 1000, "most classes of a task"),
          integer("hidden-min", FIELD(task.hidden_min), 1, 64, "fewest hidden layers").at_most("hidden-max"),
          integer("hidden-max", FIELD(task.hidden_max), 1, 64, "most hidden layers"),
          integer("width-min", FIELD(task.width_min), 8, 16384,
                  "fewest units of a hidden layer (rounded to multiples of 8)")
              .at_most("width-max"),
          integer("width-max", FIELD(task.width_max), 8, 16384, "most units of a hidden layer"),
          probability("permute", FIELD(task.permute), "a task permutes its inputs"),
          probability("shift", FIELD(task.shift), "a task shifts each example").of_held_out_tasks(),
          real("shift-max", FIELD(task.shift_max), 0, 64, "largest shift, pixels"),
          probability("rotate", FIELD(task.rotate), "a task rotates each example").of_held_out_tasks(),
          real("rotate-max", FIELD(task.rotate_max), 0, 180, "largest rotation, degrees"),
          truth("coefficient-targets", FIELD(task.coefficient_targets),
                "in training tasks that rotate or shift, add each example's angle and shifts to the targets "
                "of the meta-objective"),
          real("coefficient-weight", FIELD(task.coefficient_weight), 0, 100,
               "weight of these targets (uniform in -1 .. 1) relative to the one-hot targets of the classes"),
          probability("noise", FIELD(task.noise), "a task adds noise").of_held_out_tasks(),
          real("noise-max", FIELD(task.noise_max), 0, 10, "largest standard deviation of the noise"),
          real("dropout", FIELD(task.dropout), 0, 0.9,
               "probability that a unit is zeroed for an example in the inner steps of training tasks; the "
               "others are scaled by 1 / (1 - dropout)"),
          enumerated("dropout-place", FIELD(task.dropout_place), {"inputs", "hidden", "all"},
                     "units that dropout applies to; never the representation's"),
          probability("invert", FIELD(task.invert), "a task inverts all inputs"),
          probability("input-sign", FIELD(task.input_sign), "a task inverts each input with probability 1/2"),
      });
}

#undef FIELD

}  // namespace

const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> table = [] {
    std::vector<ConfigKey> keys;
    for (const auto add_group : {add_sources, add_run, add_windows, add_optimiser, add_rule, add_tasks})
      add_group(keys);
    return keys;
  }();
  return table;
}

}  // namespace metalearn
