#include "autodiff/unroll/simulate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <stdexcept>

#include "autodiff/unroll/checkpoint_store.hpp"

namespace autodiff {

namespace {

using Kind = Action::Kind;

// Simulates the store's thread, which writes and reads states in the order requested, next to the clock of
// the unroll.
class DiskClock {
 public:
  explicit DiskClock(const DiskCosts& costs) : costs_(costs) {}
  double now = 0, waited = 0;

  void write() {
    while (!writes_.empty() && writes_.front() <= now) writes_.pop_front();
    if (static_cast<int>(writes_.size()) == kWriteBuffers) wait_until(writes_.front()), writes_.pop_front();
    writes_.push_back(serve(costs_.write_seconds));
  }
  void begin_read() { read_done_ = serve(costs_.read_seconds); }
  void end_read() { wait_until(read_done_); }

 private:
  double serve(double seconds) { return free_ = std::max(free_, now) + seconds; }
  void wait_until(double t) {
    if (t <= now) return;
    waited += t - now;
    now = t;
  }
  DiskCosts costs_;
  double free_ = 0, read_done_ = 0;
  std::deque<double> writes_;  // when each buffer in use is free again
};

class Simulator {
 public:
  Simulator(const Schedule& s, const StepSizes& sizes, const StepCosts& costs, const DiskCosts& disk)
      : s_(s),
        sizes_(sizes),
        costs_(costs),
        clock_(disk),
        slots_(static_cast<std::size_t>(s.slots)),
        next_reverse_(window_end(0)) {}

  Simulation run() {
    if (s_.steps < 1 || s_.window < 1 || s_.window > s_.steps)
      throw std::invalid_argument(fmt::format("[schedule {}] invalid sizes: {} steps in windows of {}",
                                              s_.name, s_.steps, s_.window));
    if (s_.tape_slots > 0 && s_.actions.size() > 1 &&
        static_cast<std::size_t>(s_.tape_slots) * sizes_.state_bytes < sizes_.tape_bytes)
      throw std::invalid_argument(
          fmt::format("[schedule {}] a tape of {} bytes doesn't fit in {} slots of {} bytes", s_.name,
                      sizes_.tape_bytes, s_.tape_slots, sizes_.state_bytes));
    for (at_ = 0; at_ < s_.actions.size(); ++at_) act(s_.actions[at_]);
    if (reversed_ != s_.steps)
      throw std::invalid_argument(
          fmt::format("[schedule {}] reverses {} of {} steps", s_.name, reversed_, s_.steps));
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (slots_[i].what != Content::nothing)
        throw std::invalid_argument(fmt::format("[schedule {}] slot {} is not empty at the end", s_.name, i));
    r_.seconds = clock_.now;
    r_.waiting_seconds = clock_.waited;
    r_.disk_bytes = static_cast<std::size_t>(s_.disk_slots) * sizes_.state_bytes;
    r_.written_bytes = static_cast<std::size_t>(r_.disk_writes) * sizes_.state_bytes;
    r_.read_bytes = static_cast<std::size_t>(r_.disk_reads) * sizes_.state_bytes;
    return r_;
  }

 private:
  enum class Content : std::uint8_t { nothing, state, tape, tape_goes_on };
  struct Held {
    Content what = Content::nothing;
    Step step = 0;
  };

