#include "metalearn/data/formats/bag_of_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "checkpoints/error.hpp"
#include "checkpoints/utf8.hpp"
#include "metalearn/data/formats/data_format.hpp"
#include "metalearn/data/split.hpp"

namespace metalearn {
namespace {

/// For code points above ASCII: Latin-1 signs, general punctuation (U+2000 to U+206F) and the byte order mark
/// (U+FEFF) separate words, all others are letters.
bool is_letter(std::uint32_t point) {
  return point > 0xbf && point != 0xd7 && point != 0xf7 && (point < 0x2000 || point > 0x206f) &&
         point != 0xfeff;
}

/// Numbers of the words found so far.
using Vocabulary = std::unordered_map<std::string, std::uint32_t>;

struct Text {
  std::vector<std::uint32_t> words;  ///< in their order
};

struct Part {
  std::vector<Text> texts;
  std::vector<std::int32_t> labels;
  std::vector<std::uint64_t> keys;
};

Part read_part(const std::vector<ClassFile>& files, const std::string& part, Vocabulary& vocabulary,
               std::vector<std::string>& provenance) {
  Part read;
  PartReader reader;
  for (const ClassFile& example : files) {
    const FileBytes file = reader.read(example.path);
    if (file.ends_early)
      throw checkpoints::BadData(
          fmt::format("{}: truncated: the gzip stream ends early; replace or remove the file", file.name));
    Text text;
    for (auto& word :
         words_of({reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()}, file.name))
      text.words.push_back(
          vocabulary.try_emplace(std::move(word), static_cast<std::uint32_t>(vocabulary.size()))
              .first->second);
    read.texts.push_back(std::move(text));
    read.labels.push_back(example.label);
    read.keys.push_back(example_key(file.bytes));
  }
  provenance.push_back(reader.checksum(part));
  return read;
}

const std::vector<std::string> kExtensions = {".txt"};
const std::vector<std::string> kUnlabelled = {
    "unsup"};  // aclImdb's unlabelled reviews, which are not a class

constexpr std::uint32_t kRare = ~0u;

/// The input index of each word, kRare for words that are not inputs. Counts only texts whose mark is 0.
std::vector<std::uint32_t> most_frequent(const Vocabulary& vocabulary, const Part& train,
                                         const std::vector<char>& marks, int most, std::size_t& inputs) {
  std::vector<std::int64_t> counts(vocabulary.size(), 0);
  for (std::size_t i = 0; i < train.texts.size(); ++i)
    if (marks[i] == 0)
      for (const std::uint32_t word : train.texts[i].words) ++counts[word];
  std::vector<std::pair<const std::string*, std::uint32_t>> order;
  for (const auto& [word, number] : vocabulary)
    if (counts[number] > 0) order.emplace_back(&word, number);
  std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
    return counts[a.second] != counts[b.second] ? counts[a.second] > counts[b.second] : *a.first < *b.first;
  });
  inputs = std::min(order.size(), static_cast<std::size_t>(most));
  std::vector<std::uint32_t> input(vocabulary.size(), kRare);
  for (std::size_t i = 0; i < inputs; ++i) input[order[i].second] = static_cast<std::uint32_t>(i);
  return input;
}

ImageSet to_bags(const Part& part, const std::vector<std::uint32_t>& input, std::size_t inputs) {
  ImageSet set;
  set.feature_count = static_cast<int>(inputs);
  set.labels = part.labels;
  set.features.assign(part.texts.size() * inputs, 0.0f);
  for (std::size_t i = 0; i < part.texts.size(); ++i)
    for (const std::uint32_t word : part.texts[i].words)
      if (input[word] != kRare) set.features[i * inputs + input[word]] = 1;
  return set;
}

/// A text without a known word is 0 everywhere. Throws BadData where a whole split is.
void judge_empty_texts(Dataset& data) {
  for (const auto& [split, set] : {std::pair<const char*, const ImageSet*>{"train", &data.train},
                                   {"validation", &data.validation},
                                   {"test", &data.test}}) {
    const auto size = static_cast<std::ptrdiff_t>(set->feature_count);
    std::int64_t empty = 0;
    for (auto bag = set->features.begin(); bag != set->features.end(); bag += size)
      empty += std::all_of(bag, bag + size, [](float x) { return x == 0; });
    if (empty == 0) continue;
    const std::string words = fmt::format(
        "{}: {} of {} texts of the {} split hold none of the {} known words, which are the most frequent "
        "ones "
        "of the train part; a word is a run of letters, digits and ' between blanks or signs",
        data.source, empty, set->count(), split, set->feature_count);
    if (empty == set->count())
      throw checkpoints::BadData(words + "; put blanks between the words, or give more texts");
    data.notes.push_back(words);
  }
}

}  // namespace

std::vector<std::string> words_of(std::string_view text, const std::string& name) {
  std::vector<std::string> words;
  std::string word;
  const auto end_word = [&] {
    while (!word.empty() && word.back() == '\'') word.pop_back();
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const auto point = checkpoints::next_code_point(text, at);
    if (!point)
      throw checkpoints::BadData(fmt::format("{}: not UTF-8: byte {} is 0x{:02x}; convert it to UTF-8", name,
                                             start, static_cast<unsigned char>(text[start])));
    const auto c = static_cast<char>(*point < 0x80 ? *point : 0);
    if (c >= 'A' && c <= 'Z')
      word += static_cast<char>(c - 'A' + 'a');
    else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c == '\'' && !word.empty()))
      word += c;
    else if (*point >= 0x80 && is_letter(*point))
      word.append(text, start, at - start);
    else
      end_word();
    if (text.substr(start, 6) == "<br />") at = start + 6;
  }
  end_word();
  return words;
}

Dataset read_texts(const std::string& name, const std::filesystem::path& folder, const ClassFolders& found,
                   int words) {
  Dataset data;
  data.name = name;
  data.source = folder.string();
  data.kind = "texts in class folders, as bags of words";
  data.class_names = found.class_names;
  Vocabulary vocabulary;
  const Part train = read_part(found.train, "train", vocabulary, data.provenance);
  std::optional<Part> test;
  if (found.test) test = read_part(*found.test, "test", vocabulary, data.provenance);

  const auto marks = test ? std::vector<char>(train.labels.size(), 0)
                          : hashed_split(train.labels, 5, train.keys);  // as split_parts will split
  std::size_t inputs = 0;
  const auto input = most_frequent(vocabulary, train, marks, words, inputs);
  if (inputs == 0)
    throw checkpoints::BadData(fmt::format(
        "{}: no words in any text of the train part; check that these are the right files", data.source));
  data.input_note =
      fmt::format("1 if a word occurs, 0 if not, for the {} most frequent words of the train part", inputs);
  std::optional<ImageSet> test_bags;
  if (test) test_bags = to_bags(*test, input, inputs);
  split_parts(data, to_bags(train, input, inputs), std::move(test_bags),
              {"train", "test", found.both, "texts"}, train.keys);
  data.notes = found.notes;
  judge_empty_texts(data);
  return data;
}

extern const DataFormat kTexts{
    .name = "texts",
    .holds = "class folders of .txt files",
    .layout =
        "a folder of .txt files for each class, or folders train and test (or val) that hold such folders",
    .data_sets = {"imdb"},
    .read = [](const std::string& name, const std::filesystem::path& path,
               const LoadOptions& options) -> std::optional<Dataset> {
      const auto found = list_class_folders(path, kExtensions, kUnlabelled);
      if (!found) return {};
      return read_texts(name, path, *found, options.words);
    }};

}  // namespace metalearn
