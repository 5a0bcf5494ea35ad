"""The structure of the tree: who may include whom, how many files a room holds, how long a file may be.

usage: check_rooms.py ROOT

A file includes only from its own room and from rooms that stand before it in rooms.txt, so that there is no
cycle. Prints what breaks a rule, one line each, then "N passed, N failed"; exit status 1 if anything failed.
"""
import pathlib
import re
import sys

MOST_FILES = 40    # in a room
MOST_LINES = 400   # in a source file, unless its first comment says why ("Long because ...")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def main(root):
    lines = (pathlib.Path(__file__).parent / "rooms.txt").read_text().splitlines()
    rooms = [line for line in lines if line and not line.startswith("#")]
    rank = {room: i for i, room in enumerate(rooms)}
    files = sorted(p for layer in {room.split("/")[0] for room in rooms}
                   for p in (root / layer).rglob("*.[ch]pp"))
    if not files:
        sys.exit(f"check_rooms: no source file below {root}")
    failures, seen = [], {}
    for path in files:
        name = path.relative_to(root).as_posix()
        room = name.rpartition("/")[0]
        seen[room] = seen.get(room, 0) + 1
        if room not in rank:
            failures.append(f"{name}: the room {room} is not in tests/house/rooms.txt")
            continue
        text = path.read_text()
        for include in INCLUDE.findall(text):
            other = include.rpartition("/")[0]
            if not (root / include).exists():
                failures.append(f"{name}: includes {include}, which is not a path from the top folder")
            elif rank.get(other, len(rank)) > rank[room]:
                failures.append(f"{name}: includes {include}, but {other} stands after {room} in rooms.txt")
        count = text.count("\n")
        if count > MOST_LINES and "Long because" not in text[:2000]:
            failures.append(f"{name}: {count} lines "
                            f"(at most {MOST_LINES}, or a first comment with 'Long because ...')")
    for room, count in seen.items():
        if count > MOST_FILES:
            failures.append(f"{room}: {count} files (at most {MOST_FILES} in a room)")
    for room in rooms:
        if room not in seen:
            failures.append(f"{room}: in rooms.txt, but holds no source file")
    for failure in failures:
        print(failure)
    checks = len(files) + len(rooms)
    print(f"{checks - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