  Step window_end(Step t) const {
    return std::min((t / std::max<Step>(s_.window, 1) + 1) * s_.window, s_.steps);
  }
  void expect(bool ok, const std::string& why) const {
    if (!ok)
      throw std::invalid_argument(
          fmt::format("[schedule {}] action {}, {}: {}", s_.name, at_, to_string(s_.actions[at_]), why));
  }
  void expect_current(Step t) const {
    expect(current_ == t,
           current_ < 0 ? "there is no current state" : fmt::format("the current state is {}", current_));
  }
  Held& slot(Slot i) {
    expect(i >= 0 && i < s_.slots, fmt::format("there are {} slots", s_.slots));
    return slots_[static_cast<std::size_t>(i)];
  }
  Held& holding(Slot i, Content what, Step t) {
    Held& h = slot(i);
    expect(h.what == what && h.step == t, "the slot holds something else");
    return h;
  }
  void fill(Slot i, Content what, Step t) {
    expect(slot(i).what == Content::nothing, "the slot is in use");
    slot(i) = {what, t};
  }
  void take(const ActionCost& cost, Step times = 1) {
    clock_.now += static_cast<double>(times) * cost.seconds;
    r_.evaluations += static_cast<double>(times) * cost.evaluations;
  }
  void reach(Slot i, std::size_t bytes) {
    r_.peak_bytes =
        std::max(r_.peak_bytes, static_cast<std::size_t>(i - s_.disk_slots) * sizes_.state_bytes + bytes);
  }
  void reversed(Step t) {
    expect(t + 1 == next_reverse_, fmt::format("the next step to reverse is {}", next_reverse_ - 1));
    ++reversed_;
    next_reverse_ = t % s_.window == 0 ? window_end(t + s_.window) : t;
  }
  void count(Slot i, Slot by) {
    Slot& now = i < s_.disk_slots ? on_disk_ : in_ram_;
    now += by;
    r_.ram_checkpoints = std::max(r_.ram_checkpoints, in_ram_);
    r_.disk_checkpoints = std::max(r_.disk_checkpoints, on_disk_);
  }

  void act(const Action& a) {
    const bool disk = a.slot < s_.disk_slots;
    switch (a.kind) {
      case Kind::advance:
        expect_current(a.step);
        expect(a.end > a.step && a.end <= s_.steps, "a run goes forward, and no further than the last state");
        current_ = a.end;
        r_.advances += a.end - a.step;
        take(costs_.advance, a.end - a.step);
        break;
      case Kind::record:
        expect_current(a.step);
        expect(a.step < s_.steps && s_.tape_slots > 0 && !disk,
               "a tape must be kept in RAM slots that have room for it");
        fill(a.slot, Content::tape, a.step);
        for (Slot i = 1; i < s_.tape_slots; ++i) fill(a.slot + i, Content::tape_goes_on, a.step);
        reach(a.slot, sizes_.tape_bytes);
        current_ = a.step + 1;
        r_.tapes = std::max(r_.tapes, ++tapes_);
        ++r_.records;
        take(costs_.record);
        break;
      case Kind::reverse:
        holding(a.slot, Content::tape, a.step) = {};
        for (Slot i = 1; i < s_.tape_slots; ++i) slot(a.slot + i) = {};
        --tapes_;
        reversed(a.step);
        take(costs_.reverse);
        break;
      case Kind::turn:
        expect_current(a.step);
        reversed(a.step);
        current_ = a.step + 1;
        ++r_.turns;
        take(costs_.turn);
        break;
      case Kind::store:
        expect_current(a.step);
        fill(a.slot, Content::state, a.step);
        count(a.slot, 1);
        ++r_.stores;
        if (disk)
          clock_.write(), ++r_.disk_writes;
        else
          reach(a.slot, sizes_.state_bytes);
        break;
      case Kind::load:
        holding(a.slot, Content::state, a.step);
        if (disk) {
          if (ahead_ != a.slot) expect(ahead_ < 0, "another state was prefetched"), clock_.begin_read();
          clock_.end_read();
          ahead_ = -1;
          ++r_.disk_reads;
        }
        current_ = a.step;
        ++r_.loads;
        break;
      case Kind::drop:
        expect(slot(a.slot).what == Content::state && a.slot != ahead_, "there is no state to drop");
        slot(a.slot) = {};
        count(a.slot, -1);
        break;
      case Kind::prefetch:
        holding(a.slot, Content::state, a.step);
        expect(disk && ahead_ < 0, "one state at a time is prefetched, from disk");
        ahead_ = a.slot;
        clock_.begin_read();
        break;
    }
  }

  const Schedule& s_;
  const StepSizes sizes_;
  const StepCosts costs_;
  DiskClock clock_;
  std::vector<Held> slots_;
  Simulation r_;
  std::size_t at_ = 0;
  Step current_ = 0, next_reverse_, reversed_ = 0;
  Slot in_ram_ = 0, on_disk_ = 0, tapes_ = 0, ahead_ = -1;
};

}  // namespace

Simulation simulate(const Schedule& schedule, const StepSizes& sizes, const StepCosts& costs,
                    const DiskCosts& disk) {
  return Simulator(schedule, sizes, costs, disk).run();
}

}  // namespace autodiff
