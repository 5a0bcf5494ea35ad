#include "autodiff/ops/tile_program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/loops/tiles.hpp"

namespace autodiff {

using kernels::BroadcastKind;

namespace {

constexpr Index kMostNumbers = Index{1} << 40;  // of a matrix

}  // namespace

BroadcastKind joined_kind(BroadcastKind x, BroadcastKind y) {
  if (x == y || y == BroadcastKind::scalar) return x;
  return x == BroadcastKind::scalar ? y : BroadcastKind::full;
}

Index size_of(BroadcastKind w, Index rows, Index cols) {
  switch (w) {
    case BroadcastKind::full:
      return rows * cols;
    case BroadcastKind::row:
      return cols;
    case BroadcastKind::column:
      return rows;
    default:
      return 1;
  }
}

std::optional<Elementwise> TileInstruction::elementwise() const {
  if (const auto* f = std::get_if<kernels::Unary>(&function)) return *f;
  if (const auto* f = std::get_if<kernels::Binary>(&function)) return *f;
  return {};
}

bool TileInstruction::crosses_tiles() const {
  const auto* s = std::get_if<TileSum>(&function);
  return s && *s != TileSum::over_cols;
}

TileProgram::Registers TileProgram::allocate(const std::vector<BroadcastKind>& kinds) const {
  const std::size_t first = operands.size(), values = kinds.size();
  std::vector<std::size_t> last(values, 0);
  for (std::size_t i = 0; i < code.size(); ++i) {
    last[static_cast<std::size_t>(code[i].x)] = i;
    if (code[i].is_binary()) last[static_cast<std::size_t>(code[i].y)] = i;
  }
  Registers r{std::vector<int>(values, -1), 0};
  std::vector<int> free;
  for (std::size_t i = 0; i + 1 < code.size(); ++i) {
    const std::size_t v = first + i;
    const auto release = [&](Index value, bool overwritten) {
      int& reg = r.of[static_cast<std::size_t>(value)];
      // Only a result of the same kind may overwrite its operand.
      if (reg >= 0 && last[static_cast<std::size_t>(value)] == i &&
          overwritten == (kinds[static_cast<std::size_t>(value)] == kinds[v]))
        free.push_back(reg);
    };
    const auto release_operands = [&](bool overwritten) {
      release(code[i].x, overwritten);
      if (code[i].is_binary() && code[i].y != code[i].x) release(code[i].y, overwritten);
    };
    release_operands(true);
    if (tilewise(kinds[v])) {
      if (free.empty()) free.push_back(r.count++);
      r.of[v] = free.back();
      free.pop_back();
    }
    release_operands(false);
  }
  return r;
}

std::vector<BroadcastKind> TileProgram::kinds() const {
  const std::vector<BroadcastKind> kinds = kinds_of_values();
  if (const int count = allocate(kinds).count; count > kMostTileRegisters)
    throw std::invalid_argument(
        fmt::format("more than {} results are live at the same time", kMostTileRegisters));
  return kinds;
}

Index TileProgram::registers() const { return allocate(kinds_of_values()).count; }

std::vector<BroadcastKind> TileProgram::kinds_of_values() const {
  if (operands.empty() || static_cast<Index>(operands.size()) > kMostTileOperands || code.empty() ||
      static_cast<Index>(code.size()) > kMostTileInstructions)
    throw std::invalid_argument(fmt::format("a program needs 1 to {} operands and 1 to {} instructions",
                                            kMostTileOperands, kMostTileInstructions));
  if (rows < 1 || cols < 1 || rows > kMostNumbers / cols)
    throw std::invalid_argument(
        fmt::format("expected at most 2^40 numbers, found a matrix of {} rows and {} columns", rows, cols));
  std::vector<BroadcastKind> kinds = operands;
  std::vector<char> of_sum(operands.size(), 0);
  int sums = 0;
  for (std::size_t i = 0; i < code.size(); ++i) {
    const TileInstruction& c = code[i];
    for (Index v : {c.x, c.is_binary() ? c.y : c.x})
      if (v < 0 || v >= static_cast<Index>(kinds.size()))
        throw std::invalid_argument(
            fmt::format("instruction {} reads value {}, which is not computed yet", i, v));
    const auto x = static_cast<std::size_t>(c.x), y = c.is_binary() ? static_cast<std::size_t>(c.y) : x;
    BroadcastKind kind = joined_kind(kinds[x], kinds[y]);
    char depends = of_sum[x] || of_sum[y];
    if (const auto* stretch = std::get_if<Stretch>(&c.function)) {
      if (joined_kind(kind, stretch->to) != stretch->to)
        throw std::invalid_argument("a value is broadcast to a smaller kind");
      kind = stretch->to;
    } else if (const auto* s = std::get_if<TileSum>(&c.function)) {
      if (kind != BroadcastKind::full) throw std::invalid_argument("only full values can be summed");
      if (c.crosses_tiles() && ++sums > 1) throw std::invalid_argument("more than one sum over all tiles");
      if (*s == TileSum::over_cols && cols > kMostSummedCols)
        throw std::invalid_argument(
            fmt::format("a sum over columns takes at most {}, found {}", kMostSummedCols, cols));
      kind = *s == TileSum::over_rows   ? BroadcastKind::row
             : *s == TileSum::over_cols ? BroadcastKind::column
                                        : BroadcastKind::scalar;
      depends = depends || c.crosses_tiles();
    } else if (!elementwise_op(*c.elementwise())) {
      throw std::invalid_argument(fmt::format("instruction {} has a function without an op", i));
    }
    if (depends && tilewise(kind))
      throw std::invalid_argument("a full or column value depends on a sum over all tiles");
    kinds.push_back(kind);
    of_sum.push_back(depends);
  }
  const bool matrix = std::any_of(kinds.begin(), kinds.end(), [](BroadcastKind w) {
    return w == BroadcastKind::row || w == BroadcastKind::column;
  });
  const bool sums_all = std::any_of(code.begin(), code.end(), [](const TileInstruction& c) {
    return c.function == TileFunction(TileSum::over_all);
  });
  if (matrix && sums_all && rows * cols > kTileElements)
    throw std::invalid_argument(
        fmt::format("a sum over all of a matrix with rows or columns takes at most {} numbers, found {}",
                    kTileElements, rows * cols));
  if (kinds.back() == BroadcastKind::column && cols > kMostSummedCols)
    throw std::invalid_argument(
        fmt::format("a column result takes at most {} columns, found {}", kMostSummedCols, cols));
  return kinds;
}

}  // namespace autodiff
