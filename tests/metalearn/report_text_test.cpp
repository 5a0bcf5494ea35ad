#include "metalearn/report/text.hpp"

#include <doctest/doctest.h>

#include "metalearn/report/page.hpp"

using namespace metalearn::report;

TEST_CASE("text of a user is UTF-8 without control characters, and entities where HTML would read it") {
  CHECK(clean("a\n\x01\xff\xc3\xa9\xc3") == "a\\x0a\\x01\\xff\xc3\xa9\\xc3");
  CHECK(clean(std::string(2000, 'x')) == std::string(2000, 'x'));
  CHECK(clean("\xee\x80\x81") == "?");  // a private character that stands for < on its way through gnuplot
  CHECK(escaped("<a href=\"x\">&'") == "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
}

TEST_CASE("a word of a command line is quoted where a shell would not read it as it is") {
  CHECK(shell_word("runs/mine") == "runs/mine");
  CHECK(shell_word("mnist=/data/mnist") == "mnist=/data/mnist");
  CHECK(shell_word("a b") == "'a b'");
  CHECK(shell_word("$x`y`") == "'$x`y`'");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("") == "''");
}
