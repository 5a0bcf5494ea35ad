"""Lines of at most 110 columns in sources, scripts and prose, and sources as clang-format writes them.

usage: check_lines.py ROOT [--fix]

In Markdown, tables, links and blocks of code may be longer; in JSON and in data (tests/snapshots/*.txt, what
programs printed) everything.
With --fix, clang-format-14 rewrites the sources. Prints what breaks a rule, one line each, then
"N passed, N failed"; exit status 1 if anything failed.
"""
import pathlib
import shutil
import subprocess
import sys

MOST_COLUMNS = 110
SOURCES = (".cpp", ".hpp")
SCRIPTS = (".py", ".sh", ".txt", ".cmake")
DATA = ("tests/snapshots",)
FOLDERS = (".ci", "autodiff", "metalearn", "tools", "checkpoints", "tests", "bench")
FORMATTER = "clang-format-14"


def is_script(path):
    """Scripts without an ending begin with #!."""
    if path.suffix:
        return path.suffix in SCRIPTS
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def long_lines(path):
    fenced = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if path.suffix == ".md":
            if line.startswith("```"):
                fenced = not fenced
            if fenced or line.startswith(("|", "    ")) or "](" in line or "://" in line:
                continue
        if len(line) > MOST_COLUMNS:
            yield number, len(line)


def unformatted(paths, fix):
    """The names of files that clang-format would change; with `fix` it changes them."""
    formatter = shutil.which(FORMATTER)
    if formatter is None:
        sys.exit(f"check_lines: {FORMATTER} is missing; tools/setup installs it")
    how = ["-i"] if fix else ["--dry-run", "--ferror-limit=1"]
    said = subprocess.run([formatter, *how, *map(str, paths)], capture_output=True, text=True,
                          check=True).stderr
    return sorted({line.split(":")[0] for line in said.splitlines() if "-Wclang-format-violations" in line})


def main(root, fix):
    inside = [p for folder in FOLDERS for p in sorted((root / folder).rglob("*")) if p.is_file()]
    beside = [p for p in sorted(root.iterdir()) if p.is_file() and p.suffix in (".md", ".txt")]
    inside = [p for p in inside if p.parent.relative_to(root).as_posix() not in DATA]
    sources = [p for p in inside if p.suffix in SOURCES]
    others = [p for p in beside + inside if p.suffix == ".md" or (p.suffix not in SOURCES and is_script(p))]
    if not sources:
        sys.exit(f"check_lines: no source file below {root}")
    failures = [f"{name}: not as {FORMATTER} writes it; tests/house/check_lines.py . --fix"
                for name in unformatted(sources, fix)]
    for path in sources + others:
        failures += [f"{path.relative_to(root)}:{number}: {columns} columns (at most {MOST_COLUMNS})"
                     for number, columns in long_lines(path)]
    for failure in failures:
        print(failure)
    print(f"{len(sources) + len(others)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), "--fix" in sys.argv[2:]))
