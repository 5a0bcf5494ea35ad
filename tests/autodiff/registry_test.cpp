// One loop over the registry: being registered is being tested.
#include <fmt/format.h>

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <stdexcept>
#include <thread>

#include "autodiff/graph/op.hpp"
#include "autodiff/ops/all_ops.hpp"
#include "autodiff/ops/elementwise.hpp"
#include "autodiff/plan/plan.hpp"
#include "autodiff/testing/gradcheck.hpp"
#include "tests/support/same_bits.hpp"

using namespace autodiff;
using support::same_bits;

namespace {

std::vector<std::vector<double>> draw(const Sample& s, std::uint64_t seed) {
  std::uint64_t state = seed * 1000003 + 7;
  std::vector<std::vector<double>> values;
  for (std::size_t i = 0; i < s.in.size(); ++i) {
    std::vector<double> v(static_cast<std::size_t>(s.in[i].size()));
    for (double& x : v) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      x = s.low + (s.high - s.low) * static_cast<double>(state >> 11) * 0x1p-53;
      if (std::abs(x) < s.keep_away_from_zero)
        x = x < 0 ? x - s.keep_away_from_zero : x + s.keep_away_from_zero;
    }
    if (i == 0 && s.raise_diagonal > 0)
      for (Index d = 0; d < s.in[0][0]; ++d)
        v[static_cast<std::size_t>(d * (s.in[0][0] + 1))] += s.raise_diagonal;
    values.push_back(std::move(v));
  }
  return values;
}

template <class T>
std::vector<T> run(const Plan<T>& plan, const std::vector<std::vector<double>>& values, Index size,
                   int threads, std::size_t* spread = nullptr) {
  std::vector<std::vector<T>> typed;
  for (const auto& v : values) typed.emplace_back(v.begin(), v.end());
  std::vector<const T*> in;
  for (const auto& v : typed) in.push_back(v.data());
  std::vector<T> out(static_cast<std::size_t>(size));
  T* o = out.data();
  Arena arena;
  const Parallel parallel(threads);
  plan.run(in, std::span(&o, 1), arena, parallel);
  if (spread) *spread += parallel.spread();
  CHECK(arena.high_water() == plan.peak_bytes());
  return out;
}

struct Recording {
  Graph graph;
  std::vector<Var> inputs;
  Var y;
};
void record(Recording& r, const OpDef& op, const Sample& s) {
  for (std::size_t i = 0; i < s.in.size(); ++i)
    r.inputs.push_back(r.graph.input(s.in[i], "x" + std::to_string(i)));
  r.y = r.graph.record(op, r.inputs, s.attributes, here());
}

// What is recorded is what runs.
PlanOptions unfused() {
  PlanOptions options;
  options.transform.fuse = false;
  return options;
}

}  // namespace

TEST_CASE("every op named in ops/ is known, and has a name of its own, a doc line and samples") {
  std::set<std::string> names;
  for (const OpDef* op : all_ops()) {
    CAPTURE(op->name);
    CHECK(names.insert(op->name).second);
    CHECK(!op->doc.empty());
    CHECK(!op->samples.empty());
    CHECK(!op->wrong.empty());
  }
  const std::regex naming("\\.name = \"(\\w+)\"");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(METALEARN_SOURCE "/autodiff/ops")) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    for (std::sregex_iterator i(text.begin(), text.end(), naming), end; i != end; ++i) {
      CAPTURE((*i)[1].str());
      CHECK(names.erase((*i)[1]) == 1);
    }
  }
  // What is left are the rows of the table of elementwise ops.
  CHECK(names.count("add") == 1);
  CHECK(names.count("matmul") == 0);
}

