// A small step made of tape ops, as a Segment: phi [n, n] -> phi + 0.1 tanh(theta phi + x_t), scored by its
// mean square after every step. Counts what it runs, and can be made to fail.
#pragma once
#include <algorithm>
#include <memory>
#include <vector>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/plan/plan.hpp"
#include "autodiff/transform/differentiate.hpp"
#include "autodiff/unroll/schedules/schedules.hpp"
#include "autodiff/unroll/segment.hpp"

namespace autodiff::test {

/// A schedule that computes states again: revolve(12, 2). Its first sweep takes 11 advances, numbers 1 to 11;
/// the 13th computes a state the second time, and where that differs from the first, the 14th a third time.
struct Recomputing {
  static constexpr int first_sweep = 11, second_time = 13, third_time = 14;
  static Schedule schedule() { return revolve(12, 2); }
};

template <class T>
class ToySegment final : public Segment<T> {
 public:
  explicit ToySegment(Index n = 8, int threads = 1)
      : n_(static_cast<std::size_t>(n * n)), theta(n_), parallel_(threads), x_(n_) {
    for (std::size_t i = 0; i < n_; ++i)
      theta[i] = static_cast<T>(0.02 * static_cast<double>((i * 37) % 101) - 1);
    Graph g;
    const Var th = g.input(Shape{n, n}, "theta"), phi = g.input(Shape{n, n}, "phi"),
              x = g.input(Shape{n, n}, "x"), adjoint = g.input(Shape{n, n}, "adjoint");
    const Var next = phi + tanh(matmul(th, phi) + x) * 0.1, J = mean_all(next * next);
    const Var forward[] = {next, J}, seeds[] = {adjoint, Var()}, wrt[] = {phi, th};
    std::vector<Var> outputs(std::begin(forward), std::end(forward));
    for (Var d : differentiate(forward, seeds, wrt)) outputs.push_back(d);
    const Var step[] = {th, phi, x}, whole[] = {th, phi, x, adjoint};
    advance_ = std::make_unique<Plan<T>>(step, std::span(&next, 1));
    PlanOptions options;
    options.transform.forward_outputs = 2;
    options.spread_above = 0;
    turn_ = std::make_unique<Plan<T>>(whole, outputs, options);
    options.halves = true;
    halves_ = std::make_unique<Plan<T>>(whole, outputs, options);
  }

  std::size_t state_size() const override { return n_; }
  std::size_t theta_size() const override { return n_; }
  std::size_t tape_size() const override { return keeps_tapes ? n_ + halves_->tape_numbers() : 0; }
  std::span<std::byte> notes() override { return std::as_writable_bytes(std::span(noted)); }
  std::size_t working_bytes() const override {
    return std::max({advance_->peak_bytes(), turn_->peak_bytes(), halves_->peak_bytes()});
  }

  void advance(Step t, std::span<const T> phi, std::span<T> next) override {
    const T* in[] = {theta.data(), phi.data(), batch(t)};
    T* out[] = {next.data()};
    advance_->run(in, out, arena_, parallel_);
    if (++advances == damaged_advance || advances == damaged_twice) next[0] += T{1};
  }
  void turn(Step t, std::span<const T> phi, std::span<T> next, std::span<const T> adjoint_next,
            std::span<T> adjoint, std::span<T> contribution) override {
    noted[static_cast<std::size_t>(t)] =
        run([&](auto& in, auto& out) { turn_->run(in, out, arena_, parallel_); }, t, phi.data(), next.data(),
            adjoint_next.data(), adjoint.data(), contribution.data());
    ++turns;
  }
  void record(Step t, std::span<const T> phi, std::span<T> next, std::span<T> tape) override {
    std::copy(phi.begin(), phi.end(), tape.begin());
    noted[static_cast<std::size_t>(t)] =
        run([&](auto& in, auto& out) { halves_->run_forward(in, out, arena_, parallel_, tape.subspan(n_)); },
            t, phi.data(), next.data(), phi.data(), nullptr, nullptr);
    ++records;
  }
  void reverse(Step t, std::span<const T> tape, std::span<const T> adjoint_next, std::span<T> adjoint,
               std::span<T> contribution) override {
    std::vector<T> unused(n_);
    run([&](auto& in, auto& out) { halves_->run_reverse(in, out, arena_, parallel_, tape.subspan(n_)); }, t,
        tape.data(), unused.data(), adjoint_next.data(), adjoint.data(), contribution.data());
  }

 private:
  std::size_t n_;

 public:
  std::vector<T> theta;
  bool keeps_tapes = true;
  std::vector<double> noted = std::vector<double>(512, 0.0);  ///< J of every step that was turned or recorded
  int advances = 0, turns = 0, records = 0;
  int damaged_advance = 0, damaged_twice = 0;  // the advances that give a wrong number, counted from 1

 private:
  const T* batch(Step t) {
    for (std::size_t i = 0; i < n_; ++i)
      x_[i] =
          static_cast<T>(0.01 * static_cast<double>((i * 13 + static_cast<std::size_t>(t) * 7) % 89) - 0.4);
    return x_.data();
  }
  template <class F>
  T run(F how, Step t, const T* phi, T* next, const T* adjoint_next, T* adjoint, T* contribution) {
    T J = 0;
    const T* in[] = {theta.data(), phi, batch(t), adjoint_next};
    T* out[] = {next, &J, adjoint, contribution};
    how(in, out);
    return J;
  }

  Parallel parallel_;
  Arena arena_;
  std::vector<T> x_;
  std::unique_ptr<Plan<T>> advance_, turn_, halves_;
};

}  // namespace autodiff::test
