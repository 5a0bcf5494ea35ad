// GnuplotScript: figures as commands of gnuplot, and what it draws made fit to stand in a page. Pure
// functions.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "metalearn/report/figure.hpp"

namespace metalearn::report {

/// Draws the figures as SVG to standard output, one after the other. Characters that mean something to
/// gnuplot or in SVG stand as private ones, which inline_svgs() turns back.
std::string gnuplot_script(const std::vector<Figure>& figures);

/// What gnuplot drew by that script: an <svg> element for each figure, with its title, and with ids that no
/// other figure has. Empty where gnuplot drew another number of them.
std::vector<std::string> inline_svgs(std::string_view drawn, const std::vector<Figure>& figures);

}  // namespace metalearn::report