TEST_CASE("every op's reverse agrees with central differences, and again for its second derivative") {
  for (const OpDef* op : all_ops())
    for (std::size_t i = 0; i < op->samples.size(); ++i) {
      const Sample& s = op->samples[i];
      CAPTURE(op->name);
      CAPTURE(i);
      const auto f = [&](std::span<const Var> in) {
        return in[0].graph().record(*op, in, s.attributes, here());
      };
      const auto values = draw(s, i + 1);
      if (op->zero_gradient) {
        CHECK(gradcheck(f, s.in, values) == 0);
        continue;
      }
      // gate has no gradient to its second operand, which is constant between its kinks: differences agree
      // with that too.
      CHECK(gradcheck(f, s.in, values) < 1e-7);
      Index numbers = 0;
      for (const Shape& shape : s.in) numbers += shape.size();
      if (numbers < 20000) CHECK(gradcheck_second(f, s.in, values) < 1e-6);
    }
}

TEST_CASE("every kernel agrees with its op's meaning") {
  std::set<std::string> compared;
  for (const OpDef* op : all_ops()) {
    if (!op->spec || !op->kernel_d) continue;
    for (std::size_t i = 0; i < op->samples.size(); ++i) {
      const Sample& s = op->samples[i];
      CAPTURE(op->name);
      Recording fast, plain;
      record(fast, *op, s);
      for (std::size_t k = 0; k < s.in.size(); ++k) plain.inputs.push_back(plain.graph.input(s.in[k], "x"));
      plain.y = op->spec(plain.inputs, s.attributes);
      CHECK(fast.y.shape() == plain.y.shape());
      const auto values = draw(s, i + 1);
      const auto a =
          run(Plan<double>(fast.inputs, std::span(&fast.y, 1), unfused()), values, fast.y.shape().size(), 1);
      const auto b = run(Plan<double>(plain.inputs, std::span(&plain.y, 1), unfused()), values,
                         fast.y.shape().size(), 1);
      const auto c =
          run(Plan<float>(fast.inputs, std::span(&fast.y, 1), unfused()), values, fast.y.shape().size(), 1);
      double scale = 0;
      for (double v : b) scale = std::max(scale, std::abs(v));
      for (std::size_t e = 0; e < a.size(); ++e) {
        REQUIRE(std::abs(a[e] - b[e]) <= 1e-12 * scale);
        REQUIRE(std::abs(static_cast<double>(c[e]) - b[e]) <= 1e-4 * scale);
      }
      if (!op->name.starts_with("test_")) compared.insert(op->name);  // not those of other tests
    }
  }
  CHECK(fmt::format("{}", fmt::join(compared, " ")) ==
        "batch_norm_reverse block_activation block_conv block_conv_weight_reverse block_reverse block_sums "
        "linear_groups linear_groups_reverse linear_groups_weights moments normalise tile_program");
}

TEST_CASE(
    "every op gives the same bits on 1, 2 and 4 threads, and is large enough in one sample to be split") {
  for (const OpDef* op : all_ops()) {
    CAPTURE(op->name);
    std::size_t spread = 0;
    for (std::size_t i = 0; i < op->samples.size(); ++i) {
      CAPTURE(i);
      const Sample& s = op->samples[i];
      const auto values = draw(s, i + 1);
      Recording r;
      record(r, *op, s);
      const auto check = [&]<class T>(T) {
        PlanOptions options = unfused();
        options.spread_above = 0;  // whatever can be
        const Plan<T> plan(r.inputs, std::span(&r.y, 1), options);
        const Index n = r.y.shape().size();
        const auto one = run(plan, values, n, 1);
        for (int threads : {2, 4}) CHECK(same_bits(one, run(plan, values, n, threads, &spread)));
      };
      check(float());
      check(double());
    }
    CHECK((spread > 0) == !op->serial);
  }
}

