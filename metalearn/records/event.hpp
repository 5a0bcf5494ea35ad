// Event: one line for the user while a run trains, with a kind that the program can test.
//
// Plain value; a pure function.
#pragma once
#include <string>
#include <vector>

namespace metalearn {

enum class EventKind {
  preparing,  ///< a task of a new run begins
  note,       ///< about data and tasks, before the first update
  snapshot,   ///< a resume found one that is damaged, missing, or does not match the manifest
  kernels,    ///< the kernels in use give other bits than those that wrote the snapshot
  rows_lost,  ///< metrics.csv lacks rows up to the snapshot
  dropped,    ///< a window is not finite: "dropped task 17 (cifar10): the objective is not finite at step 34"
  window,     ///< another note about a window
  validation,  ///< a score of a validation is not finite
  evaluated,   ///< scores on the sets of eval-data
  suspicion,   ///< the training may have diverged
  diverged,    ///< the training has diverged, which ended the run
};

struct Event {
  EventKind kind;
  std::string text;  ///< one line
  bool operator==(const Event&) const = default;
};

/// Each text as an event of this kind.
std::vector<Event> events_of(EventKind kind, const std::vector<std::string>& texts);

/// The text of the first event of this kind; empty if there is none.
std::string first_text(const std::vector<Event>& events, EventKind kind);

}  // namespace metalearn
