#include "bench/program.hpp"

#include <fmt/format.h>

#include <charconv>
#include <new>

#include "checkpoints/error.hpp"
#include "tools/cli/kernel_levels.hpp"

namespace bench {

int run_program(const std::string& name, int argc, char** argv,
                const std::function<void(const std::vector<std::string>&)>& body) {
  const auto report = [&](const std::string& message, int code) {
    fmt::print(stderr, "{}: error: {}\n", name, message);
    return code;
  };
  try {
    tools::require_kernel_level();
    body({argv + 1, argv + argc});
    if (std::fflush(stdout) != 0) return report("standard output cannot be written", 74);
    return 0;
  } catch (const checkpoints::Error& e) {
    return report(e.what(), e.exit_code);
  } catch (const std::bad_alloc&) {
    return report("out of memory; use a smaller preset or fewer threads", 71);
  } catch (const std::exception& e) {
    return report(fmt::format("internal error: {}", e.what()), 70);
  }
}

double seconds_option(const tools::Arguments& arguments, const std::string& name, double fallback) {
  const auto text = arguments.find(name);
  if (!text) return fallback;
  double value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || !(value >= 0 && value <= 86400))
    throw checkpoints::UsageError(
        fmt::format("--{}: '{}' is not a number of seconds (allowed: 0 .. 86400)", name, *text));
  return value;
}

}  // namespace bench
