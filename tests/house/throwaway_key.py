"""A copy of the configuration with one key more: what adding a plain option takes is one row and one field.

usage: throwaway_key.py ROOT OUT

Writes OUT/metalearn/config/config.hpp with a field more and OUT/metalearn/config/config_keys.cpp with a row
more, which the test throwaway_key compiles in place of the tree's own. Exit status 1 where there is no place
for them.
"""
import pathlib
import re
import sys

FIELD = "  std::int64_t throwaway = 3;\n"
ROW = 'integer("throwaway", FIELD(throwaway), 1, 9, "a key that only this copy has").resumable(),\n'
EDITS = {  # file: (what the addition stands behind, the addition)
    "metalearn/config/config.hpp": (r'struct Config \{\n', FIELD),
    "metalearn/config/config_keys.cpp": (r'"The run",\s*\{\n', ROW),
}


def main(root, out):
    for name, (place, addition) in EDITS.items():
        text = (root / name).read_text()
        places = list(re.finditer(place, text))
        if len(places) != 1:
            sys.exit(f"{name}: {len(places)} places for a new line (1 expected); correct EDITS: {place}")
        end = places[0].end()
        copy = out / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text[:end] + addition + text[end:])


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]))
