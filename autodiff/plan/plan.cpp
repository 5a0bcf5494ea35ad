#include "autodiff/plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>

#include "autodiff/plan/memory_plan.hpp"
#include "autodiff/transform/pipeline.hpp"

namespace autodiff {

namespace {

// Numbers that the forward pass computes in the arena and the rest reads; a value within a joined value
// counts once.
std::size_t numbers_read_back(const Graph& graph, std::span<const NodeId> order, const Placement& placement,
                              const std::vector<char>& forward) {
  std::vector<char> kept(graph.size(), 0);
  for (NodeId id : order)
    if (!forward[id])
      for (NodeId i : graph.node(id).inputs)
        if (forward[i] && placement.in_arena[placement.value_of[i]]) kept[placement.value_of[i]] = 1;
  std::size_t numbers = 0;
  for (NodeId id : order) {
    NodeId joined = placement.joined_in[id];
    while (joined != kNoNode && !kept[joined]) joined = placement.joined_in[joined];
    if (kept[id] && joined == kNoNode) numbers += static_cast<std::size_t>(graph.node(id).shape.size());
  }
  return numbers;
}

// A rough estimate of the seconds that one core takes. Rates measured with these kernels on an older core:
// multiply-adds, and bytes through the outer caches.
double estimated_seconds(double cost, const NodeShape& shape, std::size_t number_bytes) {
  constexpr double kMultiplyAdds = 5e10, kBytes = 3e10;
  Index numbers = shape.out.size();
  for (const Shape& in : shape.in) numbers += in.size();
  return cost / kMultiplyAdds + static_cast<double>(numbers) * static_cast<double>(number_bytes) / kBytes;
}

}  // namespace

template <class T>
Plan<T>::Plan(std::span<const Var> source_inputs, std::span<const Var> source_outputs, PlanOptions options)
    : outputs_(source_outputs.size()), halves_(options.halves) {
  if (halves_ && options.transform.forward_outputs == 0)
    throw std::invalid_argument(
        "[plan] halves need transform.forward_outputs > 0: which outputs belong to the forward pass");
  Graph graph;
  const Rewritten s = transform(source_inputs, source_outputs, options.transform, graph);
  scopes_ = graph.scope_names();
  for (Var v : s.inputs)
    inputs_.push_back({v.shape().size(), fmt::format("input '{}' is already not finite, {}",
                                                     graph.input_name(v.id()), graph.where(v.id()))});

  // The nodes that compute and that outputs depend on: passes may leave unused nodes.
  const std::vector<char> needed = ancestors(s.outputs);
  std::vector<NodeId> order;
  for (NodeId id = 0; id < graph.size(); ++id)
    if (needed[id] && !graph.is_input(id) && !graph.is_constant(id) && !view_of(graph, id))
      order.push_back(id);
  const std::size_t forward_outputs = options.transform.forward_outputs;
  const std::vector<char> forward = forward_outputs > 0
                                        ? ancestors(std::span(s.outputs).first(forward_outputs))
                                        : std::vector<char>(graph.size());
  if (forward_outputs > 0)
    std::stable_partition(order.begin(), order.end(), [&](NodeId id) { return forward[id]; });
  std::vector<Kernel<T>> kernels;
  std::vector<Index> scratch;
  for (NodeId id : order) {
    kernels.push_back(graph.node(id).op->template kernel<T>()(node_shape(graph, id)));
    scratch.push_back(kernels.back().scratch);
  }
  const auto forward_steps = static_cast<std::size_t>(
      std::count_if(order.begin(), order.end(), [&](NodeId id) { return forward[id]; }));
  const Placement placement =
      place_values({graph, s.inputs, s.outputs, order, scratch, sizeof(T), options.in_place,
                    halves_ ? forward_steps : 0, halves_ ? forward_outputs : 0});

  for (NodeId id : placement.constants)
    for (double v : graph.constant_values(id)) constants_.push_back(static_cast<T>(v));
  const auto first_output = static_cast<std::uint32_t>(Place::kInputs + inputs_.size());
  const auto add_copies = [&](bool of_forward) {
    for (const Placement::Copy& copy : placement.copies) {
      if ((copy.output < forward_outputs) != of_forward) continue;
      const Node& node = graph.node(copy.node);
      const Index size = node.shape.size();
      add({[size](const KernelArguments<T>& k) { std::copy_n(k.in[0], size, k.out); },
           0,
           0,
           {first_output + static_cast<std::uint32_t>(copy.output), 0},
           0,
           false},
          std::span(&copy.from, 1), {"copy of an output", node.location, node.scope, size, 0, 0});
    }
  };
  bool in_forward = forward_outputs > 0;
  const auto end_forward = [&] {
    if (in_forward) add_copies(true), forward_calls_ = calls_.size();
    in_forward = false;
  };
  for (const Placement::Step& placed : placement.steps) {
    const NodeId id = order[placed.index];
    if (!forward[id]) end_forward();
    const Node& node = graph.node(id);
    const NodeShape shape = node_shape(graph, id);
    const double cost = node.op->cost ? node.op->cost(shape) : static_cast<double>(node.shape.size());
    const bool spread = estimated_seconds(cost, shape, sizeof(T)) > options.spread_above;
    add({std::move(kernels[placed.index].run), 0, 0, placed.out, placed.scratch.offset, spread}, placed.in,
        {node.op->name, node.location, node.scope, node.shape.size(), cost, placed.end});
  }
  end_forward();
  add_copies(false);
  const std::size_t pointers = Place::kInputs + inputs_.size() + outputs_ + most_operands_;
  tables_ = (pointers * sizeof(void*) + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
  peak_ = tables_ + placement.arena_bytes;
  if (forward_outputs > 0) tape_ = numbers_read_back(graph, order, placement, forward) * sizeof(T);
  tape_numbers_ = placement.tape_bytes / sizeof(T);
}

template <class T>
void Plan<T>::add(Call call, std::span<const Place> in, Step step) {
  call.first_operand = static_cast<std::uint32_t>(operands_.size());
  call.operands = static_cast<std::uint32_t>(in.size());
  operands_.insert(operands_.end(), in.begin(), in.end());
  most_operands_ = std::max(most_operands_, in.size());
  cost_ += step.cost;
  if (!steps_.empty()) step.reach = std::max(step.reach, steps_.back().reach);
  calls_.push_back(std::move(call));
  steps_.push_back(std::move(step));
}

template <class T>
template <class After>
void Plan<T>::replay(Range calls, std::span<const T* const> inputs, std::span<T* const> outputs, Arena& arena,
                     const Parallel& parallel, T* tape, After after) const {
  if (inputs.size() != inputs_.size() || outputs.size() != outputs_)
    throw std::invalid_argument(fmt::format("[plan] expected {} inputs and {} outputs, found {} and {}",
                                            inputs_.size(), outputs_, inputs.size(), outputs.size()));
  arena.reserve(peak_);
  std::byte* const values = arena.data() + tables_;
  auto** const bases = reinterpret_cast<const std::byte**>(arena.data());
  auto** const operands = reinterpret_cast<const T**>(bases + Place::kInputs + inputs_.size() + outputs_);
  const std::byte** base = bases;
  *base++ = values;
  *base++ = reinterpret_cast<const std::byte*>(constants_.data());
  *base++ = reinterpret_cast<const std::byte*>(tape);
  for (const T* x : inputs) *base++ = reinterpret_cast<const std::byte*>(x);
  for (T* y : outputs) *base++ = reinterpret_cast<const std::byte*>(y);
  const auto resolve = [bases](Place p) { return reinterpret_cast<const T*>(bases[p.base] + p.offset); };

  const Parallel one_thread(1);
  std::size_t ran = calls.first;
  while (ran < calls.last) {
    const Call& call = calls_[ran];
    const Place* in = operands_.data() + call.first_operand;
    for (std::uint32_t i = 0; i < call.operands; ++i) operands[i] = resolve(in[i]);
    T* const out = const_cast<T*>(resolve(call.out));
    call.kernel(
        {operands, out, reinterpret_cast<T*>(values + call.scratch), call.spread ? &parallel : &one_thread});
    if (!after(steps_[ran++], out)) break;
  }
  if (ran > 0) arena.touch(tables_ + steps_[ran - 1].reach);
}

template <class T>
template <class After>
void Plan<T>::replay(std::span<const T* const> inputs, std::span<T* const> outputs, Arena& arena,
                     const Parallel& parallel, After after) const {
  if (halves_)
    throw std::invalid_argument(
        "[plan] the plan was compiled in halves: call run_forward() and run_reverse()");
  replay({0, calls_.size()}, inputs, outputs, arena, parallel, nullptr, after);
}

template <class T>
void Plan<T>::run(std::span<const T* const> inputs, std::span<T* const> outputs, Arena& arena,
                  const Parallel& parallel) const {
  replay(inputs, outputs, arena, parallel, [](const Step&, const T*) { return true; });
}

template <class T>
void Plan<T>::expect_halves(std::size_t numbers) const {
  if (!halves_) throw std::invalid_argument("[plan] the plan was not compiled in halves: set options.halves");
  if (numbers != tape_numbers_)
    throw std::invalid_argument(
        fmt::format("[plan] the tape needs {} numbers: found room for {}", tape_numbers_, numbers));
}

template <class T>
void Plan<T>::run_forward(std::span<const T* const> inputs, std::span<T* const> outputs, Arena& arena,
                          const Parallel& parallel, std::span<T> tape) const {
  expect_halves(tape.size());
  replay({0, forward_calls_}, inputs, outputs, arena, parallel, tape.data(),
         [](const Step&, const T*) { return true; });
}

template <class T>
void Plan<T>::run_reverse(std::span<const T* const> inputs, std::span<T* const> outputs, Arena& arena,
                          const Parallel& parallel, std::span<const T> tape) const {
  expect_halves(tape.size());
  replay({forward_calls_, calls_.size()}, inputs, outputs, arena, parallel, const_cast<T*>(tape.data()),
         [](const Step&, const T*) { return true; });  // no call writes to it
}

template <class T>
std::optional<std::string> Plan<T>::first_non_finite(std::span<const T* const> inputs,
                                                     std::span<T* const> outputs, Arena& arena,
                                                     const Parallel& parallel) const {
  const auto finite = [](const T* x, Index size) {
    return std::all_of(x, x + size, [](T v) { return std::isfinite(v); });
  };
  for (std::size_t i = 0; i < std::min(inputs.size(), inputs_.size()); ++i)
    if (!finite(inputs[i], inputs_[i].size)) return inputs_[i].name;
  std::optional<std::string> found;
  replay(inputs, outputs, arena, parallel, [&](const Step& step, const T* out) {
    if (finite(out, step.size)) return true;
    found = fmt::format("{}, {}", step.op, where(step));
    return false;
  });
  return found;
}

template <class T>
std::vector<KernelTiming> Plan<T>::profile(std::span<const T* const> inputs, std::span<T* const> outputs,
                                           Arena& arena, const Parallel& parallel) const {
  using Clock = std::chrono::steady_clock;
  std::vector<KernelTiming> timings;
  timings.reserve(steps_.size());
  Clock::time_point before = Clock::now();
  replay(inputs, outputs, arena, parallel, [&](const Step& step, const T*) {
    const Clock::time_point now = Clock::now();
    timings.push_back({step.op, where(step), step.cost, std::chrono::duration<double>(now - before).count()});
    before = Clock::now();
    return true;
  });
  return timings;
}

template class Plan<float>;
template class Plan<double>;

}  // namespace autodiff
