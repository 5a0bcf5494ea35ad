#include "metalearn/base/machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "autodiff/parallel/processors.hpp"

namespace metalearn {

std::string processor_in(const std::string& cpuinfo) {
  std::istringstream lines(cpuinfo);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("model name")) continue;
    std::string name = line.substr(std::min(line.find(':'), line.size() - 1) + 1);
    std::erase_if(name, [](unsigned char c) { return c < 32 || c > 126; });
    const auto first = name.find_first_not_of(' ');
    return first == std::string::npos ? "" : name.substr(first, name.find_last_not_of(' ') - first + 1);
  }
  return "";
}

std::string machine() {
  std::ifstream in("/proc/cpuinfo", std::ios::binary);  // of the kernel: nothing there is waited for
  const std::string processor = processor_in({std::istreambuf_iterator<char>(in), {}});
  return fmt::format("{}, {} cores", processor.empty() ? "unknown processor" : processor,
                     autodiff::usable_processors());
}

}  // namespace metalearn
