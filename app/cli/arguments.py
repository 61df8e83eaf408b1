"""Types of command-line arguments."""

import argparse
import math
from importlib.util import find_spec
from pathlib import Path

_MAX_DIGITS = 9


def positive_integer(text: str) -> int:
    """A whole number from 1 to 999,999,999."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and int(text) > 0):
        raise argparse.ArgumentTypeError("must be a whole number above 0")
    return int(text)


def positive_number(text: str) -> float:
    """A finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError("must be a number above 0")
    return number


def picture_path(text: str) -> Path:
    """Where a plot is written, if there is something to draw it with."""
    if find_spec("matplotlib") is None:
        raise argparse.ArgumentTypeError("plots need matplotlib: pip install 'assay[plotting]'")
    return Path(text)
