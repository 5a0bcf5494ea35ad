#include "bench/growth.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "bench/forward_graph.hpp"
#include "bench/timing.hpp"
#include "checkpoints/error.hpp"

namespace bench {

namespace {

/// Milliseconds of processor time of the steps of an unroll.
struct Times {
  std::vector<double> advances, turns;
  double step() const {
    return (advances.empty() ? 0 : summarise(advances).median) + summarise(turns).median;
  }
  double mean(std::size_t length) const {
    return (std::accumulate(advances.begin(), advances.end(), 0.0) +
            std::accumulate(turns.begin(), turns.end(), 0.0)) /
           static_cast<double>(length);
  }
};

/// The states of an unroll, and the current adjoint of the reverse sweep; its steps run one by one.
class Unroll {
 public:
  Unroll(Turn& turn, std::size_t length)
      : turn_(turn), n_(turn.initial_phi().size()), states_(length * n_), adjoint_(n_, 0.0f), scratch_(n_) {
    std::copy(turn.initial_phi().begin(), turn.initial_phi().end(), states_.begin());
  }
  /// Milliseconds of phi_t -> phi_{t+1}, kept as a state.
  double advance(std::size_t t) {
    return processor_time_once([&] { turn_.advance(state(t), state(t + 1)); });
  }
  /// Milliseconds of the reverse of step t.
  double reverse(std::size_t t) {
    return processor_time_once([&] { finite_ &= std::isfinite(turn_.reverse(state(t), adjoint_)); });
  }
  /// As reverse(), but keeps the adjoint.
  double reverse_aside(std::size_t t) {
    scratch_ = adjoint_;
    return processor_time_once([&] { turn_.reverse(state(t), scratch_); });
  }
  bool finite() const {
    return finite_ && std::all_of(adjoint_.begin(), adjoint_.end(), [](float a) { return std::isfinite(a); });
  }

 private:
  std::span<float> state(std::size_t t) { return std::span(states_).subspan(t * n_, n_); }

  Turn& turn_;
  std::size_t n_;
  std::vector<float> states_;  // phi_0 .. phi_{T-1}
  std::vector<float> adjoint_, scratch_;
  bool finite_ = true;
};

double slope(const std::vector<double>& x, const std::vector<double>& y) {
  const double n = static_cast<double>(x.size());
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n,
               mean_y = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double xy = 0, xx = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    xx += (x[i] - mean_x) * (x[i] - mean_x);
  }
  return xy / xx;
}

Preset grown(Preset preset, const std::string& what, std::int64_t factor) {
  if (what == "batch")
    preset.shape.batch *= factor;
  else if (what == "units")
    for (std::size_t l = 0; l + 1 < preset.shape.widths.size(); ++l) preset.shape.widths[l] *= factor;
  else
    throw checkpoints::UsageError("--growth: expected batch or units, found '" + what + "'");
  return preset;
}

}  // namespace

Json unrolls(const Preset& preset, const std::vector<long long>& lengths) {
  Turn turn(preset);
  const auto short_length = static_cast<std::size_t>(lengths.front());
  Unroll reference(turn, short_length);
  for (std::size_t t = 0; t + 1 < short_length; ++t) reference.advance(t);
  for (std::size_t t = short_length; t-- > short_length / 2;)
    reference.reverse(t);  // an adjoint as in the middle of the sweep

  Json result = Json::array();
  for (long long entry : lengths) {
    const auto length = static_cast<std::size_t>(entry);
    const std::size_t stride =
        std::max<std::size_t>(1, length / 200);  // reference steps interleaved with the others
    Unroll unroll(turn, length);
    Times times, reference_times;
    for (std::size_t t = 0; t + 1 < length; ++t) {
      times.advances.push_back(unroll.advance(t));
      if (t % stride == 0 && short_length > 1)
        reference_times.advances.push_back(reference.advance(t % (short_length - 1)));
    }
    for (std::size_t t = length; t-- > 0;) {
      times.turns.push_back(unroll.reverse(t));
      if (t % stride == 0) reference_times.turns.push_back(reference.reverse_aside(t % short_length));
    }
    result.push_back({{"T", length},
                      {"ms", times.step()},
                      {"mean_ms", times.mean(length)},
                      {"ratio", times.step() / reference_times.step()},
                      {"finite", unroll.finite()}});
  }
  return result;
}

Json doublings(const Preset& preset, const std::string& what, double seconds) {
  struct Size {
    double size, multiply_adds;
    std::unique_ptr<Turn> turn;
    std::vector<double> ms;
  };
  std::vector<Size> sizes;
  for (std::int64_t factor : {1, 2, 4}) {
    const Preset p = grown(preset, what, factor);
    const auto& widths = p.shape.widths;
    const auto count =
        what == "batch" ? p.shape.batch : std::accumulate(widths.begin(), widths.end(), std::int64_t{0});
    sizes.push_back({static_cast<double>(count), useful_multiply_adds(p), std::make_unique<Turn>(p), {}});
    sizes.back().turn->run();
  }
  const auto start = Clock::now();
  do {
    for (Size& s : sizes) s.ms.push_back(processor_time_once([&] { s.turn->run(); }));
  } while (sizes.front().ms.size() < 3 || milliseconds(start, Clock::now()) < seconds * 1e3);

  Json entries = Json::array();
  std::vector<double> log_size, log_ms, log_multiply_adds;
  for (const Size& s : sizes) {
    const Summary ms = summarise(s.ms);
    log_size.push_back(std::log(s.size));
    log_ms.push_back(std::log(ms.min));
    log_multiply_adds.push_back(std::log(s.multiply_adds));
    entries.push_back({{"size", s.size},
                       {"multiply_adds", s.multiply_adds},
                       {"ms", ms.median},
                       {"ms_min", ms.min},
                       {"spread", ms.spread}});
  }
  return {{"growth", what},
          {"sizes", entries},
          {"slope", slope(log_size, log_ms)},
          {"slope_multiply_adds", slope(log_size, log_multiply_adds)}};
}

}  // namespace bench
