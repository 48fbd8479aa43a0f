"""The version of the software; protocol and schema have numbers of their own."""

from typing import Final

SOFTWARE: Final = "0.1.0"
