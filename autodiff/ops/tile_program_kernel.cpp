#include "autodiff/ops/tile_program_kernel.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "autodiff/ops/loops/tiles.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/ops/tile_program.hpp"

namespace autodiff {

namespace {

using kernels::BroadcastKind;

constexpr Index kRegisterElements = 8192;  // of all registers of a tile: 32 KiB in float
constexpr Index kMostTileElements = 1024;

enum class Action : std::uint8_t { unary, binary, sum_over_rows, sum_over_cols, sum_over_all, stretch };

// One instruction, kept small: a graph has more of them than fit in the first-level cache. Slots identify
// values.
template <class T>
struct Step {
  Action action = Action::unary;
  std::uint8_t function = 0;  // which kernels::Unary or kernels::Binary
  std::uint8_t x = 0, y = 0, z = 0;
  BroadcastKind x_kind = BroadcastKind::scalar, y_kind = BroadcastKind::scalar,
                z_kind = BroadcastKind::scalar;
  T p = 0, q = 0;
};
static_assert(sizeof(Step<float>) == 16);

// The action and function of an instruction.
std::pair<Action, std::uint8_t> decoded(TileFunction function) {
  struct Decoder {
    std::pair<Action, std::uint8_t> operator()(kernels::Unary f) const {
      return {Action::unary, static_cast<std::uint8_t>(f)};
    }
    std::pair<Action, std::uint8_t> operator()(kernels::Binary f) const {
      return {Action::binary, static_cast<std::uint8_t>(f)};
    }
    std::pair<Action, std::uint8_t> operator()(TileSum s) const {
      return {s == TileSum::over_rows   ? Action::sum_over_rows
              : s == TileSum::over_cols ? Action::sum_over_cols
                                        : Action::sum_over_all,
              0};
    }
    std::pair<Action, std::uint8_t> operator()(Stretch) const { return {Action::stretch, 0}; }
  };
  return std::visit(Decoder{}, function);
}

// Slots are numbered by bytes: operands, out, registers, and scratch of at most one value per instruction.
constexpr std::size_t kMostSlots = 256;
static_assert(kMostTileOperands + 1 + kMostTileRegisters + kMostTileInstructions <= Index{kMostSlots});

// Where a value is: at `offset` in its memory, with a step per row and per column of the matrix.
struct Slot {
  Index offset = 0, row_step = 0, col_step = 0;
};

// Steps before the tiles (rows and scalars), in every tile, and after the tiles (values that depend on the
// sum over all tiles). Slots are in the order: operands, out, registers, scratch.
template <class T>
struct Compiled {
  const kernels::Kernels<T>* table = nullptr;
  std::size_t operands = 0, registers = 0;
  Index rows = 1, cols = 1, tile_rows = 1, tile_cols = 1;
  Index unit = 1, units = 1;  // what one thread does at a time: rows, or columns of a matrix of one row; and
                              // how many such units
  std::vector<Step<T>> before, tiles, after;
  std::vector<Slot> slots;
  std::optional<TileSum> sum;  // the sum over all tiles
  Index partial = 0;           // offset in scratch of its parts, `width` numbers for each unit
  Index width = 0;
  bool sum_is_last = false;

  using Pointers = std::array<T*, kMostSlots>;

  // Sets the slots to the tile at (r, c).
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
    const Index n = size_of(s.z_kind, n_rows, n_cols);
    switch (s.action) {
      case Action::unary:
        return table->unary(static_cast<kernels::Unary>(s.function), n, x, z, s.p, s.q);
      case Action::binary: {
        const auto f = static_cast<kernels::Binary>(s.function);
        if (s.z_kind == BroadcastKind::full)
          return table->binary_rows(f, n_rows, n_cols, x, s.x_kind, at[s.y], s.y_kind, z);
        return table->binary(f, n, x, s.x_kind == s.z_kind, at[s.y], s.y_kind == s.z_kind, z);
      }
      case Action::sum_over_cols:
        return table->sum_each_row(n_rows, n_cols, x, z);
      case Action::stretch:
        if (s.z_kind == BroadcastKind::full) return table->stretch(n_rows, n_cols, x, s.x_kind, z);
        return table->stretch(1, n, x, s.x_kind == s.z_kind ? BroadcastKind::full : BroadcastKind::scalar, z);
      case Action::sum_over_rows:
      case Action::sum_over_all:
        return;  // run_unit() adds to these, tile by tile
    }
  }

