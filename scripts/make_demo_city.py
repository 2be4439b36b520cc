"""Write the demo city's input files: ``make_demo_city.py FOLDER [--nodes N] [--recipe FILE]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from geo.demo.city import make_demo_city
from geo.demo.recipe import load_recipe


def main() -> int:
    """Parse the command line and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--nodes", type=int, default=None)
    parser.add_argument("--recipe", type=Path, default=None)
    options = parser.parse_args()
    files = make_demo_city(
        options.folder,
        recipe=load_recipe(options.recipe),
        nodes=options.nodes,
        progress=lambda phrase, share: print(f"{share:4.0%} {phrase}", file=sys.stderr),
    )
    print(files.manifest)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
