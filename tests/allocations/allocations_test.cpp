// Want of memory: each allocation of a save and of a load fails, whether by new or by malloc. What follows is
// exit code 71 or success, and the files are whole.
//
// Each failure happens in a process of its own, so that a crash would be one failure and not the end of the
// test.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <map>
#include <new>
#include <string>
#include <vector>

#include "../checkpoints/fixture.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "failing_malloc.hpp"

using namespace checkpoints;
using namespace checkpoints::test;

namespace {

Archive state(float value) {
  Archive a;
  a.put("theta/w", {30, 50}, std::vector<float>(1500, value));
  a.put<std::uint64_t>("in_flight/id", {2}, {7, 8});
  for (int i = 0; i < 10; ++i) a.put<std::int32_t>("many/" + std::to_string(i), {1}, {i});
  for (int i = 0; i < 10; ++i) a.set("config", "key" + std::to_string(i), std::string("text"));
  a.set("counters", "update", static_cast<std::int64_t>(value));
  return a;
}

bool holds(const Archive& a, float value) {
  const Archive wanted = state(value);
  const auto* w = a.find("theta/w");
  return w && w->data == wanted.find("theta/w")->data && a.attributes() == wanted.attributes() &&
         a.arrays().size() == wanted.arrays().size();
}

std::size_t open_files() { return names_in("/proc/self/fd").size(); }

enum Outcome : int {
  success,
  out_of_memory,
  bad_data,
  io_error,
  other_error,
  wrong_result,
  leaked_file,
  left_tmp,
  not_reached,
  crashed
};
constexpr std::array kOutcomes = {
    "success",        "out of memory (71)", "bad data",   "I/O error",   "another error",
    "a wrong result", "a file left open",   "a tmp left", "not reached", "crash"};

template <class Work>
Outcome outcome_of(Work work) {
  try {
    return work() ? success : wrong_result;
  } catch (const std::bad_alloc&) {
    return out_of_memory;
  } catch (const Error& e) {
    return e.exit_code == 71   ? out_of_memory
           : e.exit_code == 65 ? bad_data
           : e.exit_code == 74 ? io_error
                               : other_error;
  } catch (...) {
    return other_error;
  }
}

/// In a child: work() with allocation `first` failing; its outcome.
template <class Work>
Outcome in_child(long first, bool all_after, Work work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    for (int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL})
      ::signal(signal, SIG_DFL);  // doctest's handlers report a crash as the parent's
    ::alarm(20);
    const std::size_t before = open_files();
    fail_allocations(first, all_after);
    Outcome outcome = outcome_of(work);
    if (stop_failing() <= first)
      outcome = not_reached;
    else if (open_files() != before)
      outcome = leaked_file;
    ::_exit(outcome);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? static_cast<Outcome>(WEXITSTATUS(status)) : crashed;
}

/// Fails every allocation of work in turn; how many ended how. after() looks at what is on disk.
template <class Work, class After>
std::map<Outcome, int> fail_each(bool all_after, Work work, After after) {
  std::map<Outcome, int> outcomes;
  for (long first = 0;; ++first) {
    Outcome outcome = in_child(first, all_after, work);
    if (outcome == not_reached) break;
    const Outcome found = after(outcome);
    ++outcomes[found];
    if (found != success && found != out_of_memory)
      MESSAGE("allocation " << first << ": " << std::string(kOutcomes[found]));
  }
  return outcomes;
}

std::string words(const std::map<Outcome, int>& outcomes) {
  std::string text;
  for (const auto& [outcome, count] : outcomes)
    text += std::string(text.empty() ? "" : ", ") + std::to_string(count) + " " + kOutcomes[outcome];
  return text;
}

void check_load(bool all_after) {
  TemporaryDirectory dir;
  const std::string path = dir / "s.h5";
  save_snapshot(path, state(1));
  const auto outcomes = fail_each(
      all_after, [&] { return holds(load_snapshot(path), 1); }, [](Outcome outcome) { return outcome; });
  MESSAGE("load: " << words(outcomes));
  for (const auto& [outcome, count] : outcomes) CHECK((outcome == success || outcome == out_of_memory));
}

void check_save(bool all_after) {
  TemporaryDirectory dir;
  const std::string path = dir / "s.h5";
  save_snapshot(path, state(1));
  const Archive next = state(2);
  const auto outcomes = fail_each(
      all_after,
      [&] {
        save_snapshot(path, next);
        return true;
      },
      [&](Outcome outcome) {
        if (names_in(dir.path()) != std::vector<std::string>{"s.h5"}) return left_tmp;
        const Archive found = load_snapshot(path);
        if (!holds(found, 2) && (outcome == success || !holds(found, 1)))
          return outcome == crashed ? crashed : wrong_result;
        if (holds(found, 2)) save_snapshot(path, state(1));  // also where only what follows the rename failed
        return outcome;
      });
  MESSAGE("save: " << words(outcomes));
  for (const auto& [outcome, count] : outcomes) CHECK((outcome == success || outcome == out_of_memory));
}

}  // namespace

TEST_CASE(
    "whichever allocation of a load fails, it ends with exit code 71, and never takes the snapshot for "
    "damaged") {
  for (bool all_after : {false, true}) check_load(all_after);
}

TEST_CASE(
    "whichever allocation of a save fails, it ends with exit code 71 or the new snapshot, and the old or the "
    "new one is whole") {
  for (bool all_after : {false, true}) check_save(all_after);
}
