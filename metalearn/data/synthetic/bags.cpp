// Bags: the synthetic family "bags": documents from a topic model, as sparse bags of words. An input is 1 if
// its word occurs in the document, else 0 (bag_of_words.hpp).
//
//   p(word) proportional to  rank^-s  times  e^b for each of the document's topics that has the word;
//   x_w = 1 if one of n draws from p is w
//
// Word frequencies follow Zipf's law in a random order of the words. A topic is a random set of words. A
// class has one or two topics; each of its documents has one of them, and perhaps one that is unrelated to
// the class. Lengths n are log-uniform. s, b, lengths and the numbers of topics and of their words are drawn
// once per task, so that the difficulty of tasks varies.
#include <algorithm>
#include <numeric>

#include "metalearn/base/portable_math.hpp"
#include "metalearn/data/synthetic/synthetic.hpp"

namespace metalearn {
namespace {

constexpr double kLeastExponent = 0.6, kLargestExponent = 1.2;  // s
constexpr double kLeastBoost = 1.5, kLargestBoost = 3;          // b
constexpr double kShortest = 20, kLongest = 80;      // range of a task's typical document length, in words
constexpr double kSpread = 2;                        // lengths are within this factor of the typical one
constexpr double kSmallest = 0.05, kLargest = 0.15;  // a topic's share of the words
constexpr std::int64_t kMostTopics = 2;              // of a class
constexpr std::int64_t kFewestOthers = 2, kMostOthers = 10;  // topics of no class
constexpr double kOther = 0.5;                               // probability that a document has one of them

ImageSet make_bags(const SyntheticSize& size, Random& random) {
  const auto words = static_cast<std::size_t>(size.inputs);
  const double exponent = random.uniform(kLeastExponent, kLargestExponent),
               boost = portable::exp(random.uniform(kLeastBoost, kLargestBoost));
  const double typical = log_uniform(random, kShortest, kLongest);
  const auto topic_words = std::max<std::size_t>(
      1, static_cast<std::size_t>(random.uniform(kSmallest, kLargest) * static_cast<double>(words)));
  const std::int64_t class_topics = random.between(1, kMostTopics),
                     others = random.between(kFewestOthers, kMostOthers);

  std::vector<std::size_t> order(words);
  std::iota(order.begin(), order.end(), 0);
  random.shuffle(std::span(order));
  std::vector<double> frequency(words);
  for (std::size_t rank = 0; rank < words; ++rank)
    frequency[order[rank]] = portable::exp(-exponent * portable::log(static_cast<double>(rank + 1)));
  // Topics class after class, then the others.
  std::vector<std::vector<std::size_t>> topics(
      static_cast<std::size_t>(size.classes * class_topics + others));
  for (auto& topic : topics) {
    random.partial_shuffle(std::span(order), topic_words);
    topic.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(topic_words));
  }

  ImageSet set = empty_features(size);
  std::vector<double> p(words), up_to(words);
  for (std::size_t e = 0; e < set.labels.size(); ++e) {
    p = frequency;
    const auto raise = [&](std::int64_t topic) {
      for (const std::size_t w : topics[static_cast<std::size_t>(topic)]) p[w] *= boost;
    };
    raise(set.labels[e] * class_topics + random.between(0, class_topics - 1));
    if (random.chance(kOther)) raise(size.classes * class_topics + random.between(0, others - 1));
    std::partial_sum(p.begin(), p.end(), up_to.begin());
    const auto length = static_cast<std::int64_t>(log_uniform(random, typical / kSpread, typical * kSpread));
    for (std::int64_t n = 0; n < length; ++n) {
      const auto word =
          std::upper_bound(up_to.begin(), up_to.end() - 1, random.uniform(0, up_to.back())) - up_to.begin();
      set.features[e * words + static_cast<std::size_t>(word)] = 1;
    }
  }
  return set;
}

}  // namespace

extern const SyntheticFamily kBags{.name = "bags",
                                   .kind = "sparse bags of words, synthetic",
                                   .inputs = "1 if a word occurs, 0 if not",
                                   .version = 1,
                                   .make = make_bags};

}  // namespace metalearn
