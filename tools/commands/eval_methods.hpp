// eval --methods: several methods on the same data sets, draws and base models, as one table.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "metalearn/baselines/method_list.hpp"
#include "metalearn/evaluate/few_shot.hpp"
#include "metalearn/snapshots/trained_theta.hpp"
#include "tools/cli/output_file.hpp"

namespace tools {

struct MethodsRequest {
  std::vector<std::string> names = {};               ///< or "all"
  std::vector<metalearn::TrainedTheta> thetas = {};  ///< at most one per rule
  metalearn::Config config = {};                     ///< of the base model and the labelled draws
  std::vector<std::shared_ptr<const metalearn::Dataset>> sets = {};
  metalearn::FewShotOptions options = {};  ///< steps empty: each method's own evaluation steps
  bool json = false;
  OutputFile out = {};  ///< for the JSON, in addition to what is printed
};

/// Prints the table, or JSON, and writes request.out. Returns the exit code.
int eval_methods(const MethodsRequest& request);

}  // namespace tools
