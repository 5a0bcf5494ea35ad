// OpDef: everything about one op in one place: attributes, shape rule, meaning, kernel, reverse, cost,
// samples for its tests. And the registry of all ops.
//
// `spec` is the meaning written in other ops (empty for primitives, whose meaning is `kernel`). An op with a
// spec may have a kernel, a vjp or both as accelerations: without kernel the spec runs, without vjp the spec
// is differentiated. Being registered is being tested: tests/autodiff/registry_test.cpp checks every op at
// its `samples`. A new family of ops is a file of ops/ and its row in ops/all_ops.cpp; an op of a user's own
// is a file anywhere that calls register_op(). Thread-safe.
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <typeindex>
#include <vector>

#include "autodiff/graph/graph.hpp"
#include "autodiff/parallel/parallel.hpp"

namespace autodiff {

/// Where a compiled kernel reads and writes.
template <class T>
struct KernelArguments {
  const T* const* in;
  T* out;
  T* scratch;
  const Parallel* parallel;
};

/// A kernel specialised for one node's shapes and attributes. All sums must have an order that depends on
/// these alone.
template <class T>
struct Kernel {
  std::function<void(const KernelArguments<T>&)> run;
  Index scratch = 0;  ///< numbers of working memory, planned in the arena
};

/// What a kernel, a spec, a vjp or a cost is made for.
struct NodeShape {
  std::vector<Shape> in;
  Shape out;
  const Attributes* attributes = nullptr;
};

/// One test case of an op: input shapes, attributes and where inputs are drawn from.
struct Sample {
  std::vector<Shape> in;
  Attributes attributes;
  double low = -1, high = 1;       ///< uniform in [low, high]
  double keep_away_from_zero = 0;  ///< inputs with |x| below this are moved away (kinks, poles)
  double raise_diagonal = 0;       ///< added to the diagonal of the first input, to make it positive definite
};

/// One use that an op's shape rule refuses, and a part of what it says.
struct WrongUse {
  std::vector<Shape> in;
  Attributes attributes;
  std::string says;
};

struct VjpInput {
  std::span<const Var> in;
  Var out;
  Var adjoint;                   ///< of out, same shape
  std::span<const bool> wanted;  ///< which inputs' adjoints are asked for
};

struct OpDef {
  std::string name;
  std::string doc;
  /// The struct that every node of it carries, such as typeid(PadAttributes); void: none. Nodes with another
  /// are not recorded, so all functions below may take attributes.as<PadAttributes>().
  std::type_index attributes = typeid(void);
  /// Output shape, or std::invalid_argument saying what differs (op name and shapes are added by the caller).
  std::function<Shape(std::span<const Shape>, const Attributes&)> infer;
  std::function<Var(std::span<const Var>, const Attributes&)> spec;
  std::function<Kernel<float>(const NodeShape&)> kernel_f;
  std::function<Kernel<double>(const NodeShape&)> kernel_d;
  /// Adjoints of the inputs; an empty Var means zero.
  std::function<std::vector<Var>(const VjpInput&, const Attributes&)> vjp;
  /// Arithmetic of one run, in multiply-adds or equivalent; empty: one per output element.
  std::function<double(const NodeShape&)> cost;
  std::vector<std::size_t> in_place;  ///< operands of whose memory out may be, where shapes are equal (each
                                      ///< element is read before it is written)
  /// Where out is the memory of input 0 from some element on, unchanged (a reshape, a slice of a contiguous
  /// range): that element. Empty: never so.
  std::function<std::optional<Index>(const NodeShape&)> view;
  /// Whether out is the memory of the operands, one after the other (a concat along the leading axis): a plan
  /// computes them there. The kernel finds any operand that is there already at its place in out. Empty:
  /// never so.
  std::function<bool(const NodeShape&)> joins;
  bool serial = false;         ///< one thread computes it always: nothing to compute, or too little
  bool zero_gradient = false;  ///< a function whose derivative is taken as zero everywhere (sign, step)
  std::vector<Sample> samples;
  std::vector<WrongUse> wrong;  ///< at least one per rule of infer that a user can break

  template <class T>
  const std::function<Kernel<T>(const NodeShape&)>& kernel() const {
    if constexpr (sizeof(T) == 4)
      return kernel_f;
    else
      return kernel_d;
  }
  /// Sets both kernels from one generic callable f.template operator()<T>(shape).
  template <class F>
  void set_kernel(F f) {
    kernel_f = [f](const NodeShape& s) { return f.template operator()<float>(s); };
    kernel_d = [f](const NodeShape& s) { return f.template operator()<double>(s); };
  }
};

NodeShape node_shape(const Graph& graph, NodeId id);
/// The element of its input 0 at which the node's value starts, if it is a view of it (OpDef::view).
std::optional<Index> view_of(const Graph& graph, NodeId id);

/// Adds an op to the registry and returns it, at an address that stays. For ops/; users call register_op() of
/// ops/all_ops.hpp, which knows the built-in names. Throws std::invalid_argument if the name is taken or the
/// definition is incomplete.
const OpDef& add_to_registry(OpDef op);
/// The ops registered so far; those of ops/ register when first used, or all at once by all_ops() of
/// ops/all_ops.hpp.
std::vector<const OpDef*> registered_ops();
/// Null if there is none of that name among them, also while a built-in one was not used yet: for tests and
/// tools, not for passes, which recognise an op by its handle (is() of graph.hpp).
const OpDef* find_op(const std::string& name);

}  // namespace autodiff
