// metalearn export and import: a theta through NumPy and back.
#include <nlohmann/json.hpp>

#include "program_fixture.hpp"

using namespace program_test;

namespace {

/// A run, and theta.npz exported from it.
void make_theta(const Folder& folder) {
  IdxImages().write(folder / "idx");
  REQUIRE(run(tiny_training("run", "mine=idx"), folder.path).code == 0);
  const Result exported = run(program({"export", "run", "--out", "theta.npz"}), folder.path);
  CAPTURE(exported.err);
  REQUIRE(exported.code == 0);
  CHECK(contains(exported.out, "theta: "));
}

Result import(const Folder& folder, std::vector<std::string> more = {}) {
  std::vector<std::string> words = {"import", "changed.npz", "--out", "imported.h5"};
  words.insert(words.end(), more.begin(), more.end());
  return run(program(words), folder.path);
}

nlohmann::json scores(const Folder& folder, const std::string& theta) {
  const Result result = run(program({"eval", "--theta", theta, "--data", "mine=idx", "--steps", "0,4",
                                     "--seeds", "2", "--layers", "8", "--labels-per-class", "4", "--json"}),
                            folder.path);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  return nlohmann::json::parse(result.out)["results"];
}

}  // namespace

TEST_CASE("a theta goes to NumPy and back, in any precision, order and packing, and is the same theta") {
  Folder folder;
  make_theta(folder);
  const Result same = python(folder, R"(
import glob
a, f = np.load('theta.npz'), h5py.File(sorted(glob.glob('run/*.h5'))[-1])
names = []
f['theta_average'].visititems(lambda n, x: names.append(n) if isinstance(x, h5py.Dataset) else None)
assert sorted(names) == sorted(n for n in a.files if not n.startswith('config/')), names
for n in names: assert np.array_equal(a[n], f['theta_average'][n][()]) and a[n].dtype == np.float32, n
print(len(names), a['config/batch'][()], a['config/activation'][()].decode())
)");
  CAPTURE(same.err);
  CHECK(same.code == 0);
  CHECK(same.out == "72 8 relu\n");
  const auto expected = scores(folder, "run");
  for (const char* save :
       {"np.savez('changed.npz', **d)",
        "np.savez_compressed('changed.npz', **{n: np.asfortranarray(x.astype('f8') if x.dtype.kind == 'f' "
        "else x) for n, x in d.items()})",
        "np.savez('changed.npz', **{n: x.astype('>f4') if x.ndim else x for n, x in d.items()})"}) {
    CAPTURE(save);
    REQUIRE(python(folder, std::string("d = dict(np.load('theta.npz'))\n") + save).code == 0);
    const Result imported = import(folder);
    CAPTURE(imported.err);
    CHECK(imported.code == 0);
    CHECK(contains(imported.out,
                   "of the rule metz, H=4 Q=1 S=4 P=2 D=3 G=2 N_L=8; inner rate 0.01, batch 8, relu"));
    CHECK(scores(folder, "imported.h5") == expected);
    CHECK(run(program({"export", "imported.h5", "--out", "again.npz"}), folder.path).code == 0);
    CHECK(slurp(folder / "again.npz") == slurp(folder / "theta.npz"));
  }
  for (const char* command : {"inspect", "verify"})
    CHECK(run(program({command, "imported.h5"}), folder.path).code == 0);
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"--steps", "0", "--seeds", "1", "--layers", "8"},
                                             {"--held-out", "--tasks", "1", "--steps", "1"}}) {
    auto all = words;
    all.insert(all.begin(), {"eval", "--theta", "imported.h5", "--data", "mine=idx", "--draws", "1"});
    CHECK(
        contains(run(program(all), folder.path).err, "note: the training data of imported.h5 is not known"));
  }
  const Result held_out = run(program({"eval", "--theta", "imported.h5", "--held-out"}), folder.path);
  CHECK(held_out.code == 64);
  CHECK(contains(held_out.err, "give --data"));
}

