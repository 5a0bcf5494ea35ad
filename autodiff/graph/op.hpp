// OpDef: everything about one op in one place: attributes, shape rule, specification, kernel, vjp, cost and
// test samples; and the registry of all ops.
//
// `spec` defines an op in terms of other ops (empty for primitives, which `kernel` defines). An op with a
// spec may also have a kernel, a vjp or both, for speed: without a kernel the spec runs, without a vjp the
// spec is differentiated. tests/autodiff/registry_test.cpp tests every registered op at its `samples`. A new
// family of ops is a file in ops/ and a row in ops/all_ops.cpp; a user's op is a file anywhere that calls
// register_op(). Thread-safe.
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

/// A kernel specialised for one node's shapes and attributes. The order of all its sums must depend only on
/// these.
template <class T>
struct Kernel {
  std::function<void(const KernelArguments<T>&)> run;
  Index scratch = 0;  ///< numbers of working memory, planned in the arena
};

/// Shapes and attributes of a node: the argument of kernel, cost and view functions.
struct NodeShape {
  std::vector<Shape> in;
  Shape out;
  const Attributes* attributes = nullptr;
};

/// One test case of an op: input shapes, attributes and the distribution of the inputs.
struct Sample {
  std::vector<Shape> in;
  Attributes attributes;
  double low = -1, high = 1;       ///< uniform in [low, high]
  double keep_away_from_zero = 0;  ///< inputs with |x| below this are moved away (kinks, poles)
  double raise_diagonal = 0;       ///< added to the diagonal of the first input, to make it positive definite
};

/// An invalid use that the op's shape rule refuses, and a part of its error message.
struct WrongUse {
  std::vector<Shape> in;
  Attributes attributes;
  std::string says;
};

struct VjpInput {
  std::span<const Var> in;
  Var out;
  Var adjoint;                   ///< of out, same shape
  std::span<const bool> wanted;  ///< which inputs need an adjoint
};

struct OpDef {
  std::string name;
  std::string doc;
  /// Type of the attributes of its nodes, such as typeid(PadAttributes); void: none. Graph::record() checks
  /// it, so all functions below may call attributes.as<PadAttributes>().
  std::type_index attributes = typeid(void);
  /// Output shape. Throws std::invalid_argument saying what is wrong (the caller adds op name and shapes).
  std::function<Shape(std::span<const Shape>, const Attributes&)> infer;
  std::function<Var(std::span<const Var>, const Attributes&)> spec;
  std::function<Kernel<float>(const NodeShape&)> kernel_f;
  std::function<Kernel<double>(const NodeShape&)> kernel_d;
  /// Adjoints of the inputs; an empty Var means zero.
  std::function<std::vector<Var>(const VjpInput&, const Attributes&)> vjp;
  /// Arithmetic of one run, in multiply-adds or equivalent; empty: one per output element.
  std::function<double(const NodeShape&)> cost;
  std::vector<std::size_t> in_place;  ///< operands whose memory out may reuse if shapes are equal (each
                                      ///< element is read before it is written)
  /// If out is an unchanged contiguous part of input 0's memory (a reshape, a slice of a contiguous range):
  /// the element at which it starts. Empty function: never a view.
  std::function<std::optional<Index>(const NodeShape&)> view;
  /// Whether out is the operands in memory order, one after the other (a concat along the leading axis): a
  /// plan may then compute operands in place within out, and the kernel skips those. Empty function: never.
  std::function<bool(const NodeShape&)> joins;
  bool serial = false;         ///< always computed by one thread: too little work to share
  bool zero_gradient = false;  ///< its derivative is defined as zero everywhere (sign, step)
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
/// If the node is a view of its input 0 (OpDef::view): the element at which it starts.
std::optional<Index> view_of(const Graph& graph, NodeId id);

/// Adds an op to the registry and returns it; its address never changes. For ops/ only; users call
/// register_op() of ops/all_ops.hpp, which knows the built-in names. Throws std::invalid_argument if the name
/// is taken or the definition is incomplete.
const OpDef& add_to_registry(OpDef op);
/// The ops registered so far. Built-in ops register at first use, or all at once by all_ops() of
/// ops/all_ops.hpp.
std::vector<const OpDef*> registered_ops();
/// The registered op of that name, or null (also for a built-in op that was not used yet). For tests and
/// tools; passes recognise an op by its handle (is() of graph.hpp).
const OpDef* find_op(const std::string& name);

}  // namespace autodiff
