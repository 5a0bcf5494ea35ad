#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/loops/tiles.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/ops/tile_program.hpp"
#include "autodiff/ops/tile_program_kernel.hpp"

namespace autodiff {

namespace {

using kernels::BroadcastKind;

Var tile_program_spec(std::span<const Var> in, const Attributes& a) {
  const TileProgram& p = a.as<TileProgram>();
  const std::vector<BroadcastKind> kinds = p.kinds();
  const auto matrix = [&](BroadcastKind w) {
    return Shape{tilewise(w) ? p.rows : 1, w == BroadcastKind::full || w == BroadcastKind::row ? p.cols : 1};
  };
  std::vector<Var> values;
  for (std::size_t i = 0; i < in.size(); ++i) values.push_back(reshape(in[i], matrix(kinds[i])));
  for (const TileInstruction& code : p.code) {
    const Var operands[] = {values[static_cast<std::size_t>(code.x)],
                            values[static_cast<std::size_t>(code.is_binary() ? code.y : code.x)]};
    const Var x = operands[0];
    if (const auto* s = std::get_if<TileSum>(&code.function))
      values.push_back(*s == TileSum::over_rows   ? sum_range(x, 0, 1)
                       : *s == TileSum::over_cols ? sum_range(x, 1, 2)
                                                  : sum_range(x, 0, 2));
    else if (const auto* stretch = std::get_if<Stretch>(&code.function))
      values.push_back(broadcast_to(x, matrix(stretch->to)));
    else
      values.push_back(record_elementwise(
          *code.elementwise(), std::span(operands).first(code.is_binary() ? 2 : 1), {code.p, code.q}));
  }
  return reshape(values.back(), p.out);
}

Shape tile_program_shape(std::span<const Shape> in, const Attributes& a) {
  const TileProgram& p = a.as<TileProgram>();
  const BroadcastKind last = p.kinds().back();
  if (in.size() != p.operands.size())
    throw std::invalid_argument(fmt::format("the program takes {} operands", p.operands.size()));
  for (std::size_t i = 0; i < in.size(); ++i)
    if (const Index n = size_of(p.operands[i], p.rows, p.cols); in[i].size() != n)
      throw std::invalid_argument(
          fmt::format("operand {} has {} numbers, the program takes {}", i, in[i].size(), n));
  if (p.out.size() != size_of(last, p.rows, p.cols))
    throw std::invalid_argument(fmt::format("the program computes {} numbers, not {}",
                                            size_of(last, p.rows, p.cols), p.out.to_string()));
  // It may be overwritten tile by tile (OpDef::in_place).
  const auto moves = [&](BroadcastKind w) {
    return std::pair(p.rows > 1 && tilewise(w),
                     p.cols > 1 && (w == BroadcastKind::full || w == BroadcastKind::row));
  };
  if (in[0] == p.out && moves(p.operands[0]) != moves(last))
    throw std::invalid_argument("operand 0 has the shape of the result, so it must be of its kind");
  return p.out;
}

double tile_program_cost(const NodeShape& s) {
  const TileProgram& p = s.attributes->as<TileProgram>();
  const std::vector<BroadcastKind> kinds = p.kinds();
  double numbers = 0;
  for (std::size_t i = 0; i < p.code.size(); ++i)
    numbers += static_cast<double>(
        size_of(joined_kind(kinds[static_cast<std::size_t>(p.code[i].x)], kinds[p.operands.size() + i]),
                p.rows, p.cols));
  return numbers;
}

// One program for the tests: the operands' kinds determine their shapes.
Sample sample(Index rows, Index cols, std::vector<BroadcastKind> operands, std::vector<TileInstruction> code,
              Shape out) {
  Sample s;
  for (BroadcastKind w : operands)
    s.in.push_back(w == BroadcastKind::full     ? Shape{rows, cols}
                   : w == BroadcastKind::row    ? Shape{1, cols}
                   : w == BroadcastKind::column ? Shape{rows, 1}
                                                : Shape{});
  s.attributes = TileProgram{rows, cols, std::move(operands), std::move(code), out};
  s.low = 0.5;
  s.high = 1.5;
  return s;
}

const OpDef& tile_program_op() {
  using enum kernels::Unary;
  using enum kernels::Binary;
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "tile_program";
    d.doc = "Elementwise ops and sums over a matrix, tile by tile";
    d.attributes = typeid(TileProgram);
    d.infer = tile_program_shape;
    d.spec = tile_program_spec;
    d.set_kernel([]<class T>(const NodeShape& s) { return tile_program_kernel<T>(s); });
    d.cost = tile_program_cost;
    d.in_place = {0};
    const BroadcastKind F = BroadcastKind::full, R = BroadcastKind::row, C = BroadcastKind::column,
                        S = BroadcastKind::scalar;
    const TileInstruction squared{square, 0};
    for (auto [rows, cols] : {std::pair<Index, Index>{7, 5}, {17, 33}, {1, 3}, {40, 8}, {3, 3000}}) {
      // (x * row + exp(column) / scalar) > 0 ? relu(x) : 0
      d.samples.push_back(sample(rows, cols, {F, R, C, S},
                                 {{mul, 0, 1}, {exp, 2}, {div, 5, 3}, {add, 4, 6}, {relu, 0}, {gate, 8, 7}},
                                 {rows, cols}));
      if (cols > kMostSummedCols) continue;
      // x / sqrt(sum of the squares of its row, weighted by the row, times 0.25 + 0.5)
      d.samples.push_back(sample(
          rows, cols, {F, R},
          {squared, {mul, 2, 1}, {TileSum::over_cols, 3}, {affine, 4, 0, 0.25, 0.5}, {rsqrt, 5}, {mul, 0, 6}},
          {rows, cols}));
      // log(sum over rows of x^2 * column, times row)
      d.samples.push_back(sample(rows, cols, {F, C, R},
                                 {squared, {mul, 3, 1}, {TileSum::over_rows, 4}, {mul, 5, 2}, {log, 6}},
                                 {1, cols}));
      // sqrt(sum of x * y), broadcast
      d.samples.push_back(
          sample(rows, cols, {F, F}, {{mul, 0, 1}, {TileSum::over_all, 2}, {sqrt, 3}}, Shape{}));
    }
    d.samples.push_back(sample(
        5, 4, {R, C}, {{reciprocal, 0}, {sub, 2, 1}, {TileSum::over_all, 3}, {Stretch{R}, 4}}, {1, 4}));
    d.samples.push_back(sample(40, 3, {R}, {{neg, 0}, {Stretch{F}, 1}}, {40, 3}));
    // More than one unit of work, for each kind of sum.
    d.samples.push_back(sample(700, 100, {F, R}, {squared, {sub, 2, 1}}, {700, 100}));
    d.samples.push_back(sample(5, 14000, {F, F, C}, {{mul, 0, 1}, {add, 3, 2}}, {5, 14000}));
    d.samples.push_back(sample(700, 100, {F, C}, {{mul, 0, 1}, {TileSum::over_rows, 2}}, {1, 100}));
    d.samples.push_back(
        sample(700, 100, {F}, {{affine, 0, 0, 0.01, 0}, {TileSum::over_all, 1}, {neg, 2}}, {1}));
    d.samples.back().low = -1.5;  // a small sum, so that finite differences are accurate enough
    d.samples.push_back(sample(9000, 8, {F}, {squared, {TileSum::over_cols, 1}}, {9000, 1}));

    const auto wrong = [&](std::vector<Shape> in, const TileProgram& p, const char* says) {
      d.wrong.push_back({std::move(in), p, says});
    };
    const Shape full{4, 3}, row{3}, column{4};
    wrong({full}, {4, 3, {F, F}, {{add, 0, 1}}, full}, "takes 2 operands");
    wrong({row}, {4, 3, {F}, {squared}, full}, "operand 0 has 3 numbers, the program takes 12");
    wrong({full}, {4, 3, {F}, {squared}, row}, "computes 12 numbers, not [3]");
    wrong({full}, {4, 3, {F}, {{add, 0, 1}}, full}, "instruction 0 reads value 1, which is not computed yet");
    wrong({full}, {4, 3, {F}, {{fill, 0}}, full}, "instruction 0 has a function without an op");
    wrong({row}, {4, 3, {R}, {{TileSum::over_rows, 0}}, row}, "only full values can be summed");
    wrong({full}, {4, 3, {F}, {{Stretch{R}, 0}}, row}, "a value is broadcast to a smaller kind");
    wrong({full}, {4, 3, {F}, {{TileSum::over_rows, 0}, {mul, 0, 1}}, full},
          "a full or column value depends on a sum over all tiles");
    wrong({full}, {4, 3, {F}, {{TileSum::over_rows, 0}, {TileSum::over_all, 0}, {mul, 1, 2}}, row},
          "more than one sum over all tiles");
    wrong({Shape{2, 600}}, {2, 600, {F}, {{TileSum::over_cols, 0}}, Shape{2}},
          "a sum over columns takes at most 512, found 600");
    wrong({Shape{700, 100}, Shape{100}}, {700, 100, {F, R}, {{mul, 0, 1}, {TileSum::over_all, 2}}, Shape{}},
          "a sum over all of a matrix with rows or columns takes at most 32768 numbers, found 70000");
    wrong({Shape{600}}, {600, 600, {C}, {squared}, Shape{600}},
          "a column result takes at most 512 columns, found 600");
    wrong({Shape{4}, Shape{4}}, {4, 4, {R, C}, {{neg, 1}}, Shape{4}},
          "operand 0 has the shape of the result, so it must be of its kind");
    wrong({}, {4, 3, {}, {}, full}, "a program needs 1 to 32 operands and 1 to 100 instructions");
    wrong({full}, {4, 0, {F}, {squared}, full}, "a matrix of 4 rows and 0 columns");
    wrong({full}, {Index{1} << 30, Index{1} << 30, {F}, {squared}, full}, "at most 2^40 numbers");
    wrong({full}, {4, 3, {F}, {{square, -1}}, full}, "reads value -1, which is not computed yet");
    std::vector<TileInstruction> many;
    for (Index i = 0; i <= 2 * kMostTileRegisters; ++i)
      many.push_back({i <= kMostTileRegisters ? TileFunction(square) : TileFunction(add),
                      i <= kMostTileRegisters ? 0 : 2 * kMostTileRegisters + 2 - i, i});
    wrong({full}, {4, 3, {F}, many, full}, "more than 16 results are live at the same time");
    return d;
  }());
  return op;
}

}  // namespace

void register_tile_program_ops() { tile_program_op(); }

Var tile_program(std::span<const Var> operands, const TileProgram& program, Location at) {
  if (operands.empty()) throw std::invalid_argument("[tile_program] expected at least one operand");
  return operands.front().graph().record(tile_program_op(), operands, program, at);
}

}  // namespace autodiff
