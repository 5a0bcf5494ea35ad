// choose_baselines: chooses the baselines' hyperparameters: candidates on meta-validation tasks, which are
// never evaluation tasks.
//
// Base 196-64-64-32, tasks of as many classes as the data hold out, at most ten.
#include <fmt/format.h>

#include <cstdio>

#include "bench/program.hpp"
#include "metalearn/baselines/methods.hpp"
#include "metalearn/data/sources/load_dataset.hpp"
#include "metalearn/evaluate/comparison.hpp"

namespace bench {
namespace {

using namespace metalearn;

constexpr std::uint64_t kSeed = 1;

std::vector<Method> candidates() {
  std::vector<Method> all = {random_method(), pixels_method(), pca_method(), pca_method({.whiten = true})};
  for (const std::int64_t centres : {64, 128, 256, 512}) all.push_back(kmeans_method({.centres = centres}));
  for (const double weight : {1.0, 3.0, 10.0})
    for (const double bias : {0.1, 1.0}) all.push_back(random_relu_method({.weight = weight, .bias = bias}));
  for (const double rate : {1e-3, 3e-3, 1e-2}) {
    all.push_back(supervised_method({.rate = rate}));
    all.back().marks = {30, 100, 300};
  }
  for (const double rate : {1e-3, 3e-3}) {
    all.push_back(supervised_all_method({.rate = rate}));
    all.back().marks = {1000, 3000};
  }
  for (const double rate : {3e-4, 1e-3, 3e-3}) all.push_back(vae_method({.rate = rate}));
  for (const double rate : {0.1, 0.3, 1.0}) {
    all.push_back(oja_method({.rate = rate}));
    all.back().marks = {10, 30, 100, 300, 1000};
  }
  return all;
}

void report(const std::string& data, const std::vector<Method>& methods, std::uint64_t count) {
  TaskConfig config;
  config.classes_min = 10;
  config.hidden_min = config.hidden_max = 2;
  config.width_min = config.width_max = 64;
  const TaskDistribution distribution(config, {load_dataset(data)}, kSeed);
  std::vector<Task> tasks;
  for (std::uint64_t id = 0; id < count; ++id) tasks.push_back(distribution.draw(Role::validation, id));
  for (const auto& method : methods)
    for (const auto& row :
         compare({method}, tasks, config.labels_per_class,
                 {.steps = {}, .draws = 2, .seed = kSeed, .activation = Activation::relu, .threads = 0})) {
      if (row.head == Head::ridge)
        fmt::print("{:<10}{:<15}{:<46}{:>6}", data.substr(0, data.find('=')), method.name, method.settings,
                   row.step);
      fmt::print("{:>{}.4f}", row.accuracy.mean, row.head == Head::logistic_cv ? 12 : 10);
      if (row.head == Head::logistic_cv) fmt::print("\n");
      std::fflush(stdout);
    }
}

void run(const std::vector<std::string>& words) {
  const tools::Usage usage{
      "choose_baselines [--data NAME[=DIR] ...] [options]",
      "Accuracies of candidate hyperparameters on meta-validation tasks: ridge, ridge_cv, logistic_cv.",
      {{"data", "NAME[=DIR]", "data set whose held-out part is used", "glyph", true},
       {"only", "METHOD", "candidates of this method only"},
       {"tasks", "N", "tasks; 1 .. 10000", "16"}}};
  const auto arguments = tools::parse(usage, words);
  if (!arguments) return;
  std::vector<Method> methods = candidates();
  if (const auto only = arguments->find("only"))
    std::erase_if(methods, [&](const Method& m) { return m.name != *only; });
  const auto tasks = static_cast<std::uint64_t>(arguments->whole("tasks", 16, 1, 10000));
  fmt::print("{:<10}{:<15}{:<46}{:>6}{:>10}{:>10}{:>12}\n", "data", "method", "settings", "step", "ridge",
             "ridge_cv", "logistic_cv");
  for (const auto& word : arguments->has("data") ? arguments->all("data") : std::vector<std::string>{"glyph"})
    report(word, methods, tasks);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run_program("choose_baselines", argc, argv, bench::run); }