TEST_CASE("a theta of the synaptic rule goes to NumPy and back too, also one that only its names tell") {
  Folder folder;
  IdxImages().write(folder / "idx");
  auto training = tiny_training("run", "mine=idx");
  training.insert(training.end(), {"--rule", "synaptic"});
  REQUIRE(run(training, folder.path).code == 0);
  REQUIRE(run(program({"export", "run", "--out", "theta.npz"}), folder.path).code == 0);
  const auto expected = scores(folder, "run");
  for (const char* kept : {"True", "n != 'config/rule'"}) {
    CAPTURE(kept);
    const Result same = python(
        folder,
        std::string(
            "d = dict(np.load('theta.npz'))\nnp.savez('changed.npz', **{n: x for n, x in d.items() if ") +
            kept + "})\nprint(d['hidden/weight'].shape, d['config/rule'])");
    REQUIRE(same.code == 0);
    CHECK(contains(same.out, "(12,) b'synaptic'"));
    const Result imported = import(folder);
    CAPTURE(imported.err);
    REQUIRE(imported.code == 0);
    CHECK(contains(imported.out, "32 numbers of the rule synaptic, no sizes, N_L=8;"));
    CHECK(scores(folder, "imported.h5") == expected);
  }
}

TEST_CASE("what neither shapes nor config say is the paper's, or an option's") {
  Folder folder;
  make_theta(folder);
  REQUIRE(python(folder,
                 "np.savez('changed.npz', **{n: x for n, x in np.load('theta.npz').items() if not "
                 "n.startswith('config')})")
              .code == 0);
  CHECK(contains(import(folder).out, "inner rate 0.0001, batch 128, relu"));
  CHECK(contains(import(folder, {"--inner-rate", "0.02", "--batch", "16", "--activation", "tanh"}).out,
                 "inner rate 0.02, batch 16, tanh"));
}

TEST_CASE("a phi alone is imported too, but is no theta") {
  Folder folder;
  REQUIRE(python(folder,
                 "np.savez('changed.npz', **{'W/1': np.ones((5, 4)), 'V/1': np.ones((5, 4)), 'b/1': "
                 "np.zeros(4), 'W/2': np.ones((4, 3)), 'V/2': np.ones((4, 3)), 'b/2': np.zeros(3)})")
              .code == 0);
  const Result result = import(folder);
  CHECK(result.code == 0);
  CHECK(contains(result.out, "widths 5-4-3"));
  const Result eval = run(program({"eval", "--theta", "imported.h5", "--data", "glyph"}), folder.path);
  CHECK(eval.code == 65);
  CHECK(contains(eval.err, "holds a phi but no theta"));
}

TEST_CASE("arrays that are missing, extra or of another shape are named, and nothing is written") {
  struct Row {
    const char* change;
    std::vector<std::string> says;
  };
  const Row rows[] = {
      {"del d['error_prop/w'], d['forward/merge/b']", {"missing: error_prop/w, forward/merge/b"}},
      {"d['extra'] = d['W'] = d['error_prop/b']", {"not a tensor of the rule: W, extra"}},
      {"d['error_prop/w'] = d['error_prop/w'].T",
       {"of another shape: error_prop/w has the shape (3, 4), not (4, 3)"}},
      {"del d['error_prop/w']; d['x'] = d['error_prop/b']; d['bias_readout/b'] = np.zeros(2)",
       {"missing: error_prop/w", "not a tensor of the rule: x", "bias_readout/b has the shape (2)"}},
      {"d['backward/merge/w'] = d['forward/merge/w']", {"missing: backward/readout"}},
      {"d['config/batch'] = np.array(1)", {"batch = '1' is out of range"}},
      {"d['config/rule'] = np.array(b'mets')", {"rule = 'mets'"}},
      {"d['config/activation'] = np.array(b'rely')", {"activation = 'rely'"}},
      {"d['error_prop/b'][1] = np.nan", {"array 'error_prop/b'", "number 1"}},
      {"d['error_prop/b'] = d['error_prop/b'].astype('f2')", {"array 'error_prop/b'", "type '<f2'"}},
      {"d['W/2'] = np.zeros((3, 2))", {"no two-dimensional array 'W/1'"}},
      {"d['W/1'] = np.zeros((3, 2)); d['b/1'] = np.zeros(3)",
       {"missing: V/1", "b/1 has the shape (3), not (2)"}},
  };
  Folder folder;
  make_theta(folder);
  for (const Row& row : rows) {
    CAPTURE(row.change);
    REQUIRE(python(folder, std::string("d = dict(np.load('theta.npz'))\n") + row.change +
                               "\nnp.savez('changed.npz', **d)")
                .code == 0);
    const Result result = import(folder);
    CHECK(result.code == 65);
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    CHECK(contains(result.err, "changed.npz"));
    for (const auto& part : row.says) CHECK_MESSAGE(contains(result.err, part), result.err);
    CHECK_FALSE(fs::exists(folder / "imported.h5"));
  }
}

