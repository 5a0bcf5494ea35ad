#include "autodiff/unroll/unroll.hpp"

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace autodiff {

namespace {

using Kind = Action::Kind;

constexpr std::size_t kLine = 64;
std::size_t whole_lines(std::size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

template <class T>
std::uint64_t checksum(std::span<const T> values) {
  return XXH3_64bits(values.data(), values.size_bytes());
}

template <class T>
double norm(std::span<const T> values) {
  double sum = 0;
  for (T v : values) sum += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(sum);
}

const char* verdict(bool agrees) {
  return agrees ? "agrees with the first time" : "does not agree with the first time either";
}

template <class T>
class Interpreter {
 public:
  Interpreter(Segment<T>& segment, const Schedule& schedule, Arena& arena, CheckpointStore* disk,
              UnrollJournal* journal, const std::function<bool()>& stop)
      : segment_(segment),
        s_(schedule),
        arena_(arena),
        disk_(disk),
        journal_(journal),
        stop_(stop),
        n_(segment.state_size()),
        slot_(slot_bytes(n_, sizeof(T))),
        tape_(s_.tape_slots > 0 ? segment.tape_size() : 0) {
    const Simulation simulated = simulate(s_, {slot_, tape_ * sizeof(T)});
    if (simulated.records > 0 && tape_ == 0)
      throw std::invalid_argument(
          fmt::format("[unroll] the schedule {} keeps tapes, which this segment doesn't support", s_.name));
    if (s_.disk_slots > 0 && !disk_)
      throw std::invalid_argument(fmt::format("[unroll] the schedule {} needs a store on disk", s_.name));
    const std::size_t fixed = unroll_fixed_bytes(n_, segment.theta_size(), sizeof(T));
    arena_.reserve(fixed + simulated.peak_bytes);
    for (auto* state : {&current_, &next_, &last_, &adjoint_, &new_adjoint_}) *state = take(n_);
    for (auto* sum : {&contribution_, &sum_}) *sum = take(segment.theta_size());
    slots_ = next_place_;
    checksums_.assign(static_cast<std::size_t>(s_.steps) + 1, 0);
    telemetry_.adjoint_norm.assign(static_cast<std::size_t>(s_.steps), 0);
    telemetry_.contribution_norm = telemetry_.adjoint_norm;
  }

  UnrollTelemetry run(std::span<T> phi, std::span<T> adjoint, std::span<T> gradient) {
    const auto expect = [](const char* what, std::size_t found, std::size_t expected) {
      if (found != expected)
        throw std::invalid_argument(
            fmt::format("[unroll] {} has {} numbers, expected {}", what, found, expected));
    };
    expect("phi", phi.size(), n_);
    expect("the adjoint", adjoint.size(), n_);
    expect("the gradient", gradient.size(), contribution_.size());
    std::copy(phi.begin(), phi.end(), current_.begin());
    adjoint_from_outside_ = adjoint;
    std::copy(gradient.begin(), gradient.end(), sum_.begin());
    checksums_[0] = checksum<T>(current_);
    const double waited_before = disk_ ? disk_->waited_seconds() : 0;
    if (journal_ && journal_->resume()) resume();
    while (position_.action < s_.actions.size()) act(s_.actions[position_.action]);
    if (disk_) telemetry_.waited_seconds = disk_->waited_seconds() - waited_before;
    std::copy(last_.begin(), last_.end(), phi.begin());
    std::copy(adjoint_.begin(), adjoint_.end(), adjoint.begin());
    std::copy(sum_.begin(), sum_.end(), gradient.begin());
    return std::move(telemetry_);
  }

 private:
  std::span<T> take(std::size_t numbers) {
    const std::span<T> taken(reinterpret_cast<T*>(arena_.data() + next_place_), numbers);
    next_place_ += whole_lines(numbers * sizeof(T));
    arena_.touch(next_place_);
    return taken;
  }
  // The numbers from a slot in RAM on.
  std::span<T> in_slot(Slot slot, std::size_t numbers, std::size_t bytes) {
    const std::size_t at = slots_ + static_cast<std::size_t>(slot - s_.disk_slots) * slot_;
    arena_.touch(at + bytes);
    return {reinterpret_cast<T*>(arena_.data() + at), numbers};
  }
  std::span<T> state_in(Slot slot) { return in_slot(slot, n_, slot_); }
  std::span<T> tape_in(Slot slot) { return in_slot(slot, tape_, tape_ * sizeof(T)); }

  // The position in the schedule: before a step of an advance, or before another action.
  struct Position {
    std::uint64_t action = 0;
    Step step = 0, furthest = 0;
    Step current = 0;  // t of the current state
  };
  struct Held {
    Step step = 0;
    bool is_tape = false;  // otherwise the state phi_step
  };

  // Called before `action` (of an advance: before its step `step`), where the unroll can be interrupted and
  // resumed.
  void stand_before(std::size_t action, Step step = 0) {
    position_.action = action;
    position_.step = step;
    const bool is_end = action == s_.actions.size(), is_stopped = !is_end && stop_ && stop_();
    std::string lost;
    if (journal_ && (is_stopped || journal_->is_due(is_end) || (is_end && is_kept_))) lost = keep();
    if (is_stopped) throw UnrollStopped(std::move(lost));
  }

  // Saves progress. Returns why that failed, or empty.
  std::string keep() {
    if (ahead_)
      disk_->load(*ahead_, std::as_writable_bytes(next_));  // one read at a time: it is started again below
    journal_->begin();
    write(std::span(&position_, 1));
    for_all_parts([&](auto part) { write(part); });
    for (const auto& [slot, held] : held_) {
      if (slot < s_.disk_slots) {
        disk_->load(slot, std::as_writable_bytes(next_));
        write(next_);
      } else {
        write(held.is_tape ? tape_in(slot) : state_in(slot));
      }
    }
    std::string lost = journal_->commit();
    is_kept_ = true;
    if (ahead_) disk_->prefetch(*ahead_);
    return lost;
  }
  template <class Numbers>
  void write(Numbers part) {
    journal_->write(std::as_bytes(std::span(part)));
  }
  template <class Numbers>
  void read(Numbers part) {
    journal_->read(std::as_writable_bytes(std::span(part)));
  }

  template <class F>
  void for_all_parts(F f) {
    f(current_), f(last_), f(adjoint_), f(sum_);
    f(std::span(checksums_)), f(std::span(telemetry_.adjoint_norm)),
        f(std::span(telemetry_.contribution_norm));
    f(segment_.notes());
  }

  void resume() {
    std::copy(current_.begin(), current_.end(), next_.begin());  // phi_0
    read(std::span(&position_, 1));
    if (position_.action > s_.actions.size() || position_.furthest > s_.steps ||
        position_.current > position_.furthest || position_.current < 0)
      throw std::invalid_argument("[unroll] the journal belongs to another unroll; remove it");
    for_all_parts([&](auto part) { read(part); });
    expect_kept(0, next_);
    expect_kept(position_.current, current_);
    if (position_.furthest == s_.steps) expect_kept(s_.steps, last_);
    for (std::size_t i = 0; i < position_.action; ++i) hold(s_.actions[i]);
    for (const auto& [slot, held] : held_) {
      if (held.is_tape) {
        read(tape_in(slot));
        continue;
      }
      const std::span<T> state = slot < s_.disk_slots ? next_ : state_in(slot);
      read(state);
      expect_kept(held.step, state);
      if (slot < s_.disk_slots) disk_->store(slot, std::as_bytes(state));
    }
    if (ahead_) disk_->prefetch(*ahead_);
    is_kept_ = telemetry_.went_on = true;
  }
  void expect_kept(Step t, std::span<const T> state) const {
    if (checksum<T>(state) != checksums_[static_cast<std::size_t>(t)])
      throw RecomputationMismatch(
          t, std::nullopt,
          "had other bits in the journal than when it was computed: check this machine's memory and disk");
  }

  // Updates which slots are in use and which read is in progress after an action.
  void hold(const Action& a) {
    if (a.kind == Kind::store || a.kind == Kind::record) held_[a.slot] = {a.step, a.kind == Kind::record};
    if (a.kind == Kind::reverse || a.kind == Kind::drop) held_.erase(a.slot);
    if (a.kind == Kind::prefetch) ahead_ = a.slot;
    if (a.kind == Kind::load && a.slot < s_.disk_slots) ahead_.reset();
  }

  // phi_{t+1}, just computed from the current state phi_t, becomes the current state.
  void reached(Step t) {
    const std::uint64_t sum = checksum<T>(next_);
    const auto i = static_cast<std::size_t>(t + 1);
    if (t + 1 > position_.furthest) {
      position_.furthest = t + 1;
      checksums_[i] = sum;
      if (t + 1 == s_.steps) std::copy(next_.begin(), next_.end(), last_.begin());
    } else if (sum != checksums_[i]) {
      segment_.advance(t, current_, next_);
      const bool agrees = checksum<T>(next_) == checksums_[i];
      throw RecomputationMismatch(t + 1, agrees,
                                  fmt::format("came out with other bits when it was computed again (checksum "
                                              "{:016x}, expected {:016x}); computing it once more {}: "
                                              "check this machine's memory and processor",
                                              sum, checksums_[i], verdict(agrees)));
    }
    std::swap(current_, next_);
    position_.current = t + 1;
  }

  // Loads the state in the slot into the current state.
  void load(Slot slot) {
    if (slot < s_.disk_slots) {
      disk_->load(slot, std::as_writable_bytes(current_));
    } else {
      const auto state = state_in(slot);
      std::copy(state.begin(), state.end(), current_.begin());
    }
  }
  void load_checked(Step t, Slot slot) {
    const auto is_right = [&] {
      return load(slot), checksum<T>(current_) == checksums_[static_cast<std::size_t>(t)];
    };
    position_.current = t;
    if (is_right()) return;
    const bool agrees = is_right();
    throw RecomputationMismatch(
        t, agrees,
        fmt::format("changed while it was kept in {}; loading it once more {}: check this machine's memory",
                    slot < s_.disk_slots ? "the store on disk" : "memory", verdict(agrees)));
  }

  void begin_reverse(Step t) {
    if (t + 1 == s_.steps)
      std::copy(adjoint_from_outside_.begin(), adjoint_from_outside_.end(), adjoint_.begin());
    else if ((t + 1) % s_.window == 0)
      std::fill(adjoint_.begin(), adjoint_.end(), T{0});
  }
  void end_reverse(Step t) {
    std::swap(adjoint_, new_adjoint_);
    for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += contribution_[i];
    telemetry_.adjoint_norm[static_cast<std::size_t>(t)] = norm<T>(adjoint_);
    telemetry_.contribution_norm[static_cast<std::size_t>(t)] = norm<T>(contribution_);
  }

  void act(const Action& a) {
    const bool on_disk = a.slot < s_.disk_slots;
    switch (a.kind) {
      case Kind::advance:
        for (Step t = std::max(a.step, position_.step); t < a.end; ++t) {
          segment_.advance(t, current_, next_);
          reached(t);
          if (t + 1 < a.end) stand_before(position_.action, t + 1);
        }
        break;
      case Kind::record:
        segment_.record(a.step, current_, next_, tape_in(a.slot));
        reached(a.step);
        break;
      case Kind::reverse:
        begin_reverse(a.step);
        segment_.reverse(a.step, tape_in(a.slot), adjoint_, new_adjoint_, contribution_);
        end_reverse(a.step);
        break;
      case Kind::turn:
        begin_reverse(a.step);
        segment_.turn(a.step, current_, next_, adjoint_, new_adjoint_, contribution_);
        reached(a.step);
        end_reverse(a.step);
        break;
      case Kind::store:
        if (on_disk)
          disk_->store(a.slot, std::as_bytes(current_));
        else
          std::copy(current_.begin(), current_.end(), state_in(a.slot).begin());
        break;
      case Kind::load:
        load_checked(a.step, a.slot);
        break;
      case Kind::drop:
        break;
      case Kind::prefetch:
        disk_->prefetch(a.slot);
        break;
    }
    hold(a);
    stand_before(position_.action + 1);
  }

  Segment<T>& segment_;
  const Schedule& s_;
  Arena& arena_;
  CheckpointStore* disk_;
  UnrollJournal* journal_;
  const std::function<bool()>& stop_;
  std::size_t n_, slot_, tape_, next_place_ = 0, slots_ = 0;
  std::span<T> current_, next_, last_;  // last: phi_T
  std::span<const T> adjoint_from_outside_;
  std::span<T> adjoint_, new_adjoint_;  // of phi_{t+1} and phi_t
  std::span<T> contribution_, sum_;     // of step t, and their sum so far
  Position position_;
  std::map<Slot, Held> held_;
  std::optional<Slot> ahead_;  // is being prefetched
  bool is_kept_ = false;       // the journal holds progress
  std::vector<std::uint64_t> checksums_;
  UnrollTelemetry telemetry_;
};

}  // namespace

RecomputationMismatch::RecomputationMismatch(Step t, std::optional<bool> agrees, const std::string& why)
    : std::runtime_error(fmt::format("the state before step {} {}", t, why)),
      step(t),
      again_agrees(agrees),
      reason(why) {}

std::size_t slot_bytes(std::size_t state_size, std::size_t number_bytes) {
  return whole_lines(state_size * number_bytes);
}

Slot slots_of_tape(std::size_t tape_size, std::size_t state_size, std::size_t number_bytes) {
  const std::size_t slot = slot_bytes(state_size, number_bytes);
  return static_cast<Slot>((tape_size * number_bytes + slot - 1) / slot);
}

std::size_t unroll_fixed_bytes(std::size_t state_size, std::size_t theta_size, std::size_t number_bytes) {
  return 5 * slot_bytes(state_size, number_bytes) + 2 * whole_lines(theta_size * number_bytes);
}

std::size_t most_bookkeeping_bytes(Step T) {
  // Each step is turned, or recorded and reversed, once; each step except one is the last of an advance, with
  // a store, a load, a drop and a prefetch.
  constexpr std::size_t kActions = 6,
                        kHeld = 64;  // bytes of a map node of slot contents, at most one per step
  return static_cast<std::size_t>(T + 1) *
         (kActions * sizeof(Action) + sizeof(std::uint64_t) + 2 * sizeof(double) + kHeld);
}

template <class T>
UnrollTelemetry unroll(Segment<T>& segment, const Schedule& schedule, std::span<T> phi, std::span<T> adjoint,
                       std::span<T> gradient, Arena& arena, CheckpointStore* disk, UnrollJournal* journal,
                       const std::function<bool()>& stop) {
  return Interpreter<T>(segment, schedule, arena, disk, journal, stop).run(phi, adjoint, gradient);
}

template UnrollTelemetry unroll<float>(Segment<float>&, const Schedule&, std::span<float>, std::span<float>,
                                       std::span<float>, Arena&, CheckpointStore*, UnrollJournal*,
                                       const std::function<bool()>&);
template UnrollTelemetry unroll<double>(Segment<double>&, const Schedule&, std::span<double>,
                                        std::span<double>, std::span<double>, Arena&, CheckpointStore*,
                                        UnrollJournal*, const std::function<bool()>&);

}  // namespace autodiff
