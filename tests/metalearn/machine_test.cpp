#include "metalearn/base/machine.hpp"

#include <doctest/doctest.h>

using namespace metalearn;

TEST_CASE(
    "a processor's name is that of the first line of its kind, without blanks around it and what no text may "
    "have") {
  CHECK(processor_in("processor\t: 0\nmodel name\t:  AMD EPYC\x01 9R14 \nmodel name\t: another\n") ==
        "AMD EPYC 9R14");
  for (const char* none : {"", "model name", "model name\t:", "model name :   \n", "processor : 0\n"}) {
    CAPTURE(none);
    CHECK(processor_in(none).empty());
  }
}

TEST_CASE("a machine is a processor and cores") { CHECK(machine().find(" cores") != std::string::npos); }
