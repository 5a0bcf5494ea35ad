// Each method against an independent computation.
#include "metalearn/baselines/methods.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <Eigen/Eigenvalues>
#include <Eigen/SVD>
#include <numbers>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/testing/gradcheck.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/baselines/base_learner.hpp"
#include "metalearn/baselines/descent.hpp"
#include "metalearn/baselines/kmeans.hpp"
#include "metalearn/baselines/method_list.hpp"
#include "metalearn/baselines/vae.hpp"
#include "metalearn/evaluate/few_shot.hpp"
#include "metalearn/evaluate/heads.hpp"
#include "small_task.hpp"

using namespace metalearn;
using namespace outer_test;
using Eigen::Index;

namespace {

Task task_of(std::vector<std::int64_t> hidden = {8}) {
  return evaluation_seed(small_dataset(), hidden, small_config().task, 5, 0);
}

/// A draw of a task with what it points to.
struct Draw {
  explicit Draw(const Task& task, std::int64_t index = 0)
      : x(static_cast<std::size_t>(task.widths()[0] * 18)),
        labels(18),
        pair{x, std::span(labels).first(9), task.classes(), index} {
    task.labelled(0, index, x, labels);
  }
  std::vector<float> x;
  std::vector<std::int32_t> labels;
  LabelledDraw pair;
};

Start start_of(const Task& task) { return {task, 3, 4, 3, Activation::relu}; }

Matrix first_batches(const Task& task, std::int64_t count, std::int64_t batch) {
  Matrix all(count * batch, task.widths()[0]);
  for (std::int64_t t = 0; t < count; ++t) all.middleRows(t * batch, batch) = unlabelled_rows(task, t, batch);
  return all;
}

double accuracy_of(Learner& learner, const Task& task, Head head = Head::ridge_cv) {
  double right = 0;
  for (std::int64_t draw = 0; draw < 4; ++draw) {
    const Draw d(task, draw);
    const Matrix f = learner.features(d.pair);
    const Matrix scores = FewShotHeads(f.topRows(9), d.pair.support, 3, f.bottomRows(9)).fit(head).scores;
    for (Index i = 0; i < 9; ++i) {
      Index best = 0;
      scores.row(i).maxCoeff(&best);
      right += best == d.labels[static_cast<std::size_t>(9 + i)];
    }
  }
  return right / 36;
}

}  // namespace

TEST_CASE("pixels are the inputs, and rows are examples") {
  const Task task = task_of();
  const Draw draw(task);
  const Matrix f = pixels_method().start(start_of(task))->features(draw.pair);
  CHECK(f.rows() == 18);
  CHECK(f.cols() == 16);
  CHECK(f(2, 5) == static_cast<double>(draw.x[5 * 18 + 2]));
}

TEST_CASE(
    "random is phi_0 of its stream, represented as an inner step's scores have it; a learned rule starts "
    "there and goes the way of advance()") {
  const auto config = small_config();
  const Task task = task_of();
  const Draw draw(task);
  const auto theta = initial_theta(config.rule, 1);
  const auto learned = learned_method(config, theta);
  CHECK(learned.name == "learned");
  CHECK(learned.unlabelled(5) == 5 * config.batch);
  CHECK(learned.marks == std::vector<std::int64_t>{10, 25, 50, 100});
  CHECK(!learned.chosen);
  const auto validated = learned_method(config, theta, 40);
  CHECK(validated.marks == std::vector<std::int64_t>{10, 25, 40, 50, 100});
  CHECK(validated.chosen == 40);
  CHECK(learned_method(config, theta, 25).marks == learned.marks);
  const auto random = random_method().start(start_of(task)), rule = learned.start(start_of(task));
  InnerStep<float> step(config.rule, {task.widths(), config.batch, 3, 3, 1});
  auto phi = initial_phi(task.widths(), 3, 4), next = phi;
  std::vector<float> features(18 * 4), x(static_cast<std::size_t>(16 * config.batch));
  step.features(phi, draw.x, features);
  CHECK(random->features(draw.pair) == as_rows(features, 4));
  CHECK(rule->features(draw.pair) == as_rows(features, 4));
  for (std::int64_t t = 0; t < 3; ++t) {
    task.unlabelled(t, config.batch, x);
    step.advance(theta, phi, x, next);
    phi.swap(next);
  }
  step.features(phi, draw.x, features);
  rule->learn(1);
  rule->learn(3);
  CHECK(rule->features(draw.pair) == as_rows(features, 4));
}

