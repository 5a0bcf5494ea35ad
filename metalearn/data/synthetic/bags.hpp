// Bags: a task's set of the synthetic family "bags": documents by a topic model, as sparse bags of words. An
// input is 1 where its word occurs in the document, else 0 (bag_of_words.hpp).
//
//   p(word) proportional to  rank^-s  times  e^b for each of the document's topics that has the word;
//   x_w = 1 where one of n draws from p is w
//
// Word frequencies follow Zipf's law in a random order of the words. A topic is a random set of words. A
// class has one or two topics; each of its documents has one of them, and perhaps one that says nothing of
// its class. Lengths n are log-uniform. s, b, lengths and the numbers of topics and of their words are drawn
// once per task, so that tasks are easy to hard.
#pragma once
#include "metalearn/data/synthetic/synthetic.hpp"

namespace metalearn {

ImageSet make_bags(const SyntheticSize& size, Random& random);

}  // namespace metalearn
