// Page: a report as one self-contained HTML file: figures inline, no script, no network. Pure functions.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "metalearn/report/figure.hpp"

namespace metalearn::report {

/// Text escaped for HTML: & < > " ' as entities; control characters and invalid UTF-8 removed.
std::string escaped(const std::string& text);

/// svgs: of all figures, in order. A table replaces a figure whose svg is empty; without svgs, all figures.
std::string html_page(const Report& report, const std::vector<std::string>& svgs);

/// Whether html_page() made a page, judged by its head.
bool is_report_page(std::string_view text);

}  // namespace metalearn::report
