#include "metalearn/data/formats/bag_of_words.hpp"
#include "metalearn/data/sources/load_dataset.hpp"

#include <doctest/doctest.h>

#include <set>

#include "data_fixture.hpp"

using namespace metalearn;
using namespace fixture;

namespace {

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  write(path, Bytes(text.begin(), text.end()));
}

using Words = std::vector<std::string>;

/// A folder like aclImdb: "good" and "fine" in pos, "bad" in neg, "the" twice and "film" once everywhere, a
/// word of its own in every text.
void write_reviews(const std::filesystem::path& folder, int count) {
  for (const char* part : {"train", "test"})
    for (int i = 0; i < count; ++i) {
      write_text(folder / part / "pos" / (std::to_string(i) + "_9.txt"),
                 "The the film: good!<br /><br />Fine" + std::to_string(i) + " fine" +
                     (std::string(part) == "test" ? " onlytest onlytest onlytest" : ""));
      write_text(folder / part / "neg" / (std::to_string(i) + "_2.txt"),
                 "the THE film bad own" + std::to_string(i));
    }
}

}  // namespace

TEST_CASE("words are runs of letters, digits and apostrophes in lower case") {
  CHECK(words_of("It's GREAT -- 10/10, 'really'.<br />Go", "x") ==
        Words{"it's", "great", "10", "10", "really", "go"});
  CHECK(words_of("a<br />b <b>c</b> br", "x") == Words{"a", "b", "b", "c", "b", "br"});
  CHECK(words_of("caf\xc3\xa9 na\xc3\xafve \xe2\x80\x9cquoted\xe2\x80\x9d a\xc2\xa0"
                 "b \xe6\x97\xa5\xe6\x9c\xac",
                 "x") ==
        Words{"caf\xc3\xa9", "na\xc3\xafve", "quoted", "a", "b", "\xe6\x97\xa5\xe6\x9c\xac"});
  CHECK(words_of("", "x").empty());
  CHECK(words_of(" ''' - ", "x").empty());
}

TEST_CASE("a text that is not UTF-8 is refused at its first wrong byte") {
  std::string message;
  for (const char* wrong : {"ab\xff", "ab\xc3", "ab\xc3(", "ab\xc0\xaf", "ab\xed\xa0\x80",
                            "ab\xf5\x80\x80\x80", "ab\xe2\x82", "ab\x80"}) {
    CHECK(exit_code([&] { words_of(wrong, "pos/3_8.txt"); }, message) == 65);
    CHECK_MESSAGE(contains(message, "pos/3_8.txt: not UTF-8: byte 2 is 0x"), message);
  }
}

TEST_CASE("texts in the layout of aclImdb become the most frequent words of the train part, present or not") {
  const TempFolder folder;
  write_reviews(folder / "", 50);
  write_text(folder / "train/unsup/0_0.txt", "unsup");
  write_text(folder / "imdb.vocab", "the");
  const auto data = load_dataset("imdb=" + folder.string(), {.words = 4});
  CHECK(data->class_names == Words{"neg", "pos"});
  CHECK(data->train.feature_count == 4);
  CHECK_FALSE(data->train.is_images());
  CHECK(data->train.inputs(14) == 4);
  CHECK(data->train.count() == 60);  // 20 of 50 of each class go to meta-validation
  CHECK(data->validation.count() == 40);
  CHECK(data->test.count() == 100);
  // the 200, film 100, then bad, fine, good 50 each: by their bytes.
  for (const ImageSet* set : {&data->train, &data->validation, &data->test})
    for (std::size_t i = 0; i < set->labels.size(); ++i) {
      const std::vector<float> bag(set->features.begin() + static_cast<std::ptrdiff_t>(4 * i),
                                   set->features.begin() + static_cast<std::ptrdiff_t>(4 * i + 4));
      CHECK(bag == (set->labels[i] == 0 ? std::vector<float>{1, 1, 1, 0} : std::vector<float>{1, 1, 0, 1}));
    }
  REQUIRE(data->provenance.size() == 2);
  CHECK(data->provenance[1].find("test: 100 files crc32 ") == 0);
  CHECK(load_dataset("imdb=" + folder.string())->train.feature_count ==
        105);  // fewer words than 1000: all of the train part, none of the test part alone
}

TEST_CASE("of one part only, the words are those of the split that is trained on") {
  const TempFolder folder;
  for (int i = 0; i < 100; ++i)
    for (const char* c : {"a", "b"})
      write_text(folder / c / (std::to_string(1000 + i) + ".txt"),
                 std::string("same ") + c + " w" + std::to_string(i));
  const auto data = load_dataset("own=" + folder.string());
  CHECK(data->test.count() == 40);
  std::set<std::size_t> used;
  for (const ImageSet* set : {&data->train, &data->validation})
    for (std::size_t i = 0; i < set->features.size(); ++i)
      if (set->features[i] == 1) used.insert(i % static_cast<std::size_t>(set->feature_count));
  CHECK(used.size() ==
        static_cast<std::size_t>(data->train.feature_count));  // no input that occurs in the test split alone
  CHECK(data->train.feature_count < 103);
}

TEST_CASE("a review that is not UTF-8 and texts without a word are refused by name") {
  std::string message;
  const TempFolder folder;
  write_reviews(folder / "", 20);
  write_text(folder / "train/pos/7_9.txt", "latin caf\xe9 now");
  CHECK(exit_code([&] { load_dataset("imdb=" + folder.string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "train/pos/7_9.txt: not UTF-8: byte 9 is 0xe9; convert it"), message);
  const TempFolder blank;
  for (int i = 0; i < 20; ++i)
    for (const char* c : {"a", "b"}) write_text(blank / c / (std::to_string(i) + ".txt"), " - ");
  CHECK(exit_code([&] { load_dataset("own=" + blank.string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "no words in any text"), message);
}

TEST_CASE("a byte order mark is no part of a word") {
  CHECK(words_of("\xef\xbb\xbfThe film", "x") == Words{"the", "film"});
  CHECK(words_of("the\xef\xbb\xbf"
                 "film",
                 "x") == Words{"the", "film"});
}

TEST_CASE("a split whose texts hold no known word is refused, and single such texts are warned of") {
  const TempFolder folder;
  std::string message;
  for (const char* part : {"train", "test"})
    for (const char* c : {"a", "b"})
      for (int i = 0; i < 20; ++i)
        write_text(folder / part / c / (std::to_string(i) + ".txt"), part + std::to_string(i) + c);
  CHECK(exit_code([&] { load_dataset("own=" + folder.string()); }, message) == 65);
  CHECK_MESSAGE(contains(message, "40 of 40 texts of the test split hold none of the 40 known words"),
                message);
  CHECK_MESSAGE(contains(message, "a word is a run of letters"), message);
  write_text(folder / "test/a/0.txt", "train0a");
  const auto data = load_dataset("own=" + folder.string());
  REQUIRE(data->notes.size() == 1);
  CHECK_MESSAGE(contains(data->notes[0], "39 of 40 texts of the test split"), data->notes[0]);
}
