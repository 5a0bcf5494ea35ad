// metalearn: dispatches to a command and turns an exception into one line and the documented exit code.
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <new>
#include <stdexcept>

#include "autodiff/unroll/budget.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/base/nearest.hpp"
#include "metalearn/base/version.hpp"
#include "tools/cli/kernel_levels.hpp"
#include "tools/cli/say.hpp"
#include "tools/commands/commands.hpp"

namespace tools {

namespace {

void print_help() {
  say("metalearn meta-trains an unsupervised learning rule and evaluates it.\n\nusage: metalearn COMMAND "
      "[options]\n\n");
  for (const Command* c : commands()) say("  {:<9}  {}\n", c->name, c->summary);
  say("\nmetalearn COMMAND -h prints short help, --help full help. metalearn --version prints the version.\n"
      "Exit codes: 0 ok, 1 a comparison found a difference, 2 diverged, 64 usage, 65 bad data or snapshot, "
      "66 no such input, 70 internal error,\n"
      "71 out of memory or memory budget too small, 74 input/output, 75 run directory busy, 76 recomputing a "
      "state gave different bits on this machine, 129/130/143 stopped by a signal after saving (during "
      "preparation: no file is left).\n");
}

int dispatch(const Words& words) {
  if (words.empty()) throw checkpoints::UsageError("no command; metalearn --help lists them");
  const std::string& name = words.front();
  if (name == "-h" || name == "--help" || name == "help") return print_help(), 0;
  if (name == "--version") return say("metalearn {}\n", metalearn::kVersion), 0;
  std::vector<std::string> names;
  for (const Command* c : commands()) {
    if (name == c->name) {
      require_kernel_level();
      return c->run(Words(words.begin() + 1, words.end()));
    }
    names.emplace_back(c->name);
  }
  throw checkpoints::UsageError(
      fmt::format("unknown command '{}'{}", name, metalearn::did_you_mean(name, names)));
}

/// Throws nothing: it is called where something was thrown.
int fail(const char* message, int code) noexcept {
  try {
    say(stderr, "metalearn: error: {}\n", message);
  } catch (...) {  // no memory for a message of its own
    put(stderr, "metalearn: error: out of memory\n");
  }
  return code;
}

/// A result that nobody got is a failure, unless the reader went away because it had read enough
/// (`metalearn ... | head`). A code that says more stays.
int require_written(int code) {
  const int error = flush_words();
  if (error == 0 || error == EPIPE) return code;
  fail(fmt::format(
           "standard output can't be written: {}; the result that was printed is not all there, files are",
           std::strerror(error))
           .c_str(),
       74);
  return code == 0 ? 74 : code;
}

int guarded(const Words& words) {
  try {
    return require_written(dispatch(words));
  } catch (const checkpoints::Error& e) {
    return fail(e.what(), e.exit_code);
  } catch (const autodiff::BudgetTooSmall& e) {
    return fail(fmt::format("{}: --memory {}", e.what(), e.smallest_bytes).c_str(), 71);
  } catch (const std::bad_alloc&) {
    return fail("out of memory; use a smaller --batch, --tasks or model", 71);
  } catch (const std::filesystem::filesystem_error& e) {
    return fail(e.what(), 74);
  } catch (const std::system_error& e) {
    return fail(e.what(), 74);
  } catch (const std::exception& e) {
    return fail(fmt::format("internal error: {}", e.what()).c_str(), 70);
  }
}

}  // namespace
}  // namespace tools

int main(int argc, char** argv) {
  tools::open_streams();
  return tools::guarded(tools::Words(argv + 1, argv + argc));
}
