// Signals: SIGINT and SIGTERM ask a run to save and stop; a second one ends the program at once.
//
// One run per process.
#pragma once

namespace tools {

void watch_signals();
/// The signal that asked to stop, or 0.
int stop_signal();

}  // namespace tools
