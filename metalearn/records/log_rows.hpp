// LogRows: a run's log.csv: the messages of a training (a dropped window with its task and step, an
// evaluation, what a resume found) as durable rows.
//
// Rows and threads: as RowsFile. Pure functions.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "metalearn/records/event.hpp"

namespace metalearn {

inline constexpr const char* kLogName = "log.csv";

/// "update,event\n"
std::string log_rows_header();
/// A row for each event, in quotes.
std::string log_rows(std::int64_t update, const std::vector<Event>& events);

}  // namespace metalearn
