#include "autodiff/transform/pipeline.hpp"

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <stdexcept>

#include "autodiff/transform/fuse_blocks.hpp"
#include "autodiff/transform/save_set.hpp"
#include "autodiff/transform/simplify.hpp"
#include "autodiff/transform/tile_programs.hpp"

namespace autodiff {

Rewritten transform(std::span<const Var> inputs, std::span<const Var> outputs,
                    const TransformOptions& options, Graph& target) {
  if (options.forward_outputs > outputs.size())
    throw std::invalid_argument(fmt::format("[plan] the forward pass can't have {} of {} outputs",
                                            options.forward_outputs, outputs.size()));
  if (!(options.recompute_price >= 0))
    throw std::invalid_argument(
        fmt::format("[plan] expected a recompute price of at least 0, found {}", options.recompute_price));
  if (options.sub_segments < 1 || (options.sub_segments > 1 && options.recompute_price == 0))
    throw std::invalid_argument(fmt::format(
        "[plan] expected at least 1 sub-segment, and a recompute price with more than 1, found {} and {}",
        options.sub_segments, options.recompute_price));
  using Pass = std::function<Rewritten(std::span<const Var>, std::span<const Var>, Graph&)>;
  std::vector<Pass> passes{simplify};
  if (options.fuse) {
    passes.emplace_back(fuse_blocks);
    passes.emplace_back([&](std::span<const Var> in, std::span<const Var> out, Graph& to) {
      return tile_programs(in, out, to, options.forward_outputs);
    });
  }
  if (options.forward_outputs > 0 && options.recompute_price > 0)
    passes.emplace_back([&](std::span<const Var> in, std::span<const Var> out, Graph& to) {
      SaveSet saved = choose_save_set(out, options.forward_outputs, options.recompute_price);
      if (options.sub_segments > 1)
        saved = choose_save_set(out, options.forward_outputs, options.recompute_price,
                                find_sub_segments(out.first(options.forward_outputs), saved.kept,
                                                  saved.numbers / options.sub_segments));
      return recompute(in, out, options.forward_outputs, saved, to);
    });

  // The last pass writes to the target, the others to graphs that live until the next pass is done.
  std::unique_ptr<Graph> before;
  Rewritten now{{inputs.begin(), inputs.end()}, {outputs.begin(), outputs.end()}};
  for (std::size_t i = 0; i < passes.size(); ++i) {
    const bool last = i + 1 == passes.size();
    auto between = last ? nullptr : std::make_unique<Graph>();
    now = passes[i](now.inputs, now.outputs, last ? target : *between);
    before = std::move(between);
  }
  return now;
}

}  // namespace autodiff
