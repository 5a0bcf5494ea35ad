#include "tools/schedule_svg.hpp"

#include <fmt/format.h>

#include <map>

namespace tools {

using autodiff::Action;
using Kind = Action::Kind;

namespace {

constexpr double kWidth = 960, kHeight = 420, kMargin = 50;

std::int64_t duration(const autodiff::Schedule& s) {
  std::int64_t time = 0;
  for (const Action& a : s.actions) time += a.kind == Kind::advance ? a.end - a.step : a.kind == Kind::turn ? 2 : a.kind == Kind::record || a.kind == Kind::reverse ? 1 : 0;
  return time;
}

}  // namespace

std::string schedule_svg(const autodiff::Schedule& s) {
  const auto all = static_cast<double>(duration(s)), T = static_cast<double>(s.steps);
  const auto x = [&](std::int64_t time) { return kMargin + (kWidth - 2 * kMargin) * static_cast<double>(time) / all; };
  const auto y = [&](std::int64_t step) { return kHeight - kMargin - (kHeight - 2 * kMargin) * static_cast<double>(step) / T; };
  const auto line = [&](std::int64_t from, std::int64_t step, std::int64_t to, std::int64_t end) { return fmt::format("M{:.1f} {:.1f}L{:.1f} {:.1f}", x(from), y(step), x(to), y(end)); };
  struct Kept {
    std::int64_t time;
    autodiff::Step step;
  };
  std::map<autodiff::Slot, Kept> kept;
  std::string forward, back, in_ram, on_disk, tapes;
  std::int64_t now = 0;
  for (const Action& a : s.actions) switch (a.kind) {
      case Kind::advance:
        forward += line(now, a.step, now + a.end - a.step, a.end);
        now += a.end - a.step;
        break;
      case Kind::record:
        kept[a.slot] = {now, a.step};
        forward += line(now, a.step, now + 1, a.step + 1);
        ++now;
        break;
      case Kind::turn:
        forward += line(now, a.step, now + 1, a.step + 1);
        back += line(now + 1, a.step + 1, now + 2, a.step);
        now += 2;
        break;
      case Kind::reverse:
        tapes += line(kept[a.slot].time, a.step, now, a.step);
        back += line(now, a.step + 1, now + 1, a.step);
        ++now;
        break;
      case Kind::store: kept[a.slot] = {now, a.step}; break;
      case Kind::drop: (a.slot < s.disk_slots ? on_disk : in_ram) += line(kept[a.slot].time, kept[a.slot].step, now, kept[a.slot].step); break;
      case Kind::load:
      case Kind::prefetch: break;
    }
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n", kWidth, kHeight);
  struct Layer {
    const char *name, *colour;
    double width;
    const std::string& path;
  };
  double legend = kMargin;
  for (const Layer& layer : {Layer{"state in RAM", "#9ecae1", 0.7, in_ram}, Layer{"state on disk", "#c7b299", 0.7, on_disk}, Layer{"tape kept", "#fdae6b", 0.7, tapes},
                             Layer{"forward", "#2171b5", 1.2, forward}, Layer{"reverse", "#cb181d", 1.2, back}}) {
    if (layer.path.empty()) continue;
    svg += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"/>\n<text x=\"{}\" y=\"30\" fill=\"{}\">{}</text>\n", layer.path, layer.colour, layer.width, legend,
                       layer.colour, layer.name);
    legend += 120;
  }
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">time, in steps run: {}</text>\n<text x=\"{}\" y=\"{}\">step 0 .. {}</text>\n<text x=\"{}\" y=\"30\" text-anchor=\"end\">{}</text>\n</svg>\n", kWidth - kMargin,
                     kHeight - 20, duration(s), kMargin, kHeight - 20, s.steps, kWidth - kMargin, s.name);
  return svg;
}

}  // namespace tools
