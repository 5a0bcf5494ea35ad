// Harness of the configuration reader: the input is a file for --config. What is accepted must come back from
// its own text.
#include "checkpoints/error.hpp"
#include "memory_file.hpp"
#include "metalearn/rules/update_rule.hpp"
#include "tools/cli/config_source.hpp"

// The real table of rules (metalearn/rules/update_rule.cpp) needs the engine, which is not fuzzed here.
const std::vector<std::string>& metalearn::update_rule_names() {
  static const std::vector<std::string> names = {"metz", "synaptic"};
  return names;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static MemoryFile file;
  file.hold({data, size});
  try {
    tools::Arguments arguments;
    arguments.given.emplace_back("config", file.path());
    const auto map = tools::resolve_config(arguments).to_map();
    if (metalearn::Config::from_map(map).to_map() != map) std::abort();
  } catch (const checkpoints::UsageError&) {
  }
  return 0;
}
