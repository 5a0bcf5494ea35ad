// metalearn apply: features of a user's own data, read from Python; and eval's notes on data that was trained
// on.
#include "program_fixture.hpp"

using namespace program_test;

namespace {

void train(const Folder& folder) {
  IdxImages().write(folder / "idx");
  IdxImages{.classes = 3, .per_class = 50, .noise = 5}.write(folder / "own");
  REQUIRE(run(tiny_training("run", "mine=idx"), folder.path).code == 0);
}

std::vector<std::string> apply(const std::string& out, std::vector<std::string> more = {}) {
  std::vector<std::string> words = {"apply", "--theta", "run", "--data",   "own=own", "--out",
                                    out,     "--steps", "3",   "--layers", "8"};
  words.insert(words.end(), more.begin(), more.end());
  return program(words);
}

}  // namespace

TEST_CASE(
    "apply writes features, labels, places and phi, which h5py reads and a base model by hand confirms") {
  Folder folder;
  train(folder);
  const Result result = run(apply("features.h5"), folder.path);
  CAPTURE(result.err);
  CHECK(result.code == 0);
  CHECK(result.err.empty());
  CHECK(contains(result.out, "196-8-8 after 3 inner steps"));
  const Result checked = python(folder, R"(
f = h5py.File('features.h5')
def idx(part):
    images = np.frombuffer(open('own/%s-images-idx3-ubyte' % part, 'rb').read()[16:], 'u1')
    labels = np.frombuffer(open('own/%s-labels-idx1-ubyte' % part, 'rb').read()[8:], 'u1')
    return images.reshape(-1, 196) / 255, labels
train, train_labels = idx('train')
test, test_labels = idx('t10k')
splits = {'train': (train, train_labels), 'validation': (train, train_labels), 'test': (test, test_labels)}
rows = {s: f[s + '/index'][()] for s in splits}
assert sorted(np.concatenate([rows['train'], rows['validation']])) == list(range(150))
assert list(rows['test']) == list(range(150))
x = {s: splits[s][0][rows[s]] for s in splits}
for l in (1, 2):
    a = {s: x[s] @ f['phi/W/%d' % l][()].astype('f8') for s in x}
    m, v = a['train'].mean(0), a['train'].var(0)
    assert np.allclose(m, f['statistics/mean/%d' % l], atol=1e-5)
    assert np.allclose(v, f['statistics/variance/%d' % l], atol=1e-5)
    x = {s: np.maximum(0, (a[s] - m) / np.sqrt(v + 1e-6) + f['phi/b/%d' % l][()]) for s in a}
for s in splits:
    assert np.array_equal(f[s + '/labels'], splits[s][1][rows[s]]), s
    assert f[s + '/features'].dtype == np.float32
    assert np.abs(f[s + '/features'] - x[s]).max() < 1e-3, np.abs(f[s + '/features'] - x[s]).max()
print(f.attrs['kind'].decode(), f['apply'].attrs['data'].decode(), f['apply'].attrs['steps'],
      f['classes'].attrs['0002'].decode(), f['train/features'].shape[1])
)");
  CAPTURE(checked.err);
  CHECK(checked.code == 0);
  CHECK(checked.out == "features own 3 2 8\n");
}