TEST_CASE(
    "pca projects on the singular vectors of the centred examples; whitened scores have unit variance") {
  const Task task = task_of();
  const Draw draw(task);
  const Matrix seen = first_batches(task, 7, 10);
  const Eigen::RowVectorXd mean = seen.colwise().mean();
  const Eigen::JacobiSVD<Matrix> svd(seen.rowwise() - mean, Eigen::ComputeThinV);
  const Matrix expected = (as_rows(draw.x, 16).rowwise() - mean) * svd.matrixV().leftCols(5);
  const auto pca = pca_method({.components = 5, .batch = 10}).start(start_of(task)),
             white = pca_method({.components = 5, .batch = 10, .whiten = true}).start(start_of(task));
  pca->learn(3);  // on the way
  for (const auto& learner : {pca.get(), white.get()}) learner->learn(7);
  const Matrix found = pca->features(draw.pair), whitened = white->features(draw.pair);
  for (Index k = 0; k < 5; ++k) {
    const double sign = found.col(k).dot(expected.col(k)) < 0 ? -1 : 1,
                 deviation = svd.singularValues()[k] / std::sqrt(70.0);
    CHECK((sign * found.col(k) - expected.col(k)).norm() < 1e-9);
    CHECK((whitened.col(k).cwiseAbs() * deviation - expected.col(k).cwiseAbs()).norm() < 1e-9);
  }
  CHECK(pca_method({.components = 40}).start(start_of(task)) != nullptr);
}

TEST_CASE("random relu features are those of weights drawn for the seed, the same on every call") {
  const Task task = task_of();
  const Draw draw(task);
  const auto make = [&](std::uint64_t stream) {
    return random_relu_method({.units = 200})
        .start({task, 3, stream, 3, Activation::relu})
        ->features(draw.pair);
  };
  const Matrix f = make(4);
  CHECK(f == make(4));
  CHECK(f != make(5));
  CHECK(f.cols() == 200);
  CHECK(f.minCoeff() == 0);
  // The kernel of many such features (Cho and Saul 2009): E relu(u) relu(v) of u, v with these products, over
  // pairs of examples.
  const Matrix wide = random_relu_method({.units = 40000, .weight = 2, .bias = 0.5})
                          .start(start_of(task))
                          ->features(draw.pair);
  const Matrix x = as_rows(draw.x, 16), inner = (x * x.transpose() * (4.0 / 16)).array() + 0.25;
  for (const auto& [i, j] : {std::pair<Index, Index>{0, 1}, {2, 7}, {3, 3}}) {
    const double angle = std::acos(std::min(1.0, inner(i, j) / std::sqrt(inner(i, i) * inner(j, j)))),
                 pi = std::acos(-1.0);
    const double expected =
        std::sqrt(inner(i, i) * inner(j, j)) / (2 * pi) * (std::sin(angle) + (pi - angle) * std::cos(angle));
    CHECK(wide.row(i).dot(wide.row(j)) / 40000 == doctest::Approx(expected).epsilon(0.05));
  }
}

TEST_CASE(
    "k-means finds the means of separated clusters, never gets worse, and is a function of its stream") {
  Random random(1, 2);
  Eigen::MatrixXf x(60, 2);
  for (Index i = 0; i < 60; ++i)
    for (Index f = 0; f < 2; ++f)
      x(i, f) = static_cast<float>((i % 3 == 0   ? 10.0 * static_cast<double>(f)
                                    : i % 3 == 1 ? -10.0
                                                 : 0.0) +
                                   random.normal());
  const Random stream(7, 8);
  const Eigen::MatrixXf centres = kmeans(x, 3, 10, stream);
  CHECK(centres == kmeans(x, 3, 10, stream));
  for (Index cluster = 0; cluster < 3; ++cluster) {
    Eigen::RowVector2f mean = Eigen::RowVector2f::Zero();
    for (Index i = cluster; i < 60; i += 3) mean += x.row(i) / 20;
    CHECK(distances(mean, centres).minCoeff() < 1e-3f);
  }
  const auto cost = [&](std::int64_t iterations) {
    return distances(x, kmeans(x, 7, iterations, stream)).rowwise().minCoeff().squaredNorm();
  };
  for (const std::int64_t i : {0, 1, 2, 5}) CHECK(cost(i + 1) <= cost(i) * (1 + 1e-5f));
  CHECK(kmeans(x.topRows(2), 5, 3, stream).rows() == 2);

  // More examples than are compared at once, and one step from the start against its definition.
  Eigen::MatrixXf many(9000, 2);
  for (Index i = 0; i < many.size(); ++i) many.data()[i] = static_cast<float>(random.normal());
  const Eigen::MatrixXf from = kmeans(many, 4, 0, stream), to = kmeans(many, 4, 1, stream),
                        d = distances(many, from);
  Eigen::MatrixXd sums = Eigen::MatrixXd::Zero(4, 3);
  for (Index i = 0; i < many.rows(); ++i) {
    Index nearest = 0;
    d.row(i).minCoeff(&nearest);
    sums.row(nearest) +=
        Eigen::RowVector3d(static_cast<double>(many(i, 0)), static_cast<double>(many(i, 1)), 1);
  }
  for (Index k = 0; k < 4; ++k)
    for (Index c = 0; c < 2; ++c)
      CHECK(static_cast<double>(to(k, c)) == doctest::Approx(sums(k, c) / sums(k, 2)).epsilon(1e-3));
}

