#include "metalearn/data/formats/csv.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "data_fixture.hpp"

using namespace metalearn;
using namespace fixture;

namespace {

Table parse(const std::string& text) {
  FileBytes file;
  file.name = "t.csv";
  file.bytes.assign(text.begin(), text.end());
  return parse_csv(file);
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("the label stands in the column of that name, or in the last one") {
  const Table named = parse("width,label,height\n1,cat,2\n3,dog,4\n");
  CHECK(named.columns == 2);
  CHECK(named.features == std::vector<float>{1, 2, 3, 4});
  CHECK(named.labels == Words{"cat", "dog"});
  const Table last = parse("w,h,kind\n1,2,cat\n");
  CHECK(last.features == std::vector<float>{1, 2});
  CHECK(last.labels == Words{"cat"});
  const Table bare = parse("1,2,0\n3,4,1");
  CHECK(bare.features == std::vector<float>{1, 2, 3, 4});
  CHECK(bare.labels == Words{"0", "1"});
  CHECK(parse("1,cat\n2,dog\n").labels == Words{"cat", "dog"});  // the first row holds a number: no header
  CHECK(parse("1,label\n2,dog\n").labels == Words{"label", "dog"});
  CHECK(parse("1,cat\n2,dog\n").names.empty());
  CHECK(parse("x,label,y\n1,cat,2\n").names == Words{"x", "y"});
}

TEST_CASE("blanks, quotes, empty lines, Windows line ends, a byte order mark and signs are read") {
  const Table t =
      parse("\xef\xbb\xbf\"label\",a,b\r\n\"big, \"\"red\"\"\" , +1.5e0 ,-2\r\n\r\nna\xc3\xafve,1e-3,.5\r\n");
  CHECK(t.labels == Words{"big, \"red\"", "na\xc3\xafve"});
  CHECK(t.features == std::vector<float>{1.5f, -2, 1e-3f, 0.5f});
  CHECK(parse("1e-400,-1e-400,x\n").features == std::vector<float>{0, 0});  // nearer to zero than any double
}

TEST_CASE("a wrong row is refused with its line") {
  struct Row {
    const char* text;
    const char* says;
  };
  const Row rows[] = {
      {"", "t.csv: no rows"},
      {"a,label\n", "t.csv: no rows"},
      {"a\n1\n", "t.csv:1: only one field"},
      {"1,2,x\n1,2\n", "t.csv:2: 2 fields (3 expected"},
      {"1,2,x\n\n1,2,3,x\n", "t.csv:3: 4 fields (3 expected"},
      {"1,2,x\n1,nan,x\n", "t.csv:2: field 2 is 'nan', not a finite number"},
      {"1,2,x\n1,inf,x\n", "field 2 is 'inf'"},
      {"1,2,x\n1,1e39,x\n", "field 2 is '1e39'"},
      {"1,2,x\n1,1e999,x\n", "field 2 is '1e999'"},
      {"1,2,x\n1,,x\n", "field 2 is ''"},
      {"1,2,x\n1,two,x\n", "field 2 is 'two'"},
      {"1,2,x\n1,0x10,x\n", "field 2 is '0x10'"},
      {"1,2,x\n1,2,\n", "t.csv:2: no label"},
      {"1,2,x\n1,2,\"a\tb\"\n", "t.csv:2: the label has control characters"},
      {"1,2,x\n1,\"2,x\n", "t.csv:2: a quote"},
      {"1,2,x\n1,\"2\"5,x\n", "t.csv:2: a quote"},
      {"1,2,x\n1,2,\xff\n", "t.csv: not UTF-8 at byte 10"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    std::string message;
    CHECK(exit_code([&] { parse(row.text); }, message) == 65);
    CHECK_MESSAGE(contains(message, row.says), message);
    CHECK(std::count(message.begin(), message.end(), '\n') == 0);
  }
}
