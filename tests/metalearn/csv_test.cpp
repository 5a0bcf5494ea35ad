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
  CHECK(named.features == std::vector<double>{1, 2, 3, 4});
  CHECK(named.labels == Words{"cat", "dog"});
  const Table last = parse("w,h,kind\n1,2,cat\n");
  CHECK(last.features == std::vector<double>{1, 2});
  CHECK(last.labels == Words{"cat"});
  const Table bare = parse("1,2,0\n3,4,1");
  CHECK(bare.features == std::vector<double>{1, 2, 3, 4});
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
  CHECK(t.features == std::vector<double>{1.5, -2, 1e-3, 0.5});
  CHECK(parse("1e-400,-1e-400,x\n").features == std::vector<double>{0, 0});  // nearer to zero than any double
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

TEST_CASE(
    "the column called label is found in upper and lower case, and the table says which it is and why") {
  const Table upper = parse("Label,a\n3,1\n4,5\n");
  CHECK(upper.labels == Words{"3", "4"});
  CHECK(upper.names == Words{"a"});
  CHECK(upper.label_note == "column 1 of 2, 'Label', by its name");
  CHECK(parse("LABEL,label\n3,1\n").labels == Words{"1"});
  CHECK(contains(parse("a,kind\n3,1\n").label_note, "'kind', the last one, since none is called 'label'"));
  const Table bare = parse("3,7\n4,8\n");
  CHECK(contains(bare.label_note, "column 2 of 2, the last one, since there is no header"));
  REQUIRE(bare.notes.size() == 1);
  CHECK(contains(bare.notes[0], "t.csv: no header: its first row is data"));
  CHECK(upper.notes.empty());
}

TEST_CASE("a column without a name that numbers the rows is left out, one with a name is warned of") {
  for (const char* text : {",a,label\n0,5,x\n1,7,x\n2,6,y\n", ",a,label\n1,5,x\n2,7,x\n3,6,y\n",
                           "Unnamed: 0,a,label\n40,5,x\n7,7,x\n12,6,y\n"}) {
    const Table t = parse(text);
    CHECK(t.columns == 1);
    CHECK(t.features == std::vector<double>{5, 7, 6});
    CHECK(t.names == Words{"a"});
    REQUIRE(t.notes.size() == 1);
    CHECK_MESSAGE(contains(t.notes[0], "column 1 of the features has no name and numbers the rows"),
                  t.notes[0]);
  }
  CHECK(parse(",a,label\n0.5,5,x\n1,7,x\n").columns == 2);
  CHECK(parse(",a,label\n1,5,x\n1,7,x\n").columns == 2);
  const Table named = parse("id,a,label\n1,5,x\n2,7,x\n");
  CHECK(named.columns == 2);
  REQUIRE(named.notes.size() == 1);
  CHECK_MESSAGE(contains(named.notes[0], "column 1 of the features, 'id', counts the rows"), named.notes[0]);
}

TEST_CASE("a first row that numbers the columns is a header") {
  for (const char* text :
       {"0,1,2\n5,7,x\n6,9,y\n", "0,1,label\n5,7,x\n6,9,y\n", ",0,1,2\n0,5,7,x\n1,6,9,y\n"}) {
    const Table t = parse(text);
    CHECK(t.features == std::vector<double>{5, 7, 6, 9});
    CHECK(t.labels == Words{"x", "y"});
    REQUIRE(!t.notes.empty());
    CHECK_MESSAGE(contains(t.notes[0], "its first row numbers the columns"), t.notes[0]);
  }
  CHECK(parse("0,1\n5,7\n").labels == Words{"1", "7"});
  CHECK(parse("0,2,1\n5,7,1\n").labels == Words{"1", "1"});
}