TEST_CASE("the k-means representation is how much closer than average each centre is") {
  const Task task = task_of();
  const Draw draw(task);
  const auto learner = kmeans_method({.centres = 6, .batch = 20, .iterations = 3}).start(start_of(task));
  learner->learn(1);
  learner->learn(3);
  const Matrix f = learner->features(draw.pair);
  const Eigen::MatrixXf seen = first_batches(task, 3, 20).cast<float>();
  const Eigen::MatrixXf centres = kmeans(seen, 6, 3, Random(3, 4, purpose("kmeans")));
  for (Index e = 0; e < 18; ++e) {
    Eigen::VectorXd distance(6);
    for (Index k = 0; k < 6; ++k)
      distance[k] = (as_rows(draw.x, 16).row(e) - centres.row(k).cast<double>()).norm();
    for (Index k = 0; k < 6; ++k)
      CHECK(std::abs(f(e, k) - std::max(0.0, distance.mean() - distance[k])) < 1e-4);
  }
}

TEST_CASE("k-means keeps no more examples than it says, and counts those") {
  const Task task = task_of();
  const Draw draw(task);
  const Method some = kmeans_method({.centres = 6, .batch = 20, .iterations = 3, .kept = 40}),
               all = kmeans_method({.centres = 6, .batch = 20, .iterations = 3});
  const auto learner = some.start(start_of(task)), other = all.start(start_of(task));
  learner->learn(5);
  other->learn(2);
  CHECK(learner->features(draw.pair) == other->features(draw.pair));
  CHECK(some.unlabelled(5) == 40);
  CHECK(all.unlabelled(5) == 100);
}

TEST_CASE("Oja's rule makes a layer's units its input's principal components, in order and of unit length") {
  const Task task = task_of({});  // 16-4: one layer
  const auto learner = oja_method({.batch = 32, .rate = 0.3}).start(start_of(task));
  learner->learn(3000);
  const Matrix seen = first_batches(task, 100, 32);
  const Matrix centred = seen.rowwise() - seen.colwise().mean();
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(centred.transpose() * centred);
  const auto& phi = dynamic_cast<BaseLearner&>(*learner).phi();
  const Matrix W = Eigen::Map<const Eigen::Matrix<float, 16, 4, Eigen::RowMajor>>(phi.data()).cast<double>();
  for (Index k = 0; k < 2; ++k) {  // small_dataset has two strong components: which rows are bright
    CHECK(W.col(k).norm() == doctest::Approx(1).epsilon(0.03));
    CHECK(std::abs(W.col(k).dot(solver.eigenvectors().col(15 - k))) > 0.97);
  }
  CHECK(std::abs(W.col(0).dot(W.col(1))) < 0.1);
}

TEST_CASE("a descent follows Adam down its loss") {
  TensorList list;
  list.add("p", {2});
  Descent descent(
      list, {autodiff::Shape{2}},
      [](auto p, auto data) { return autodiff::sum_all(autodiff::square(p[0] - data[0])); }, 0.01);
  std::vector<float> p = {0, 0}, goal = {1, -2};
  const float* data[] = {goal.data()};
  CHECK(descent.step(p, data) == doctest::Approx(5));
  CHECK(p[0] == doctest::Approx(0.01));  // the first step of Adam is of the rate's length
  CHECK(p[1] == doctest::Approx(-0.01));
  for (int i = 0; i < 1000; ++i) descent.step(p, data);
  CHECK(descent.step(p, data) < 1e-3f);
}

