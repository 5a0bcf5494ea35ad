// Signals: SIGINT, SIGTERM and, unless it was ignored at the start (nohup), SIGHUP ask a run to save and
// stop; a second SIGINT or SIGTERM ends the program at once.
//
// One run per process.
#pragma once

namespace tools {

void watch_signals();
/// The signal that asked to stop, or 0.
int stop_signal();

}  // namespace tools