TEST_CASE("apply gives the same bytes on any number of threads, and goes on from its phi") {
  Folder folder;
  train(folder);
  CHECK(run(apply("a.h5", {"--threads", "1"}), folder.path).code == 0);
  CHECK(run(apply("b.h5", {"--threads", "2"}), folder.path).code == 0);
  CHECK(slurp(folder / "a.h5") == slurp(folder / "b.h5"));
  CHECK(run(program({"apply", "--phi", "a.h5", "--steps", "0", "--data", "own=own", "--out", "c.h5"}),
            folder.path)
            .code == 0);
  CHECK(run(program({"export", "a.h5", "--out", "phi.npz"}), folder.path).code == 0);
  CHECK(run(program({"import", "phi.npz", "--out", "phi.h5"}), folder.path).code == 0);
  CHECK(run(program({"apply", "--phi", "phi.h5", "--steps", "0", "--data", "own=own", "--out", "d.h5"}),
            folder.path)
            .code == 0);
  const Result same =
      python(folder,
             "a, c, d = (h5py.File(n + '.h5')['test/features'][()] for n in 'acd')\nprint(np.array_equal(a, "
             "c), np.array_equal(a, d), sorted(np.load('phi.npz').files))");
  CHECK(same.out ==
        "True True ['V/1', 'V/2', 'W/1', 'W/2', 'b/1', 'b/2', 'config/activation', 'config/batch', "
        "'config/colour', 'config/inner_rate', 'config/resolution', 'config/words']\n");
  const Result on = run(program({"apply", "--theta", "run", "--phi", "a.h5", "--steps", "2", "--data",
                                 "own=own", "--out", "e.h5"}),
                        folder.path);
  CHECK(on.code == 0);
  // The seed of phi is stored; for a given phi it is not known.
  const Result drawn =
      python(folder, "print([h5py.File(n + '.h5')['apply'].attrs.get('phi_seed') for n in 'ace'])");
  CHECK(drawn.out == "[0, None, None]\n");
  CHECK(run(program({"inspect", "a.h5"}), folder.path).code == 0);
}

TEST_CASE("apply says where it departs from theta's training, and refuses what does not fit") {
  Folder folder;
  train(folder);
  const Result other =
      run(apply("a.h5", {"--inner-rate", "0.1", "--batch", "16", "--statistics", "batch"}), folder.path);
  CHECK(other.code == 0);
  CHECK(contains(other.err, "note: --inner-rate is 0.1, run/snapshot-"));
  CHECK(contains(other.err, "was trained with 0.01"));
  CHECK(contains(other.err, "note: --batch is 16"));
  struct Row {
    std::vector<std::string> words;
    int code;
    const char* says;
  };
  const Row rows[] = {
      {apply("x.h5", {"--statistics", "some"}), 64, "allowed: dataset, batch"},
      {program({"apply", "--theta", "run", "--out", "x.h5"}), 64, "no data"},
      {program({"apply", "--theta", "run", "--data", "own=own"}), 64, "--out"},
      {program({"apply", "--theta", "none", "--data", "own=own", "--out", "x.h5"}), 66, "none"},
      {program({"apply", "--theta", "run", "--phi", "a.h5", "--data", "own=own", "--out", "x.h5",
                "--resolution", "7"}),
       65, "a phi for 196 inputs, but an example of data 'own' has 49"},
      {program({"apply", "--theta", "run", "--phi", "a.h5", "--layers", "8", "--data", "own=own", "--out",
                "x.h5"}),
       64, "no effect with --phi"},
      {apply("nowhere/x.h5"), 74, "--out nowhere/x.h5: no such folder: nowhere; create it first"},
      {program({"apply", "--theta", "run", "--phi", "a.h5", "--data", "own=own", "--out", "./a.h5"}), 64,
       "--out ./a.h5 is an input of this command"},
      {program({"apply", "--theta", "run", "--data", "own=own", "--out", "own"}), 64,
       "--out own is an input of this command"},
      {program({"eval", "--theta", "a.h5", "--data", "own=own"}), 65, "holds a phi but no theta"},
  };
  for (const Row& row : rows) {
    const Result result = run(row.words, folder.path);
    CHECK(result.code == row.code);
    CHECK_MESSAGE(contains(result.err, row.says), result.err);
    CHECK_FALSE(fs::exists(folder / "x.h5"));
  }
}

TEST_CASE("eval says where a data set, under any name, was in the training set") {
  Folder folder;
  train(folder);
  fs::copy(folder / "idx", folder / "copy");
  const auto note = [&](std::vector<std::string> words) {
    words.insert(words.begin(),
                 {"eval", "--theta", "run", "--steps", "0,1", "--seeds", "1", "--layers", "8"});
    const Result result = run(program(words), folder.path);
    CHECK(result.code == 0);
    return result.err;
  };
  const std::string copied = note({"--data", "other=copy"});
  CHECK_MESSAGE(contains(copied,
                         "note: data 'other' was in the training set of run/snapshot-00000006.h5 "
                         "(train-images-idx3-ubyte crc32 "),
                copied);
  CHECK(note({"--data", "own=own"}).empty());
}
