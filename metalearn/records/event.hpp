// Event: what a user is told while a run trains, in a line, of a kind that the program can ask for.
//
// Plain value; a pure function.
#pragma once
#include <string>
#include <vector>

namespace metalearn {

enum class EventKind {
  preparing,  ///< a task of a new run is begun
  note,       ///< of data and tasks, before the first update
  snapshot,   ///< found by a resume: one is damaged, missing, or not the one that the manifest lists
  kernels,    ///< the kernels here give other bits than those that the snapshot was made with
  rows_lost,  ///< metrics.csv lacks rows up to the snapshot
  dropped,    ///< a window is not finite: "dropped task 17 (cifar10): the objective is not finite at step 34"
  window,     ///< what else is to be known of a window
  validation,  ///< a score of a validation is not finite
  evaluated,   ///< scores on the sets of eval-data
  suspicion,   ///< the training may have diverged
  diverged,    ///< it has, which ended the run
};

struct Event {
  EventKind kind;
  std::string text;  ///< one line
  bool operator==(const Event&) const = default;
};

/// Each text as an event of this kind.
std::vector<Event> events_of(EventKind kind, const std::vector<std::string>& texts);

/// The text of the first event of this kind; empty where there is none.
std::string first_text(const std::vector<Event>& events, EventKind kind);

}  // namespace metalearn