TEST_CASE("supervised learning starts at phi_0, fits its support, and each draw is trained for itself") {
  const Task task = task_of();
  const Draw a(task, 0), b(task, 1);
  const auto learner = supervised_method({.rate = 1e-2}).start(start_of(task)),
             random = random_method().start(start_of(task));
  CHECK(learner->features(a.pair) == random->features(a.pair));
  learner->learn(100);
  const Matrix of_a = learner->features(a.pair), of_b = learner->features(b.pair);
  CHECK(learner->features(a.pair) == of_a);
  CHECK(learner->features(b.pair) == of_b);
  const Matrix fitted =
      FewShotHeads(of_a.topRows(9), a.pair.support, 3, of_a.topRows(9)).fit(Head::ridge).scores;
  for (Index i = 0; i < 9; ++i) {
    Index best = 0;
    fitted.row(i).maxCoeff(&best);
    CHECK(best == a.pair.support[static_cast<std::size_t>(i)]);
  }
}

TEST_CASE(
    "with all labels the base model learns its classes better than it starts; the labels are those of the "
    "unlabelled batches") {
  const Task task = task_of();
  std::vector<float> x(16 * 20), same(x.size());
  std::vector<std::int32_t> labels(20);
  task.unlabelled(3, 20, x, labels);
  task.unlabelled(3, 20, same);
  CHECK(x == same);
  for (std::size_t e = 0; e < 20; ++e) {  // of small_dataset: class c is bright in a third of the rows
    const float top = x[0 * 20 + e], bottom = x[15 * 20 + e];
    if (labels[e] == 0) CHECK(top > bottom);
    if (labels[e] == 2) CHECK(bottom > top);
  }
  const auto learner = supervised_all_method({.batch = 20, .rate = 1e-2}).start(start_of(task));
  const double before = accuracy_of(*learner, task);
  learner->learn(300);
  CHECK(accuracy_of(*learner, task) > std::max(before, 0.9));
  CHECK(supervised_all_method().labelled(10) == 1280);
  CHECK(supervised_all_method().unlabelled(10) == 0);
}

TEST_CASE(
    "the autoencoder's objective is right where it is known, has the gradient of central differences, and "
    "falls") {
  const std::vector<std::int64_t> widths = {6, 5, 4};
  const TensorList spec = vae_spec(widths, 3);
  const auto initial = initial_vae(widths, 3, 1, 2);
  CHECK(static_cast<std::int64_t>(initial.size()) == spec.size);
  std::vector<autodiff::Shape> shapes;
  std::vector<std::vector<double>> values;
  Random random(3, 4);
  for (const auto& t : spec.tensors) {
    shapes.emplace_back(std::span<const autodiff::Index>(t.shape));
    values.emplace_back();
    for (std::int64_t i = 0; i < t.size(); ++i)
      values.back().push_back(t.name[0] == 'V' ? 0.0 : 0.5 * random.normal());
  }
  shapes.push_back(autodiff::Shape{6, 7});
  values.emplace_back();
  for (int i = 0; i < 42; ++i) values.back().push_back(random.uniform());
  shapes.push_back(autodiff::Shape{3, 7});
  values.emplace_back();
  for (int i = 0; i < 21; ++i) values.back().push_back(random.normal());
  for (const Decoder decoder : {Decoder::bernoulli, Decoder::normal}) {
    const auto loss = [&](std::span<const autodiff::Var> in) {
      return vae_loss(in.first(in.size() - 2), in[in.size() - 2], in.back(), Activation::tanh, decoder);
    };
    CHECK(autodiff::gradcheck(loss, shapes, values) < 1e-6);
  }

  // With all weights zero every pixel is a fair coin, or normal around 0, and the posterior is what its
  // biases say.
  autodiff::Graph graph;
  const double m = 0.7, v = -0.4;
  std::vector<autodiff::Var> constants;
  for (std::size_t i = 0; i < spec.tensors.size(); ++i) {
    const std::string& name = spec.tensors[i].name;
    constants.push_back(graph.constant(
        shapes[i],
        std::vector<double>(static_cast<std::size_t>(shapes[i].size()), name == "mean/b"           ? m
                                                                        : name == "log_variance/b" ? v
                                                                                                   : 0.0)));
  }
  const std::size_t pictures = spec.tensors.size();
  double squares = 0;
  for (const double x : values[pictures]) squares += x * x / 7;
  const double divergence = 3 * 0.5 * (std::exp(v) + m * m - v - 1);
  for (const auto& [decoder, surprise] :
       {std::pair{Decoder::bernoulli, 6 * std::log(2.0)},
        {Decoder::normal, 0.5 * (squares + 6 * std::log(2 * std::numbers::pi))}}) {
    const autodiff::Var L = vae_loss(constants, graph.constant(shapes[pictures], values[pictures]),
                                     graph.constant(shapes.back(), values.back()), Activation::relu, decoder);
    double value = 0, *out = &value;
    autodiff::Arena arena;
    autodiff::Plan<double>({}, std::span(&L, 1)).run({}, std::span(&out, 1), arena, autodiff::Parallel(1));
    CHECK(value == doctest::Approx(surprise + divergence));
  }

  const Task task = task_of();
  auto p = initial_vae(task.widths(), 3, 1, 2);
  Descent descent(
      vae_spec(task.widths(), 3), {autodiff::Shape{16, 32}, autodiff::Shape{3, 32}},
      [](auto tensors, auto data) {
        return vae_loss(tensors, data[0], data[1], Activation::relu, Decoder::bernoulli);
      },
      3e-3);
  double first = 0, last = 0;
  std::vector<float> x(16 * 32), noise(3 * 32);
  for (std::int64_t t = 0; t < 300; ++t) {
    task.unlabelled(t, 32, x);
    for (float& n : noise) n = static_cast<float>(random.normal());
    const float* data[] = {x.data(), noise.data()};
    const double at = descent.step(p, data);
    (t < 20 ? first : last) += t < 20 || t >= 280 ? at / 20 : 0;
  }
  CHECK(last < first - 0.3);
}

