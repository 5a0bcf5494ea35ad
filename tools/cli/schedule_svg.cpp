#include "tools/cli/schedule_svg.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>

namespace tools {

using autodiff::Action;
using Kind = Action::Kind;

namespace {

constexpr std::string_view kBegin = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0",
                           kTimeAxis = "time, in steps run: ";
constexpr double kWidth = 1440, kHeight = 630, kMargin = 75;

std::int64_t duration(const autodiff::Schedule& s) {
  std::int64_t time = 0;
  for (const Action& a : s.actions)
    time += a.kind == Kind::advance                             ? a.end - a.step
            : a.kind == Kind::turn                              ? 2
            : a.kind == Kind::record || a.kind == Kind::reverse ? 1
                                                                : 0;
  return time;
}

// Lines of one colour, rounded to whole pixels: a long schedule has many equal ones, each drawn once.
class Lines {
 public:
  void add(double x1, double y1, double x2, double y2) {
    const std::array<std::int16_t, 4> ends = {pixel(x1), pixel(y1), pixel(x2), pixel(y2)};
    if (drawn_.insert(ends).second) path_ += fmt::format("M{} {}L{} {}", ends[0], ends[1], ends[2], ends[3]);
  }
  const std::string& path() const { return path_; }

 private:
  static std::int16_t pixel(double at) { return static_cast<std::int16_t>(std::lround(at)); }
  std::set<std::array<std::int16_t, 4>> drawn_;
  std::string path_;
};

}  // namespace

bool is_schedule_svg(std::string_view text) {
  return text.starts_with(kBegin) && text.find(kTimeAxis) != std::string_view::npos &&
         text.ends_with("</svg>\n");
}

std::string schedule_svg(const autodiff::Schedule& s) {
  const auto all = static_cast<double>(duration(s)), T = static_cast<double>(s.steps);
  const auto x = [&](std::int64_t time) {
    return kMargin + (kWidth - 2 * kMargin) * static_cast<double>(time) / all;
  };
  const auto y = [&](std::int64_t step) {
    return kHeight - kMargin - (kHeight - 2 * kMargin) * static_cast<double>(step) / T;
  };
  Lines forward, back, in_ram, on_disk, tapes;
  const auto draw = [&](Lines& lines, std::int64_t from, std::int64_t step, std::int64_t to,
                        std::int64_t end) { lines.add(x(from), y(step), x(to), y(end)); };
  struct Kept {
    std::int64_t time;
    autodiff::Step step;
  };
  std::map<autodiff::Slot, Kept> kept;
  std::int64_t now = 0;
  for (const Action& a : s.actions) switch (a.kind) {
      case Kind::advance:
        draw(forward, now, a.step, now + a.end - a.step, a.end);
        now += a.end - a.step;
        break;
      case Kind::record:
        kept[a.slot] = {now, a.step};
        draw(forward, now, a.step, now + 1, a.step + 1);
        ++now;
        break;
      case Kind::turn:
        draw(forward, now, a.step, now + 1, a.step + 1);
        draw(back, now + 1, a.step + 1, now + 2, a.step);
        now += 2;
        break;
      case Kind::reverse:
        draw(tapes, kept[a.slot].time, a.step, now, a.step);
        draw(back, now, a.step + 1, now + 1, a.step);
        ++now;
        break;
      case Kind::store:
        kept[a.slot] = {now, a.step};
        break;
      case Kind::drop:
        draw(a.slot < s.disk_slots ? on_disk : in_ram, kept[a.slot].time, kept[a.slot].step, now,
             kept[a.slot].step);
        break;
      case Kind::load:
      case Kind::prefetch:
        break;
    }
  std::string svg = fmt::format(
      "{2} {0} {1}\" font-family=\"sans-serif\" font-size=\"20\">\n<rect width=\"{0}\" height=\"{1}\" "
      "fill=\"white\"/>\n",
      kWidth, kHeight, kBegin);
  struct Layer {
    const char *name, *colour;
    double width;
    const std::string& path;
  };
  double legend = kMargin;
  for (const Layer& layer :
       {Layer{"state in RAM", "#6baed6", 0.7, in_ram.path()},
        Layer{"state on disk", "#a6761d", 0.7, on_disk.path()},
        Layer{"tape kept", "#e6550d", 0.7, tapes.path()}, Layer{"forward", "#2171b5", 1.2, forward.path()},
        Layer{"reverse", "#cb181d", 1.2, back.path()}}) {
    if (layer.path.empty()) continue;
    svg += fmt::format(
        "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"/>\n<text x=\"{}\" y=\"45\" "
        "fill=\"{}\">{}</text>\n",
        layer.path, layer.colour, layer.width, legend, layer.colour, layer.name);
    legend += 180;
  }
  svg += fmt::format(
      "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}{}</text>\n<text x=\"{}\" y=\"{}\">step 0 .. "
      "{}</text>\n<text x=\"{}\" y=\"45\" text-anchor=\"end\">{}</text>\n</svg>\n",
      kWidth - kMargin, kHeight - 30, kTimeAxis, duration(s), kMargin, kHeight - 30, s.steps,
      kWidth - kMargin, s.name);
  return svg;
}

}  // namespace tools