TEST_CASE("every op gives the same bits over each of its operands as apart from them") {
  for (const OpDef* op : all_ops())
    for (std::size_t i = 0; i < op->samples.size(); ++i)
      for (std::size_t over_operand = 0; over_operand < op->samples[i].in.size(); ++over_operand) {
        const Sample& s = op->samples[i];
        CAPTURE(op->name);
        CAPTURE(i);
        const auto values = draw(s, i + 1);
        Recording r;
        record(r, *op, s);
        CAPTURE(over_operand);
        // Two more ops before give the op one operand in the arena, which it may overwrite; one more after
        // takes its result there.
        Recording wrapped;
        for (std::size_t k = 0; k < s.in.size(); ++k)
          wrapped.inputs.push_back(wrapped.graph.input(s.in[k], "x"));
        std::vector<Var> in(wrapped.inputs);
        for (double factor : {2.0, 0.5}) {
          Var& v = in[over_operand];
          v = affine(v, factor, 0);
        }
        wrapped.y = wrapped.graph.record(*op, in, s.attributes, here());
        const Var result = affine(wrapped.y, 2, 0);
        const auto check = [&]<class T>(T) {
          PlanOptions elsewhere = unfused();
          elsewhere.in_place = false;
          const Plan<T> plan(r.inputs, std::span(&r.y, 1), unfused()),
              over(wrapped.inputs, std::span(&result, 1), unfused()),
              apart(wrapped.inputs, std::span(&result, 1), elsewhere);
          const Index n = r.y.shape().size();
          const auto one = run(plan, values, n, 1);
          auto doubled = one;
          for (T& v : doubled) v *= 2;
          CHECK(same_bits(doubled, run(over, values, n, 1)));
          CHECK(same_bits(doubled, run(apart, values, n, 2)));
          CHECK(over.peak_bytes() <= apart.peak_bytes());
        };
        check(float());
        check(double());
      }
}

TEST_CASE(
    "what a shape rule refuses is refused with the op, its reason, the shapes, the file and line, and the "
    "scope") {
  for (const OpDef* op : all_ops())
    for (const WrongUse& wrong : op->wrong) {
      CAPTURE(op->name);
      CAPTURE(wrong.says);
      Graph graph;
      const Scope scope(graph, "outer");
      const Scope inner(graph, "inner");
      std::vector<Var> in;
      std::string shapes;
      for (const Shape& s : wrong.in) {
        in.push_back(graph.input(s, "x"));
        shapes += " " + s.to_string();
      }
      std::string message;
      const int line = __LINE__ + 2;
      try {
        graph.record(*op, in, wrong.attributes, here());
      } catch (const std::invalid_argument& e) {
        message = e.what();
      }
      CAPTURE(message);
      CHECK(message.find("[" + op->name + "]") == 0);
      CHECK(message.find(wrong.says) != std::string::npos);
      CHECK(message.find("; shapes" + shapes) != std::string::npos);
      CHECK(message.find("registry_test.cpp:" + std::to_string(line)) != std::string::npos);
      CHECK(message.find("in scope outer/inner") != std::string::npos);
    }
}

TEST_CASE("an op is recorded with attributes of its own type only, and says which those are") {
  struct Foreign {
    int number = 0;
  };
  for (const OpDef* op : all_ops()) {
    CAPTURE(op->name);
    const Sample& s = op->samples.front();
    CHECK(s.attributes.type() == op->attributes);
    Recording r;
    record(r, *op, s);
    const auto refused = [&](Attributes wrong, const std::string& found) {
      CHECK_THROWS_WITH_AS(r.graph.record(*op, r.inputs, std::move(wrong), here()),
                           doctest::Contains(("[" + op->name + "] expected attributes: " +
                                              attributes_name(op->attributes) + ", found: " + found)
                                                 .c_str()),
                           std::invalid_argument);
    };
    refused(Foreign{}, "Foreign");
    if (op->attributes != typeid(void)) refused({}, "none");
  }
}

TEST_CASE("an op without spec and kernel, or with a name that is taken, is not registered") {
  OpDef op;
  op.name = "half";
  op.infer = [](std::span<const Shape> in, const Attributes&) { return in[0]; };
  CHECK_THROWS_AS(register_op(op), std::invalid_argument);
  op = *find_op("relu");
  CHECK_THROWS_AS(register_op(op), std::invalid_argument);
}

TEST_CASE("of two threads that register one name, one is refused") {
  all_ops();
  OpDef op = *find_op("square");
  op.name = "test_race";
  std::atomic<int> refused{0};
  const auto attempt = [&] {
    try {
      register_op(op);
    } catch (const std::invalid_argument&) {
      ++refused;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(attempt);
  for (auto& t : threads) t.join();
  CHECK(refused == 3);
}
