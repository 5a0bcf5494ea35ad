#include "metalearn/base/shown_text.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "metalearn/records/log_rows.hpp"

using namespace metalearn;

namespace {

const std::string kHostile = std::string("a\0\x1b[2J\x7f", 7) +
                             "\xc2\x9b"
                             "31m"
                             "\xe2\x80\xae"
                             "b\r\n\t"
                             "\xe2\x81\xa6\xef\xbb\xbf\xe2\x80\xa8\xf3\xa0\x81\x81\xff\xc3";
const char* const kShown =
    "a\\x00\\x1b[2J\\x7f\\x9b31m\\u202eb\\x0d\\x0a\\x09\\u2066\\ufeff\\u2028\\ue0041\\xff\\xc3";

}  // namespace

TEST_CASE("what steers a terminal, turns a line or is not seen is written out; all else stays as it is") {
  CHECK(shown(kHostile) == kShown);
  const std::string plain = "caf\xc3\xa9 \xc2\xa0\xe2\x82\xac \xd7\xa9 \xf0\x9f\x98\x80 \\ \"'`$(x)<b>";
  CHECK(shown(plain) == plain);
  CHECK(shown(shown(kHostile)) == shown(kHostile));
  CHECK(shown("") == "");
  CHECK(shown_lines("a\nb\x1b\n") == "a\nb\\x1b\n");
}

TEST_CASE("a JSON document has the same characters as its own escapes, and stays the same document") {
  const nlohmann::json document = {{"a\x1b\xc2\x9b", "\xe2\x80\xae\xf3\xa0\x81\x81\x7f\n\"\\ caf\xc3\xa9"}};
  const std::string text = shown_json(document.dump(2));
  CHECK(text == shown_lines(text));
  CHECK(text.find("\\u001b\\u009b") != std::string::npos);
  CHECK(text.find("\\u202e\\udb40\\udc41\\u007f\\n\\\"\\\\ caf\xc3\xa9") != std::string::npos);
  CHECK(nlohmann::json::parse(text) == document);
}

TEST_CASE("a cell of CSV is one line, in quotes where it needs them") {
  CHECK(shown_csv("plain") == "plain");
  CHECK(shown_csv("a,\"b\"\n\x1b") == "\"a,\"\"b\"\"\\x0a\\x1b\"");
  CHECK(log_rows(7, events_of(EventKind::note, {kHostile, "say \"a\""})) ==
        std::string("7,\"") + kShown + "\"\n7,\"say \"\"a\"\"\"\n");
}
