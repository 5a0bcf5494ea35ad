"""The pages: links and names of files that lead somewhere, complete tables of folders, one title each.

usage: check_pages.py ROOT

A link to a file, picture or heading of this tree must exist, and so must a source file that stands in
backticks (by its path from the top or from the page; `.*` stands for any ending). A table whose first column
is headed `folder` (README.md) names all that CMakeLists.txt adds; one headed `room` (the README.md of a
layer) is as rooms.txt. Prints what breaks a rule, one line each, then "N passed, N failed"; exit status 1 if
anything failed.
"""
import pathlib
import re
import sys

LINK = re.compile(r"\]\(([^)\s]+)\)")
SOURCE = re.compile(r"`([\w./]+/[\w.]+\.(?:[ch]pp|py|txt|\*))`")
PLACES = ("build", "runs")                                    # made by the program and its build
SHOULD_BE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "CITATION.cff", "LICENSE",
             "autodiff/README.md", "checkpoints/README.md", "metalearn/README.md", "tools/README.md")


def without_code(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text):
    """The anchors that a heading gets on GitHub."""
    titles = re.findall(r"^#+ +(.*)$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(root, page, text):
    for link in LINK.findall(without_code(text)):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.resolve().is_relative_to(root):
            yield f"{link} leads out of the tree"
        elif not target.exists() or (target.is_file() and target.stat().st_size == 0):
            yield f"{link} leads nowhere"
        elif anchor and anchor not in anchors(target.read_text()):
            yield f"{link}: {target.name} has no such heading"


def missing_sources(root, page, text):
    for name in SOURCE.findall(without_code(text)):
        if not any(list(folder.glob(name)) for folder in (root, page.parent)):
            yield f"`{name}` is no file"


def table(text, head):
    """The first column of the table under such a head, without backticks and slashes; None: no table."""
    found = re.search(rf"^\| {head} \|.*\n\|[-| ]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    return found and [row.split("|")[1].strip().strip("`").rstrip("/") for row in found[1].splitlines()]


def main(root):
    lines = (root / "tests/house/rooms.txt").read_text().splitlines()
    rooms = [line for line in lines if line and not line.startswith("#")]
    layers = list(dict.fromkeys(room.split("/")[0] for room in rooms))
    pages = [p for p in sorted(root.rglob("*.md"))
             if not p.relative_to(root).parts[0].startswith((*PLACES, "."))]
    failures, checks = [], len(SHOULD_BE) + len(layers) + 1
    failures += [f"{name}: missing" for name in SHOULD_BE if not (root / name).exists()]
    for page in pages:
        name, text = page.relative_to(root).as_posix(), page.read_text()
        titles = re.findall(r"^# ", without_code(text), re.MULTILINE)
        if len(titles) != 1:
            failures.append(f"{name}: {len(titles)} titles (one)")
        broken = [*broken_links(root, page, text), *missing_sources(root, page, text)]
        failures += [f"{name}: {what}" for what in broken]
        checks += 1 + len(LINK.findall(without_code(text))) + len(SOURCE.findall(without_code(text)))
    folders = re.findall(r"^add_subdirectory\((\w+)\)", (root / "CMakeLists.txt").read_text(), re.MULTILINE)
    named = table((root / "README.md").read_text(), "folder") or []
    if named[:len(layers)] != layers or sorted(named) != sorted(folders):
        failures.append(f"README.md: its table of folders has {named}, CMakeLists.txt {folders}")
    for layer in layers:
        below = [room[len(layer) + 1:] or "." for room in rooms if room.split("/")[0] == layer]
        named = table((root / layer / "README.md").read_text(), "room")
        if named != (below if len(below) > 1 else None):
            failures.append(f"{layer}/README.md: its table of rooms has {named}, rooms.txt {below}")
    for failure in failures:
        print(failure)
    print(f"{checks - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
