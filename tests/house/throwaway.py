"""One new file and one row: adds a throwaway data format and a throwaway command to a scratch copy of the
tree and finds each of them in help, messages and JSON.

usage: throwaway.py ROOT BUILD     (a Ninja build with tools/metalearn in it)

Only the new files and the files with a row are compiled, by the commands of BUILD; all else is linked from
there.
Prints what is not found, one line each, then "N passed, N failed"; exit status 1 if anything failed.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

# Of each: the new file, the file with the table, and what is added there: (the text before, the row).
FORMAT = {
    "file": "metalearn/data/formats/throwaway.cpp",
    "like": "metalearn/data/formats/csv.cpp",  # whose compile command it is given
    "text": '''// Throwaway: throwaway.txt in a folder; what it says does not matter.
#include "metalearn/data/formats/data_format.hpp"

namespace metalearn {

extern const DataFormat kThrowaway{
    .name = "throwaway",
    .holds = "throwaway.txt",
    .layout = "throwaway.txt, which is four examples",
    .data_sets = {"throwaway-set"},
    .read = [](const std::string& name, const std::filesystem::path& path,
               const LoadOptions&) -> std::optional<Dataset> {
      if (!std::filesystem::exists(path / "throwaway.txt")) return {};
      Dataset data;
      data.name = name, data.source = path.string(), data.kind = "a throwaway file";
      data.class_names = {"a", "b"};
      for (ImageSet* set : {&data.train, &data.test, &data.validation})
        *set = {.height = 1, .width = 1, .pixels = {1, 2, 3, 4}, .labels = {0, 1, 0, 1}};
      return data;
    }};

}  // namespace metalearn
''',
    "table": "metalearn/data/sources/load_dataset.cpp",
    "rows": [("extern const DataFormat ", "kThrowaway, "), ("kFormats[] = {", "&kThrowaway, ")],
}
COMMAND = {
    "file": "tools/commands/throwaway.cpp",
    "like": "tools/commands/vectors.cpp",
    "text": '''// throwaway: a command that says so.
#include "tools/cli/json.hpp"
#include "tools/commands/commands.hpp"

namespace tools {
namespace {

Usage make_usage() {
  return {"metalearn throwaway [--json]", "Says that it is a throwaway.", {{"json", "", "print JSON"}}};
}

int run(const Words& words) {
  if (parse(make_usage(), words)) print_json({{"throwaway", true}});
  return 0;
}

}  // namespace

extern const Command kThrowaway{"throwaway", "a command of a test", make_usage, run};

}  // namespace tools
''',
    "table": "tools/commands/commands.cpp",
    "rows": [("extern const Command ", "kThrowaway, "), ("kCommands[] = {", "&kThrowaway, ")],
}


def copy_tree(root, scratch):
    """The headers, and the files that are compiled."""
    for path in root.rglob("*.hpp"):
        name = path.relative_to(root)
        if name.parts[0] in ("autodiff", "checkpoints", "metalearn", "tools"):
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, scratch / name)
    for kind in (FORMAT, COMMAND):
        (scratch / kind["file"]).write_text(kind["text"])
        text = (root / kind["table"]).read_text()
        for before, row in kind["rows"]:
            if text.count(before) != 1:
                sys.exit(f"throwaway: {kind['table']} has {text.count(before)} places '{before}', 1 expected")
            text = text.replace(before, before + row)
        (scratch / kind["table"]).write_text(text)


def compile_all(root, build, scratch):
    """The object files."""
    entries = {pathlib.Path(e["file"]): e for e in json.loads((build / "compile_commands.json").read_text())}

    def compile_one(job):
        file, like = job
        command = entries[root / like]["command"]
        command = command[:command.index(" -o ")].replace(f"-I{root} ", f"-I{scratch} ")
        target = scratch / (file.replace("/", "_") + ".o")
        done = subprocess.run(f"{command} -o {target} -c {scratch / file}", shell=True, cwd=build,
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"throwaway: {file} does not compile:\n{done.stderr}")
        return str(target)

    jobs = [job for kind in (FORMAT, COMMAND)
            for job in ((kind["file"], kind["like"]), (kind["table"], kind["table"]))]
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(compile_one, jobs))


def link(build, scratch, objects):
    """The program, whose new parts stand before the libraries that have the old ones."""
    commands = subprocess.run(["ninja", "-t", "commands", "tools/metalearn"], cwd=build, capture_output=True,
                              text=True, check=True).stdout.strip().splitlines()
    program = scratch / "tools" / "throwaway"
    command = commands[-1].replace(" -o tools/metalearn ", f" -o {program} {' '.join(objects)} ")
    done = subprocess.run(command, shell=True, cwd=build, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"throwaway: the program can't be linked:\n{done.stderr}")
    return program


def main(root, build):
    failures, passed = [], 0
    with tempfile.TemporaryDirectory(prefix="throwaway-") as folder:
        scratch = pathlib.Path(folder)
        copy_tree(root, scratch)
        program = link(build, scratch, compile_all(root, build, scratch))
        (scratch / "mine").mkdir()
        (scratch / "mine" / "throwaway.txt").write_text("x")
        (scratch / "empty").mkdir()

        def output(which, words):
            done = subprocess.run([which, *words.split()], cwd=scratch, capture_output=True, text=True)
            return done.returncode, done.stdout + done.stderr

        checks = [("--help", 0, "  throwaway  a command of a test\n"),
                  ("throwaway -h", 0, "usage: metalearn throwaway [--json]\n"),
                  ("throwawy", 64, "did you mean 'throwaway'"),
                  ("throwaway --json", 0, '"throwaway": true'),
                  ("data --help", 0, "  throwaway  throwaway.txt, which is four examples\n"),
                  ("data mine=empty", 66, "expected: throwaway.txt, or"),
                  ("data throwaway-set", 64, "throwaway-set=DIR"),
                  ("data mine=mine --json", 0, '"kind": "a throwaway file"')]
        for words, code, text in checks:
            found = output(program, words)
            known = output(build / "tools" / "metalearn", words)[1]
            if found[0] != code or text not in found[1]:
                failures.append(f"metalearn {words}: exit status {found[0]} ({code} expected), and its "
                                f"output should have '{text.strip()}':\n{found[1]}")
            elif text in known:
                failures.append(f"metalearn {words}: '{text.strip()}' is there without the rows too")
            else:
                passed += 1
    for failure in failures:
        print(failure)
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*(pathlib.Path(argument).resolve() for argument in sys.argv[1:])))