  void run_unit(Index u, const KernelArguments<T>& k) const {
    alignas(64) T of_registers[kRegisterElements];
    Pointers at;
    T* total = k.scratch + partial + u * width;
    T lanes[kernels::kLanes] = {};
    if (sum == TileSum::over_rows) std::fill_n(total, width, T(0));
    const bool along = rows == 1 && sum != TileSum::over_rows;
    const Index begin = u * unit, end = std::min(along ? cols : rows, begin + unit);
    const Index first_row = along ? 0 : begin, end_row = along ? 1 : end, first_col = along ? begin : 0,
                end_col = along ? end : cols;
    for (Index r = first_row; r < end_row; r += tile_rows)
      for (Index c = first_col; c < end_col; c += tile_cols) {
        const Index n_rows = std::min(tile_rows, end_row - r), n_cols = std::min(tile_cols, end_col - c);
        point(k, of_registers, r, c, at);
        for (const Step<T>& s : tiles) {
          if (s.action == Action::sum_over_rows)
            table->sum_rows(n_rows, n_cols, at[s.x], n_cols, total + c);
          else if (s.action == Action::sum_over_all)
            table->sum_lanes(n_rows * n_cols, at[s.x], (r - first_row) * cols + c - first_col, lanes);
          else
            run(s, at, n_rows, n_cols);
        }
      }
    if (sum == TileSum::over_all) {
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

}  // namespace

template <class T>
Kernel<T> tile_program_kernel(const NodeShape& s) {
  const TileProgram& p = s.attributes->as<TileProgram>();
  const std::vector<BroadcastKind> kinds = p.kinds();
  const TileProgram::Registers registers = p.allocate(kinds);
  const std::size_t operands = p.operands.size();
  Compiled<T> c;
  c.table = &kernels::active<T>();
  c.operands = operands;
  c.registers = static_cast<std::size_t>(registers.count);
  c.rows = p.rows;
  c.cols = p.cols;
  if (std::none_of(kinds.begin(), kinds.end(), [](BroadcastKind w) {
        return w == BroadcastKind::row || w == BroadcastKind::column;
      })) {  // effectively one row
    c.cols *= c.rows;
    c.rows = 1;
  }
  const Index capacity =
      std::clamp<Index>(kRegisterElements / std::max(1, registers.count) / kernels::kLanes * kernels::kLanes,
                        0, kMostTileElements);
  c.tile_cols = std::min(c.cols, capacity);
  c.tile_rows = std::max<Index>(1, capacity / c.cols);

  const auto add_slot = [&](Index offset, BroadcastKind w) {
    c.slots.push_back({offset, w == BroadcastKind::full ? c.cols : w == BroadcastKind::column,
                       w == BroadcastKind::full || w == BroadcastKind::row});
  };
  for (BroadcastKind w : p.operands) add_slot(0, w);
  add_slot(0, kinds.back());
  for (int r = 0; r < registers.count; ++r) add_slot(r * capacity, BroadcastKind::scalar);
  Kernel<T> kernel;
  const auto add_scratch = [&](Index size, BroadcastKind w) {
    const Index offset = tile_count(kernel.scratch, kernels::kLanes) * kernels::kLanes;
    kernel.scratch = offset + size;
    add_slot(offset, w);
    return offset;
  };
  std::vector<std::uint8_t> slot;  // of each value
  for (std::size_t i = 0; i < operands; ++i) slot.push_back(static_cast<std::uint8_t>(i));
  std::vector<char> of_sum(kinds.size(), 0);  // depends on the sum over all tiles
  for (std::size_t i = 0; i < p.code.size(); ++i) {
    const TileInstruction& code = p.code[i];
    const std::size_t v = operands + i, x = static_cast<std::size_t>(code.x),
                      y = code.is_binary() ? static_cast<std::size_t>(code.y) : x;
    const bool last = i + 1 == p.code.size();
    std::size_t z = operands;
    if (code.crosses_tiles()) {
      c.sum = std::get<TileSum>(code.function);
      c.sum_is_last = last;
      c.width = size_of(kinds[v], c.rows, c.cols);
      const Index chunk = c.sum == TileSum::over_rows ? sum_chunk(c.cols) : kTileElements;
      c.unit = c.sum == TileSum::over_rows || c.rows == 1 ? chunk : c.rows;
      c.units = c.sum == TileSum::over_rows ? tile_count(c.rows, chunk) : tile_count(c.rows * c.cols, chunk);
      z = c.slots.size();
      c.partial = add_scratch(c.units * c.width, kinds[v]);
    } else if (!last && tilewise(kinds[v])) {
      z = operands + 1 + static_cast<std::size_t>(registers.of[v]);
    } else if (!last) {
      z = c.slots.size();
      add_scratch(size_of(kinds[v], 1, c.cols), kinds[v]);
    }
    slot.push_back(static_cast<std::uint8_t>(z));
    of_sum[v] = code.crosses_tiles() || of_sum[x] || of_sum[y];
    auto& part = code.crosses_tiles() || tilewise(kinds[v]) ? c.tiles : of_sum[v] ? c.after : c.before;
    const auto [action, function] = decoded(code.function);
    part.push_back({action, function, slot[x], slot[y], slot[v], kinds[x], kinds[y], kinds[v],
                    static_cast<T>(code.p), static_cast<T>(code.q)});
  }
  if (!c.sum) {
    c.unit = c.rows == 1 ? kTileElements
                         : std::max<Index>(1, kTileElements / (c.cols * c.tile_rows)) * c.tile_rows;
    c.units = tile_count(c.rows == 1 ? c.cols : c.rows, c.unit);
  }
  kernel.run = std::move(c);
  return kernel;
}

template Kernel<float> tile_program_kernel<float>(const NodeShape&);
template Kernel<double> tile_program_kernel<double>(const NodeShape&);

}  // namespace autodiff
