#include "autodiff/ops/tile_program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/all_ops.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/ops/tiles.hpp"

namespace autodiff {

namespace {

using kernels::Walk;

constexpr Index kRegisterElements = 8192;  // of all registers of a tile: 32 KiB in float
constexpr Index kMostTileElements = 1024;

bool is_binary(int function) { return function >= kBinaryFunctions && function < kFunctions; }
bool crosses_tiles(int function) { return function == kSumOverRows || function == kSumOverAll; }
bool tilewise(Walk w) { return w == Walk::full || w == Walk::column; }

Walk join(Walk x, Walk y) {
  if (x == y || y == Walk::scalar) return x;
  return x == Walk::scalar ? y : Walk::full;
}

Index size_of(Walk w, Index rows, Index cols) {
  switch (w) {
    case Walk::full:
      return rows * cols;
    case Walk::row:
      return cols;
    case Walk::column:
      return rows;
    default:
      return 1;
  }
}

// Which register each full or column result takes, -1 where it takes none (the last result goes to out); and
// how many there are.
struct Registers {
  std::vector<int> of;
  int count = 0;
};

Registers allocate(const TileProgram& p, const std::vector<Walk>& kinds) {
  const std::size_t operands = p.operands.size(), values = kinds.size();
  std::vector<std::size_t> last(values, 0);
  for (std::size_t i = 0; i < p.code.size(); ++i) {
    last[static_cast<std::size_t>(p.code[i].x)] = i;
    if (is_binary(p.code[i].function)) last[static_cast<std::size_t>(p.code[i].y)] = i;
  }
  Registers r{std::vector<int>(values, -1), 0};
  std::vector<int> free;
  for (std::size_t i = 0; i + 1 < p.code.size(); ++i) {
    const std::size_t v = operands + i;
    const auto release = [&](Index value, bool overwritten) {
      int& reg = r.of[static_cast<std::size_t>(value)];
      // Only a result of the same kind may be written over what it is made of.
      if (reg >= 0 && last[static_cast<std::size_t>(value)] == i &&
          overwritten == (kinds[static_cast<std::size_t>(value)] == kinds[v]))
        free.push_back(reg);
    };
    const auto release_operands = [&](bool overwritten) {
      release(p.code[i].x, overwritten);
      if (is_binary(p.code[i].function) && p.code[i].y != p.code[i].x) release(p.code[i].y, overwritten);
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

// ---- the interpreter ----------------------------------------------------------------------------

// One instruction, small: there are more of them in a graph than a first-level cache holds. Values are named
// by slots.
template <class T>
struct Step {
  std::uint8_t function = 0, x = 0, y = 0, z = 0;
  std::uint8_t x_kind = 0, y_kind = 0, z_kind = 0;
  T p = 0, q = 0;
};

// Where a value is: `offset` numbers into its memory, from there on by steps per row and column of the
// matrix.
struct Slot {
  Index offset = 0, row_step = 0, col_step = 0;
};

// Steps before the tiles (rows and scalars), in every tile, and after them (what is made of the sum over all
// tiles). Slots are in the order: operands, out, registers, scratch.
template <class T>
struct Compiled {
  const kernels::Kernels<T>* table = nullptr;
  std::size_t operands = 0, registers = 0;
  Index rows = 1, cols = 1, tile_rows = 1, tile_cols = 1;
  Index unit = 1, units = 1;  // what one thread does at a time: rows, or columns of a matrix of one row; and
                              // how many such units
  std::vector<Step<T>> before, tiles, after;
  std::vector<Slot> slots;
  int sum = 0;        // kSumOverRows, kSumOverAll or 0
  Index partial = 0;  // offset in scratch of its parts, `width` numbers for each unit
  Index width = 0;
  bool sum_is_last = false;

  using Pointers = std::array<T*, 256>;

  // Points the slots to the tile at (r, c).
  void point(const KernelArguments<T>& k, T* of_registers, Index r, Index c, Pointers& at) const {
    const auto place = [&](std::size_t i, const T* base) {
      at[i] = const_cast<T*>(base) + slots[i].offset + r * slots[i].row_step + c * slots[i].col_step;
    };
    std::size_t i = 0;
    for (; i < operands; ++i) place(i, k.in[i]);
    place(i++, k.out);
    for (; i <= operands + registers; ++i) place(i, of_registers);
    for (; i < slots.size(); ++i) place(i, k.scratch);
  }

  // One step on a tile of n_rows and n_cols.
  void run(const Step<T>& s, const Pointers& at, Index n_rows, Index n_cols) const {
    T* z = at[s.z];
    const T* x = at[s.x];
    const auto x_kind = static_cast<Walk>(s.x_kind), z_kind = static_cast<Walk>(s.z_kind);
    const Index n = size_of(z_kind, n_rows, n_cols);
    if (s.function < kBinaryFunctions) {
      table->unary(static_cast<kernels::Unary>(s.function), n, x, z, s.p, s.q);
    } else if (s.function < kFunctions) {
      const auto f = static_cast<kernels::Binary>(s.function - kBinaryFunctions);
      if (z_kind == Walk::full)
        table->binary_rows(f, n_rows, n_cols, x, x_kind, at[s.y], static_cast<Walk>(s.y_kind), z);
      else
        table->binary(f, n, x, s.x_kind == s.z_kind, at[s.y], s.y_kind == s.z_kind, z);
    } else if (s.function == kSumOverCols) {
      table->sum_each_row(n_rows, n_cols, x, z);
    } else if (z_kind == Walk::full) {
      table->stretch(n_rows, n_cols, x, x_kind, z);
    } else {
      table->stretch(1, n, x, s.x_kind == s.z_kind ? Walk::full : Walk::scalar, z);
    }
  }

  void run_unit(Index u, const KernelArguments<T>& k) const {
    alignas(64) T of_registers[kRegisterElements];
    Pointers at;
    T* total = k.scratch + partial + u * width;
    T lanes[kernels::kLanes] = {};
    if (sum == kSumOverRows) std::fill_n(total, width, T(0));
    const bool along = rows == 1 && sum != kSumOverRows;
    const Index begin = u * unit, end = std::min(along ? cols : rows, begin + unit);
    const Index first_row = along ? 0 : begin, end_row = along ? 1 : end, first_col = along ? begin : 0,
                end_col = along ? end : cols;
    for (Index r = first_row; r < end_row; r += tile_rows)
      for (Index c = first_col; c < end_col; c += tile_cols) {
        const Index n_rows = std::min(tile_rows, end_row - r), n_cols = std::min(tile_cols, end_col - c);
        point(k, of_registers, r, c, at);
        for (const Step<T>& s : tiles) {
          if (s.function == kSumOverRows)
            table->sum_rows(n_rows, n_cols, at[s.x], n_cols, total + c);
          else if (s.function == kSumOverAll)
            table->sum_lanes(n_rows * n_cols, at[s.x], (r - first_row) * cols + c - first_col, lanes);
          else
            run(s, at, n_rows, n_cols);
        }
      }
    if (sum == kSumOverAll) {
      for (Index half = kernels::kLanes / 2; half > 0; half /= 2)
        for (Index l = 0; l < half; ++l) lanes[l] += lanes[l + half];
      *total = lanes[0];
    }
  }

  void run_small(const std::vector<Step<T>>& steps, const KernelArguments<T>& k) const {
    if (steps.empty()) return;
    Pointers at;
    point(k, k.scratch, 0, 0, at);  // no small value is in a register
    for (const Step<T>& s : steps) run(s, at, 1, cols);
  }

  void operator()(const KernelArguments<T>& k) const {
    run_small(before, k);
    if (tiles.empty()) return;
    for_tiles(*k.parallel, units, [&](Index u) { run_unit(u, k); });
    if (!sum) return;
    T* total = k.scratch + partial;
    combine_tree(units, width, total, [](Index n, T* a, const T* b) {
      for (Index i = 0; i < n; ++i) a[i] += b[i];
    });
    if (sum_is_last) std::copy_n(total, width, k.out);
    run_small(after, k);
  }
};

template <class T>
Kernel<T> tile_program_kernel(const NodeShape& s) {
  const TileProgram p = TileProgram::from(*s.attributes);
  const std::vector<Walk> kinds = p.kinds();
  const Registers registers = allocate(p, kinds);
  const std::size_t operands = p.operands.size();
  Compiled<T> c;
  c.table = &kernels::active<T>();
  c.operands = operands;
  c.registers = static_cast<std::size_t>(registers.count);
  c.rows = p.rows;
  c.cols = p.cols;
  if (std::none_of(kinds.begin(), kinds.end(),
                   [](Walk w) { return w == Walk::row || w == Walk::column; })) {  // a matrix in name only
    c.cols *= c.rows;
    c.rows = 1;
  }
  const Index capacity =
      std::clamp<Index>(kRegisterElements / std::max(1, registers.count) / kernels::kLanes * kernels::kLanes,
                        0, kMostTileElements);
  c.tile_cols = std::min(c.cols, capacity);
  c.tile_rows = std::max<Index>(1, capacity / c.cols);

  const auto add_slot = [&](Index offset, Walk w) {
    c.slots.push_back(
        {offset, w == Walk::full ? c.cols : w == Walk::column, w == Walk::full || w == Walk::row});
  };
  for (Walk w : p.operands) add_slot(0, w);
  add_slot(0, kinds.back());
  for (int r = 0; r < registers.count; ++r) add_slot(r * capacity, Walk::scalar);
  Kernel<T> kernel;
  const auto add_scratch = [&](Index size, Walk w) {
    const Index offset = tile_count(kernel.scratch, kernels::kLanes) * kernels::kLanes;
    kernel.scratch = offset + size;
    add_slot(offset, w);
    return offset;
  };
  std::vector<std::uint8_t> slot;  // of each value
  for (std::size_t i = 0; i < operands; ++i) slot.push_back(static_cast<std::uint8_t>(i));
  std::vector<char> of_sum(kinds.size(), 0);  // made of the sum over all tiles
  for (std::size_t i = 0; i < p.code.size(); ++i) {
    const TileInstruction& code = p.code[i];
    const std::size_t v = operands + i, x = static_cast<std::size_t>(code.x),
                      y = is_binary(code.function) ? static_cast<std::size_t>(code.y) : x;
    const bool last = i + 1 == p.code.size();
    std::size_t z = operands;
    if (crosses_tiles(code.function)) {
      c.sum = code.function;
      c.sum_is_last = last;
      c.width = size_of(kinds[v], c.rows, c.cols);
      const Index chunk = c.sum == kSumOverRows ? sum_chunk(c.cols) : kTileElements;
      c.unit = c.sum == kSumOverRows || c.rows == 1 ? chunk : c.rows;
      c.units = c.sum == kSumOverRows ? tile_count(c.rows, chunk) : tile_count(c.rows * c.cols, chunk);
      z = c.slots.size();
      c.partial = add_scratch(c.units * c.width, kinds[v]);
    } else if (!last && tilewise(kinds[v])) {
      z = operands + 1 + static_cast<std::size_t>(registers.of[v]);
    } else if (!last) {
      z = c.slots.size();
      add_scratch(size_of(kinds[v], 1, c.cols), kinds[v]);
    }
    slot.push_back(static_cast<std::uint8_t>(z));
    of_sum[v] = crosses_tiles(code.function) || of_sum[x] || of_sum[y];
    auto& part = crosses_tiles(code.function) || tilewise(kinds[v]) ? c.tiles
                 : of_sum[v]                                        ? c.after
                                                                    : c.before;
    const auto byte = [](auto n) { return static_cast<std::uint8_t>(n); };
    part.push_back({byte(code.function), slot[x], slot[y], slot[v], byte(kinds[x]), byte(kinds[y]),
                    byte(kinds[v]), static_cast<T>(code.p), static_cast<T>(code.q)});
  }
  if (!c.sum) {
    c.unit = c.rows == 1 ? kTileElements
                         : std::max<Index>(1, kTileElements / (c.cols * c.tile_rows)) * c.tile_rows;
    c.units = tile_count(c.rows == 1 ? c.cols : c.rows, c.unit);
  }
  kernel.run = std::move(c);
  return kernel;
}

// ---- the op -------------------------------------------------------------------------------------

Var tile_program_spec(std::span<const Var> in, const Attributes& a) {
  const TileProgram p = TileProgram::from(a);
  const std::vector<Walk> kinds = p.kinds();
  const auto matrix = [&](Walk w) {
    return Shape{tilewise(w) ? p.rows : 1, w == Walk::full || w == Walk::row ? p.cols : 1};
  };
  std::vector<Var> values;
  for (std::size_t i = 0; i < in.size(); ++i) values.push_back(reshape(in[i], matrix(kinds[i])));
  for (const TileInstruction& code : p.code) {
    const Var x = values[static_cast<std::size_t>(code.x)];
    switch (code.function) {
      case kSumOverRows:
        values.push_back(sum_range(x, 0, 1));
        break;
      case kSumOverCols:
        values.push_back(sum_range(x, 1, 2));
        break;
      case kSumOverAll:
        values.push_back(sum_range(x, 0, 2));
        break;
      case kStretch:
        values.push_back(broadcast_to(x, matrix(static_cast<Walk>(code.y))));
        break;
      default: {
        const Var operands[] = {x,
                                values[static_cast<std::size_t>(is_binary(code.function) ? code.y : code.x)]};
        values.push_back(record_elementwise(
            code.function, std::span(operands).first(is_binary(code.function) ? 2 : 1), code.p, code.q));
      }
    }
  }
  return reshape(values.back(), p.out);
}

Shape tile_program_shape(std::span<const Shape> in, const Attributes& a) {
  const TileProgram p = TileProgram::from(a);
  if (in.size() != p.operands.size())
    throw std::invalid_argument(fmt::format("the program takes {} operands", p.operands.size()));
  for (std::size_t i = 0; i < in.size(); ++i)
    if (const Index n = size_of(p.operands[i], p.rows, p.cols); in[i].size() != n)
      throw std::invalid_argument(
          fmt::format("operand {} has {} numbers, the program takes {}", i, in[i].size(), n));
  const Walk last = p.kinds().back();
  if (p.out.size() != size_of(last, p.rows, p.cols))
    throw std::invalid_argument(fmt::format("the program makes {} numbers, not {}",
                                            size_of(last, p.rows, p.cols), p.out.to_string()));
  // It may be overwritten tile by tile (OpDef::in_place).
  const auto moves = [&](Walk w) {
    return std::pair(p.rows > 1 && tilewise(w), p.cols > 1 && (w == Walk::full || w == Walk::row));
  };
  if (in[0] == p.out && moves(p.operands[0]) != moves(last))
    throw std::invalid_argument("operand 0 has the shape of the result, so it must be of its kind");
  return p.out;
}

double tile_program_cost(const NodeShape& s) {
  const TileProgram p = TileProgram::from(*s.attributes);
  const std::vector<Walk> kinds = p.kinds();
  double numbers = 0;
  for (std::size_t i = 0; i < p.code.size(); ++i)
    numbers += static_cast<double>(size_of(
        join(kinds[static_cast<std::size_t>(p.code[i].x)], kinds[p.operands.size() + i]), p.rows, p.cols));
  return numbers;
}

// One program for the tests: its operands' kinds name the operands' shapes.
Sample sample(Index rows, Index cols, std::vector<Walk> operands, std::vector<TileInstruction> code,
              Shape out) {
  Sample s;
  for (Walk w : operands)
    s.in.push_back(w == Walk::full     ? Shape{rows, cols}
                   : w == Walk::row    ? Shape{1, cols}
                   : w == Walk::column ? Shape{rows, 1}
                                       : Shape{});
  s.attributes = TileProgram{rows, cols, std::move(operands), std::move(code), out}.attributes();
  s.low = 0.5;
  s.high = 1.5;
  return s;
}

constexpr int function(kernels::Unary f) { return static_cast<int>(f); }
constexpr int function(kernels::Binary f) { return kBinaryFunctions + static_cast<int>(f); }

const OpDef& tile_program_op() {
  using enum kernels::Unary;
  using enum kernels::Binary;
  static const OpDef& op = add_to_registry([] {
    OpDef d;
    d.name = "tile_program";
    d.doc =
        "Elementwise ops and sums over a matrix, tile by tile; attributes: those of a TileProgram "
        "(ops/tile_program.hpp)";
    d.infer = tile_program_shape;
    d.spec = tile_program_spec;
    d.set_kernel([]<class T>(const NodeShape& s) { return tile_program_kernel<T>(s); });
    d.cost = tile_program_cost;
    d.in_place = {0};
    const Walk F = Walk::full, R = Walk::row, C = Walk::column, S = Walk::scalar;
    const TileInstruction squared{function(square), 0};
    for (auto [rows, cols] : {std::pair<Index, Index>{7, 5}, {17, 33}, {1, 3}, {40, 8}, {3, 3000}}) {
      // (x * row + exp(column) / scalar) > 0 ? relu(x) : 0
      d.samples.push_back(sample(rows, cols, {F, R, C, S},
                                 {{function(mul), 0, 1},
                                  {function(exp), 2},
                                  {function(div), 5, 3},
                                  {function(add), 4, 6},
                                  {function(relu), 0},
                                  {function(gate), 8, 7}},
                                 {rows, cols}));
      if (cols > kMostSummedCols) continue;
      // x / sqrt(sum of the squares of its row, weighted by the row, times 0.25 + 0.5)
      d.samples.push_back(sample(rows, cols, {F, R},
                                 {squared,
                                  {function(mul), 2, 1},
                                  {kSumOverCols, 3},
                                  {function(affine), 4, 0, 0.25, 0.5},
                                  {function(rsqrt), 5},
                                  {function(mul), 0, 6}},
                                 {rows, cols}));
      // log(sum over rows of x^2 * column, times row)
      d.samples.push_back(sample(
          rows, cols, {F, C, R},
          {squared, {function(mul), 3, 1}, {kSumOverRows, 4}, {function(mul), 5, 2}, {function(log), 6}},
          {1, cols}));
      // sqrt(sum of x * y), stretched
      d.samples.push_back(sample(rows, cols, {F, F},
                                 {{function(mul), 0, 1}, {kSumOverAll, 2}, {function(sqrt), 3}}, Shape{}));
    }
    d.samples.push_back(sample(5, 4, {R, C},
                               {{function(reciprocal), 0},
                                {function(sub), 2, 1},
                                {kSumOverAll, 3},
                                {kStretch, 4, static_cast<Index>(R)}},
                               {1, 4}));
    d.samples.push_back(
        sample(40, 3, {R}, {{function(neg), 0}, {kStretch, 1, static_cast<Index>(F)}}, {40, 3}));
    // More than one unit of work, for each kind of sum.
    d.samples.push_back(sample(700, 100, {F, R}, {squared, {function(sub), 2, 1}}, {700, 100}));
    d.samples.push_back(
        sample(5, 14000, {F, F, C}, {{function(mul), 0, 1}, {function(add), 3, 2}}, {5, 14000}));
    d.samples.push_back(sample(700, 100, {F, C}, {{function(mul), 0, 1}, {kSumOverRows, 2}}, {1, 100}));
    d.samples.push_back(sample(
        700, 100, {F}, {{function(affine), 0, 0, 0.01, 0}, {kSumOverAll, 1}, {function(neg), 2}}, {1}));
    d.samples.back().low = -1.5;  // a small sum, whose differences are exact enough
    d.samples.push_back(sample(9000, 8, {F}, {squared, {kSumOverCols, 1}}, {9000, 1}));

    const auto wrong = [&](std::vector<Shape> in, const TileProgram& p, const char* says) {
      d.wrong.push_back({std::move(in), p.attributes(), says});
    };
    const Shape full{4, 3}, row{3}, column{4};
    wrong({full}, {4, 3, {F, F}, {{function(add), 0, 1}}, full}, "takes 2 operands");
    wrong({row}, {4, 3, {F}, {squared}, full}, "operand 0 has 3 numbers, the program takes 12");
    wrong({full}, {4, 3, {F}, {squared}, row}, "makes 12 numbers, not [3]");
    wrong({full}, {4, 3, {F}, {{function(add), 0, 1}}, full},
          "instruction 0 reads value 1, which is not there yet");
    wrong({full}, {4, 3, {F}, {{function(fill), 0}}, full}, "there is no function of number 18");
    wrong({row}, {4, 3, {R}, {{kSumOverRows, 0}}, row}, "only full values are summed");
    wrong({full}, {4, 3, {F}, {{kStretch, 0, static_cast<Index>(R)}}, row},
          "a value is stretched to a kind that does not hold it");
    wrong({full}, {4, 3, {F}, {{kSumOverRows, 0}, {function(mul), 0, 1}}, full},
          "a full or column value is made of a sum over all tiles");
    wrong({full}, {4, 3, {F}, {{kSumOverRows, 0}, {kSumOverAll, 0}, {function(mul), 1, 2}}, row},
          "more than one sum over all tiles");
    wrong({Shape{2, 600}}, {2, 600, {F}, {{kSumOverCols, 0}}, Shape{2}},
          "a sum over columns takes at most 512, found 600");
    wrong({Shape{700, 100}, Shape{100}},
          {700, 100, {F, R}, {{function(mul), 0, 1}, {kSumOverAll, 2}}, Shape{}},
          "a sum over all of a matrix with rows or columns takes at most 32768 numbers, found 70000");
    wrong({Shape{600}}, {600, 600, {C}, {squared}, Shape{600}},
          "a column is made of at most 512 columns, found 600");
    wrong({Shape{4}, Shape{4}}, {4, 4, {R, C}, {{function(neg), 1}}, Shape{4}},
          "operand 0 has the shape of the result, so it must be of its kind");
    wrong({}, {4, 3, {}, {}, full}, "a program has 1 to 32 operands and 1 to 100 instructions");
    d.wrong.push_back({{full}, {{2, 4}, {}}, "the attributes are no program's"});
    std::vector<TileInstruction> many;
    for (Index i = 0; i <= 2 * kMostTileRegisters; ++i)
      many.push_back({i <= kMostTileRegisters ? function(square) : function(add),
                      i <= kMostTileRegisters ? 0 : 2 * kMostTileRegisters + 2 - i, i});
    wrong({full}, {4, 3, {F}, many, full}, "more than 16 results are waited for at a time");
    return d;
  }());
  return op;
}

}  // namespace

Attributes TileProgram::attributes() const {
  Attributes a;
  const auto put = [&](Index i) { a.ints.push_back(i); };
  put(out.rank());
  for (Index e : out.extents()) put(e);
  put(rows);
  put(cols);
  put(static_cast<Index>(operands.size()));
  for (Walk w : operands) put(static_cast<Index>(w));
  for (const TileInstruction& i : code) {
    for (Index n : {static_cast<Index>(i.function), i.x, i.y}) put(n);
    for (double r : {i.p, i.q}) a.reals.push_back(r);
  }
  return a;
}

TileProgram TileProgram::from(const Attributes& a) {
  std::size_t next = 0;
  const auto refuse = [] { throw std::invalid_argument("the attributes are no program's"); };
  const auto take = [&](Index low, Index high) {
    if (next >= a.ints.size() || a.ints[next] < low || a.ints[next] > high) refuse();
    return a.ints[next++];
  };
  constexpr Index kLarge = Index{1} << 40;
  TileProgram p;
  std::vector<Index> extents(static_cast<std::size_t>(take(0, Shape::kMaxRank)));
  for (Index& e : extents) e = take(1, kLarge);
  p.out = Shape(extents);
  p.rows = take(1, kLarge);
  p.cols = take(1, kLarge);
  if (p.rows > kLarge / p.cols) refuse();
  p.operands.resize(static_cast<std::size_t>(take(0, kMostTileOperands)));
  for (Walk& w : p.operands) w = static_cast<Walk>(take(0, static_cast<Index>(Walk::full)));
  while (next < a.ints.size()) {
    const std::size_t i = p.code.size();
    if (2 * i + 2 > a.reals.size()) refuse();
    const int f = static_cast<int>(take(0, kStretch));
    const Index x = take(0, kLarge);
    p.code.push_back({f, x, take(0, kLarge), a.reals[2 * i], a.reals[2 * i + 1]});
  }
  return p;
}

std::vector<Walk> TileProgram::kinds() const {
  const std::vector<Walk> kinds = kinds_of_values();
  if (const int count = allocate(*this, kinds).count; count > kMostTileRegisters)
    throw std::invalid_argument(
        fmt::format("more than {} results are waited for at a time", kMostTileRegisters));
  return kinds;
}

Index TileProgram::registers() const { return allocate(*this, kinds_of_values()).count; }

std::vector<Walk> TileProgram::kinds_of_values() const {
  if (operands.empty() || static_cast<Index>(operands.size()) > kMostTileOperands || code.empty() ||
      static_cast<Index>(code.size()) > kMostTileInstructions)
    throw std::invalid_argument(fmt::format("a program has 1 to {} operands and 1 to {} instructions",
                                            kMostTileOperands, kMostTileInstructions));
  std::vector<Walk> kinds = operands;
  std::vector<char> of_sum(operands.size(), 0);
  int sums = 0;
  for (std::size_t i = 0; i < code.size(); ++i) {
    const TileInstruction& c = code[i];
    for (Index v : {c.x, is_binary(c.function) ? c.y : c.x})
      if (v >= static_cast<Index>(kinds.size()))
        throw std::invalid_argument(
            fmt::format("instruction {} reads value {}, which is not there yet", i, v));
    const auto x = static_cast<std::size_t>(c.x),
               y = is_binary(c.function) ? static_cast<std::size_t>(c.y) : x;
    Walk kind = join(kinds[x], kinds[y]);
    char depends = of_sum[x] || of_sum[y];
    if (c.function == kStretch) {
      const Walk to = static_cast<Walk>(c.y);
      if (c.y > static_cast<Index>(Walk::full) || join(kind, to) != to)
        throw std::invalid_argument("a value is stretched to a kind that does not hold it");
      kind = to;
    } else if (c.function >= kSumOverRows) {
      if (kind != Walk::full) throw std::invalid_argument("only full values are summed");
      if (crosses_tiles(c.function) && ++sums > 1)
        throw std::invalid_argument("more than one sum over all tiles");
      if (c.function == kSumOverCols && cols > kMostSummedCols)
        throw std::invalid_argument(
            fmt::format("a sum over columns takes at most {}, found {}", kMostSummedCols, cols));
      kind = c.function == kSumOverRows   ? Walk::row
             : c.function == kSumOverCols ? Walk::column
                                          : Walk::scalar;
      depends = depends || crosses_tiles(c.function);
    } else if (elementwise_reals(c.function) < 0) {
      throw std::invalid_argument(fmt::format("there is no function of number {}", c.function));
    }
    if (depends && tilewise(kind))
      throw std::invalid_argument("a full or column value is made of a sum over all tiles");
    kinds.push_back(kind);
    of_sum.push_back(depends);
  }
  const bool matrix =
      std::any_of(kinds.begin(), kinds.end(), [](Walk w) { return w == Walk::row || w == Walk::column; });
  const bool sums_all = std::any_of(code.begin(), code.end(),
                                    [](const TileInstruction& c) { return c.function == kSumOverAll; });
  if (matrix && sums_all && rows * cols > kTileElements)
    throw std::invalid_argument(
        fmt::format("a sum over all of a matrix with rows or columns takes at most {} numbers, found {}",
                    kTileElements, rows * cols));
  if (kinds.back() == Walk::column && cols > kMostSummedCols)
    throw std::invalid_argument(
        fmt::format("a column is made of at most {} columns, found {}", kMostSummedCols, cols));
  return kinds;
}

void register_tile_program_ops() { tile_program_op(); }

Var tile_program(std::span<const Var> operands, const TileProgram& program, Location at) {
  if (operands.empty()) throw std::invalid_argument("[tile_program] expected at least one operand");
  return operands.front().graph().record(tile_program_op(), operands, program.attributes(), at);
}

}  // namespace autodiff
