// Page: a report as one HTML file that needs nothing besides: figures inline, no script, no network. Pure
// functions.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "metalearn/report/figure.hpp"

namespace metalearn::report {

/// Text as it may stand in HTML, whatever a file is called: & < > " ' as entities, without control characters
/// and bytes that are no UTF-8.
std::string escaped(const std::string& text);

/// svgs: of all figures, in their order; a table stands in for one that is empty, and for all where there are
/// none.
std::string html_page(const Report& report, const std::vector<std::string>& svgs);

/// Whether html_page() made a page, going by its head.
bool is_report_page(std::string_view text);

}  // namespace metalearn::report