TEST_CASE("the inner rate keeps all its digits, and how inputs were made comes along") {
  Folder folder;
  make_theta(folder);
  REQUIRE(python(folder,
                 "d = dict(np.load('theta.npz')); d['config/inner_rate'] = np.array(0.00123456789012345); "
                 "d['config/resolution'] = np.array(7); d['config/colour'] = np.array(1);"
                 "np.savez('changed.npz', **d)")
              .code == 0);
  CHECK(contains(import(folder).out, "inner rate 0.00123456789012345,"));
  const Result inspected = run(program({"inspect", "imported.h5"}), folder.path);
  for (const char* key : {"resolution", "colour"}) CHECK(contains(inspected.out, key));
  REQUIRE(run(program({"export", "imported.h5", "--out", "again.npz"}), folder.path).code == 0);
  CHECK(python(folder,
               "a = np.load('again.npz'); print(a['config/resolution'], a['config/colour'], "
               "a['config/inner_rate'])")
            .out == "7 1 0.00123456789012345\n");
}

TEST_CASE("an archive whose entries lie over each other is refused before it is unpacked") {
  Folder folder;
  make_theta(folder);
  // Every entry of the directory names the same packed bytes.
  const Result made = python(folder, R"(
import io, struct, zlib
name, plain = b'a00.npy', bytes(10**7)
z = zlib.compressobj(9, zlib.DEFLATED, -15); packed = z.compress(plain) + z.flush()
sizes = struct.pack('<III', zlib.crc32(plain), len(packed), len(plain))
local = b'PK\3\4' + struct.pack('<HHHHH', 20, 0, 8, 0, 33) + sizes + struct.pack('<HH', len(name), 0)
local += name + packed
n, directory = 60, b''
for i in range(n):
    directory += b'PK\1\2' + struct.pack('<HHHHHH', 20, 20, 0, 8, 0, 33) + sizes
    directory += struct.pack('<HHHHHII', len(name), 0, 0, 0, 0, 0, 0) + b'a%02d.npy' % i
end = b'PK\5\6' + struct.pack('<HHHHIIH', 0, 0, n, n, len(directory), len(local), 0)
open('changed.npz', 'wb').write(local + directory + end)
)");
  CAPTURE(made.err);
  REQUIRE(made.code == 0);
  const Result result = import(folder);
  CHECK(result.code == 65);
  CHECK_MESSAGE(contains(result.err, "its entries claim more bytes than it has"), result.err);
}

