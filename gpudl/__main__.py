"""Run `python -m gpudl`: what is installed, and what runs where; `run script.py` and `migrate script.py` for scripts written for Keras."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .show import show_config


def parser() -> argparse.ArgumentParser:
    """The commands and their arguments."""
    made = argparse.ArgumentParser("python -m gpudl", description="Without a command: say what is installed, and what runs where.")
    commands = made.add_subparsers(dest="command", metavar="command")
    run = commands.add_parser("run", help="run a script that imports keras or tensorflow.keras on gpudl, as it is")
    run.add_argument("script")
    run.add_argument("arguments", nargs=argparse.REMAINDER, help="what the script finds in sys.argv")
    migrate = commands.add_parser("migrate", help="print what to change in a script so that it imports gpudl, as a diff")
    migrate.add_argument("script")
    migrate.add_argument("--write", action="store_true", help="change the file")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    chosen = parser().parse_args(arguments)
    if chosen.command == "run":
        from .compat.run import run

        return run(chosen.script, chosen.arguments)
    if chosen.command == "migrate":
        from .compat.migrate import migrate

        return migrate(chosen.script, chosen.write)
    show_config()
    return 0


if __name__ == "__main__":
    sys.exit(main())
