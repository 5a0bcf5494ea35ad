#include "autodiff/plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

#include "autodiff/plan/memory_plan.hpp"
#include "autodiff/transform/simplify.hpp"

namespace autodiff {

namespace {

// The buffer that a node's value lives in: its own, or that of the node it is an alias of or was computed in place of.
struct Buffer {
  enum class Kind { arena, input, output, constant } kind = Kind::arena;
  std::size_t index = 0;  // input or output number, first number of a constant, or index of the arena's lifetime
};

constexpr std::size_t kNever = static_cast<std::size_t>(-1);

}  // namespace

template <class T>
Plan<T>::Plan(std::span<const Var> source_inputs, std::span<const Var> source_outputs, PlanOptions options) : outputs_(source_outputs.size()) {
  Graph graph;
  const Simplified s = simplify(source_inputs, source_outputs, graph);
  const std::size_t n = graph.size();
  for (Var v : s.inputs) inputs_.push_back({v.shape().size(), fmt::format("input '{}' is already not finite, {}", graph.input_name(v.id()), graph.where(v.id()))});

  // What outputs depend on: simplification leaves nodes behind whose only use it removed.
  std::vector<bool> needed(n, false);
  for (Var v : s.outputs) needed[v.id()] = true;
  for (auto id = static_cast<NodeId>(n); id-- > 0;)
    if (needed[id])
      for (NodeId i : graph.node(id).inputs) needed[i] = true;

  // Steps are the needed nodes that compute; time is the index of the step.
  std::vector<std::size_t> time(n, kNever);
  std::vector<NodeId> order;
  for (NodeId id = 0; id < n; ++id)
    if (needed[id] && !graph.is_input(id) && !graph.is_constant(id) && !graph.node(id).op->alias) {
      time[id] = order.size();
      order.push_back(id);
    }
  std::vector<NodeId> root(n);  // through aliases
  for (NodeId id = 0; id < n; ++id) root[id] = graph.node(id).op->alias ? root[graph.node(id).inputs[0]] : id;
  std::vector<std::size_t> last_use(n, 0);
  for (NodeId id : order)
    for (NodeId i : graph.node(id).inputs) last_use[root[i]] = time[id];

  // A value that is an output is computed where the caller wants it; where that can't be (it is an input, a constant, or wanted twice), it is copied at the end.
  std::vector<std::optional<Buffer>> buffer(n);
  std::vector<std::pair<NodeId, std::size_t>> copies;  // root, output number
  for (std::size_t i = 0; i < outputs_; ++i) {
    const NodeId r = root[s.outputs[i].id()];
    if (time[r] == kNever || buffer[r]) {
      copies.emplace_back(r, i);
      last_use[r] = order.size();
    } else {
      buffer[r] = Buffer{Buffer::Kind::output, i};
    }
  }
  for (std::size_t i = 0; i < inputs_.size(); ++i) buffer[s.inputs[i].id()] = Buffer{Buffer::Kind::input, i};
  for (NodeId id = 0; id < n; ++id)
    if (needed[id] && graph.is_constant(id)) {
      buffer[id] = Buffer{Buffer::Kind::constant, constants_.size()};
      for (double v : graph.constant_values(id)) constants_.push_back(static_cast<T>(v));
    }

  // Lifetimes in the arena, and one step's kernel each.
  std::vector<Lifetime> lifetimes;
  std::vector<std::size_t> scratch(order.size(), kNever);
  for (NodeId id : order) {
    const Node& node = graph.node(id);
    Step step;
    NodeShape shape{{}, node.shape, &node.attributes};
    for (NodeId i : node.inputs) shape.in.push_back(graph.node(i).shape);
    step.kernel = node.op->template kernel<T>()(shape);
    step.size = node.shape.size();
    step.name = fmt::format("{}, {}", node.op->name, graph.where(id));
    cost_ += node.op->cost ? node.op->cost(shape) : static_cast<double>(node.shape.size());
    most_operands_ = std::max(most_operands_, node.inputs.size());
    const std::size_t t = time[id];
    if (!buffer[id] && options.in_place) {
      for (std::size_t operand : node.op->in_place) {
        const NodeId i = node.inputs[operand], r = root[i];
        const bool once = std::count_if(node.inputs.begin(), node.inputs.end(), [&](NodeId j) { return root[j] == r; }) == 1;
        if (once && buffer[r] && buffer[r]->kind == Buffer::Kind::arena && last_use[r] == t && graph.node(i).shape == node.shape) {
          buffer[id] = buffer[r];
          lifetimes[buffer[r]->index].last = std::max(last_use[id], t);
          break;
        }
      }
    }
    if (!buffer[id]) {
      buffer[id] = Buffer{Buffer::Kind::arena, lifetimes.size()};
      lifetimes.push_back({static_cast<std::size_t>(step.size) * sizeof(T), t, std::max(last_use[id], t)});
    }
    if (step.kernel.scratch > 0) {
      scratch[t] = lifetimes.size();
      lifetimes.push_back({static_cast<std::size_t>(step.kernel.scratch) * sizeof(T), t, t});
    }
    steps_.push_back(std::move(step));
  }

  const MemoryPlan memory = plan_memory(lifetimes);
  const auto address = [&](NodeId id) {
    const Buffer& b = *buffer[root[id]];
    switch (b.kind) {
      case Buffer::Kind::input: return Address{Place::input, b.index};
      case Buffer::Kind::output: return Address{Place::output, b.index};
      case Buffer::Kind::constant: return Address{Place::constant, b.index};
      default: return Address{Place::arena, memory.offsets[b.index]};
    }
  };
  const auto end_of = [&](std::size_t lifetime) { return memory.offsets[lifetime] + (lifetimes[lifetime].bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment; };
  for (std::size_t t = 0; t < order.size(); ++t) {
    Step& step = steps_[t];
    for (NodeId i : graph.node(order[t]).inputs) step.in.push_back(address(i));
    step.out = address(order[t]);
    if (step.out.place == Place::arena) step.reach = end_of(buffer[order[t]]->index);
    if (scratch[t] != kNever) {
      step.scratch_offset = memory.offsets[scratch[t]];
      step.reach = std::max(step.reach, end_of(scratch[t]));
    }
  }
  for (auto [id, output] : copies) {
    Step step;
    step.size = graph.node(id).shape.size();
    step.kernel.run = [size = step.size](const KernelArguments<T>& k) { std::copy_n(k.in[0], size, k.out); };
    step.in = {address(id)};
    step.out = {Place::output, output};
    step.name = "copy of an output";
    most_operands_ = std::max<std::size_t>(most_operands_, 1);
    steps_.push_back(std::move(step));
  }
  operand_table_ = (most_operands_ * sizeof(T*) + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
  peak_ = operand_table_ + memory.peak;
}

template <class T>
template <class After>
void Plan<T>::replay(std::span<const T* const> inputs, std::span<T* const> outputs, Arena& arena, const Parallel& parallel, After after) const {
  if (inputs.size() != inputs_.size() || outputs.size() != outputs_)
    throw std::invalid_argument(fmt::format("[plan] expected {} inputs and {} outputs, found {} and {}", inputs_.size(), outputs_, inputs.size(), outputs.size()));
  arena.reserve(peak_);
  std::byte* base = arena.data() + operand_table_;
  const auto resolve = [&](const Address& a) -> const T* {
    switch (a.place) {
      case Place::arena: return reinterpret_cast<const T*>(base + a.offset);
      case Place::input: return inputs[a.offset];
      case Place::output: return outputs[a.offset];
      default: return constants_.data() + a.offset;
    }
  };
  auto** operands = reinterpret_cast<const T**>(arena.data());
  for (const Step& step : steps_) {
    for (std::size_t i = 0; i < step.in.size(); ++i) operands[i] = resolve(step.in[i]);
    T* out = const_cast<T*>(resolve(step.out));
    step.kernel.run({operands, out, reinterpret_cast<T*>(base + step.scratch_offset), &parallel});
    arena.touch(operand_table_ + step.reach);
    if (!after(step, out)) return;
  }
}

template <class T>
void Plan<T>::run(std::span<const T* const> inputs, std::span<T* const> outputs, Arena& arena, const Parallel& parallel) const {
  replay(inputs, outputs, arena, parallel, [](const Step&, const T*) { return true; });
}

template <class T>
std::optional<std::string> Plan<T>::first_non_finite(std::span<const T* const> inputs, std::span<T* const> outputs, Arena& arena, const Parallel& parallel) const {
  const auto finite = [](const T* x, Index size) { return std::all_of(x, x + size, [](T v) { return std::isfinite(v); }); };
  for (std::size_t i = 0; i < std::min(inputs.size(), inputs_.size()); ++i)
    if (!finite(inputs[i], inputs_[i].size)) return inputs_[i].name;
  std::optional<std::string> found;
  replay(inputs, outputs, arena, parallel, [&](const Step& step, const T* out) {
    if (finite(out, step.size)) return true;
    found = step.name;
    return false;
  });
  return found;
}

template class Plan<float>;
template class Plan<double>;

}  // namespace autodiff