TEST_CASE("a damaged archive is refused") {
  Folder folder;
  make_theta(folder);
  const std::string whole = slurp(folder / "theta.npz");
  REQUIRE(python(folder, "np.savez_compressed('packed.npz', **dict(np.load('theta.npz')))").code == 0);
  const std::string packed = slurp(folder / "packed.npz");
  for (const std::string* file : {&whole, &packed}) {
    for (const std::string& bad : {std::string(), std::string("no zip"), file->substr(0, file->size() / 2),
                                   file->substr(0, file->size() - 5)}) {
      spill(folder / "changed.npz", bad);
      const Result result = import(folder);
      CHECK(result.code == 65);
      CHECK(contains(result.err, "changed.npz"));
    }
    for (std::size_t at = 200; at < file->size(); at += file->size() / 40) {
      std::string bad = *file;
      bad[at] ^= 16;
      spill(folder / "changed.npz", bad);
      const Result result = import(folder);
      CHECK((result.code == 65 || result.code == 0));  // 0: within times, or blanks of a header
      if (result.code == 0) fs::remove(folder / "imported.h5");
    }
  }
  const Result same = run(program({"export", "run", "--out", "run/manifest.json/x"}), folder.path);
  CHECK(same.code == 74);
  CHECK(run(program({"import", "theta.npz", "--out", "theta.npz"}), folder.path).code == 64);
  CHECK(run(program({"export", "run"}), folder.path).code == 64);
  CHECK(run(program({"import", "none.npz", "--out", "x.h5"}), folder.path).code == 66);
}

TEST_CASE(
    "the mean over a run's snapshots is that of their thetas, says of which, and holds no folder's name") {
  Folder folder;
  IdxImages().write(folder / "idx");
  REQUIRE(run(tiny_training("run", "mine=idx", {"--keep-every", "2", "--eval-data", "held=idx"}), folder.path)
              .code == 0);
  for (const char* update : {"2", "4", "6"})
    REQUIRE(run(program({"export", "run/snapshot-0000000" + std::string(update) + ".h5", "--out",
                         "theta" + std::string(update) + ".npz"}),
                folder.path)
                .code == 0);
  REQUIRE(run(program({"export", "run", "--mean-from", "1", "--out", "mean.npz"}), folder.path).code == 0);
  const Result same = python(folder, R"(
a, b, c, m = (np.load('theta2.npz'), np.load('theta4.npz'), np.load('theta6.npz'), np.load('mean.npz'))
for n in m.files:
    if not n.startswith('config/'):
        assert np.array_equal(m[n], ((a[n].astype('f8') + b[n] + c[n]) / 3).astype('f4')), n
assert not np.array_equal(a['top_delta/conv0/w'], m['top_delta/conv0/w'])
)");
  CAPTURE(same.err);
  CHECK(same.code == 0);
  REQUIRE(run(program({"export", "run", "--mean-from", "4", "--out", "mean.h5"}), folder.path).code == 0);
  const Result inspected = run(program({"inspect", "mean.h5"}), folder.path);
  CHECK(contains(inspected.out, "mean of the moving averages of updates 4, 6"));
  CHECK(!contains(inspected.out, folder.path.string()));
  CHECK(!contains(inspected.out, "  mark "));  // the best single snapshot's evaluation step is not the mean's
  REQUIRE(
      run(program({"export", "run", "--mean-from", "4", "--mark", "3", "--out", "marked.h5"}), folder.path)
          .code == 0);
  const Result marked = run(program({"eval", "--theta", "marked.h5", "--data", "mine=idx", "--steps", "0",
                                     "--seeds", "1", "--layers", "8"}),
                            folder.path);
  CHECK(contains(marked.out, "evaluation step stored with theta: 3 inner steps"));
  const auto refused = [&](const std::vector<std::string>& words, const char* says) {
    const Result result = run(program(words), folder.path);
    CAPTURE(result.err);
    CHECK(result.code == 64);
    CHECK(contains(result.err, says));
  };
  refused({"export", "run", "--mean-from", "6", "--out", "x.h5"},
          "run holds 1 kept snapshots from this update on");
  refused({"export", "run", "--mark", "3", "--out", "x.h5"}, "--mark has no effect without --mean-from");
  refused({"export", "run", "--out", "x.txt"}, "--out x.txt: unknown ending; name a file that ends in");
  refused({"export", "run", "--mean-from", "2", "--raw", "--out", "x.h5"},
          "--raw has no effect with --mean-from");
  refused({"export", "mean.h5", "--mean-from", "2", "--out", "x.h5"}, "is not a run directory");
  refused({"eval", "--theta", "mean.h5", "--raw", "--data", "mine=idx"}, "--raw has no effect on mean.h5");
}
