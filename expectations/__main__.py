"""`python -m expectations write`: regenerates the suites from the schema."""

from __future__ import annotations

import sys

from expectations.suites import write_suites


def main(arguments: list[str]) -> int:
    """Exit status 0 when the suites were written, 2 when the command is not known."""
    if arguments != ["write"]:
        print("usage: python -m expectations write", file=sys.stderr)
        return 2
    for path in write_suites():
        print(path.name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
