"""Run `python -m gpudl`: what is installed, and what runs where."""

from __future__ import annotations

from .show import show_config

if __name__ == "__main__":
    show_config()
