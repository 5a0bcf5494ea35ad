#include "metalearn/records/step_rows.hpp"

#include <fmt/format.h>

#include <iterator>

namespace metalearn {

std::string step_rows_header() { return "update,task,step,adjoint_norm,contribution_norm\n"; }

std::string step_rows(std::int64_t update, const InFlight& task, const GradientEstimate& e) {
  std::string text;
  for (std::size_t i = 0; i < e.adjoint_norm.size(); ++i)
    fmt::format_to(std::back_inserter(text), "{},{},{},{:.9g},{:.9g}\n", update, task.id,
                   task.age - e.steps + static_cast<std::int64_t>(i), e.adjoint_norm[i],
                   e.contribution_norm[i]);
  return text;
}

}  // namespace metalearn
