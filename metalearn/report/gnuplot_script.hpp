// GnuplotScript: figures as gnuplot commands, and gnuplot's SVG made ready for an HTML page. Pure functions.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "metalearn/report/figure.hpp"

namespace metalearn::report {

/// Draws the figures as SVG to standard output, one after the other. Characters special to gnuplot or SVG are
/// replaced by private ones, which inline_svgs() turns back.
std::string gnuplot_script(const std::vector<Figure>& figures);

/// The output of gnuplot for that script: an <svg> element per figure, with its title and with ids unique to
/// the figure. Empty if gnuplot drew another number of them.
std::vector<std::string> inline_svgs(std::string_view drawn, const std::vector<Figure>& figures);

}  // namespace metalearn::report