TEST_CASE(
    "the autoencoder's objective is of one fixed batch: it falls as it learns, and asking for it changes "
    "nothing") {
  const Task task = task_of();
  const Draw draw(task);
  const Method method = vae_method({.latents = 3, .batch = 16, .rate = 3e-3});
  const auto asked = method.start(start_of(task)), silent = method.start(start_of(task));
  const double first = asked->objective();
  CHECK(asked->objective() == first);
  CHECK(first > 0);
  asked->learn(200);
  silent->learn(200);
  CHECK(asked->objective() < first - 0.3);
  CHECK(silent->features(draw.pair) == asked->features(draw.pair));
  CHECK(std::isnan(oja_method({.batch = 16}).start(start_of(task))->objective()));
}

TEST_CASE(
    "methods that learn in steps give the same features whether they are asked on the way or not, and do "
    "learn something") {
  const Task task = task_of();
  const Draw draw(task);
  for (const Method& method : {vae_method({.latents = 3, .batch = 16}), oja_method({.batch = 16}),
                               supervised_all_method({.batch = 16})}) {
    CAPTURE(method.name);
    const auto straight = method.start(start_of(task)), asked = method.start(start_of(task));
    const Matrix start = asked->features(draw.pair);
    CHECK(start == random_method().start(start_of(task))->features(draw.pair));
    asked->learn(4);
    asked->features(draw.pair);
    asked->learn(9);
    straight->learn(9);
    CHECK(straight->features(draw.pair) == asked->features(draw.pair));
    CHECK(straight->features(draw.pair) != start);
  }
}

TEST_CASE("methods are named in one list; unknown names, none, and a rule that isn't there are refused") {
  std::vector<std::string> left_out;
  const auto names_of = [&](const std::vector<std::string>& names,
                            const std::vector<metalearn::Rule>& rules = {}) {
    std::vector<std::string> found;
    for (const auto& m : make_methods(names, rules, left_out)) found.push_back(m.name);
    return found;
  };
  CHECK(names_of({"vae", "random"}) == std::vector<std::string>{"random", "vae"});
  CHECK(left_out.empty());
  CHECK(names_of({"all"}).size() == method_names().size() - 2);
  CHECK(left_out == std::vector<std::string>{"synaptic", "learned"});
  auto config = small_config();
  CHECK(names_of({"learned"}, {{config, initial_theta(config.rule, 1)}}) ==
        std::vector<std::string>{"learned"});
  CHECK(make_methods({"learned"}, {{config, initial_theta(config.rule, 1), 7}}, left_out)[0].chosen == 7);
  config.rule.rule = "synaptic";
  CHECK(names_of({"synaptic"}, {{config, initial_theta(config.rule, 1)}}) ==
        std::vector<std::string>{"synaptic"});
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{}, {"vea"}, {"learned"}, {"synaptic"}})
    CHECK_THROWS_AS(names_of(wrong), checkpoints::UsageError);
  for (const auto& m : make_methods({"all"}, {}, left_out)) {
    CAPTURE(m.name);
    CHECK(!m.settings.empty());
    CHECK(!m.marks.empty());
  }
}
