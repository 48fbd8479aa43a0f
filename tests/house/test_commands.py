"""Every command and option that a document shows exists."""

import re
from pathlib import Path

import typer

from node.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
TEXTS = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])
SHOWN = re.compile(
    r"(?:^|(?<=bin/)|(?<=`))staffelstab((?: [a-z]+(?:-[a-z]+)*)+)([^`\n;]*)",
    re.MULTILINE,
)


def commands(command, path=()):
    """Every command with its options, by its words."""
    inner = getattr(command, "commands", None)
    if inner is None:
        options = {name for param in command.params for name in param.opts}
        return {path: options | {"--help"}}
    found = {path: {"--help"}}
    for name, sub in inner.items():
        found |= commands(sub, (*path, name))
    return found


KNOWN = commands(typer.main.get_command(app))


def shown():
    """What the documents show: where, the words of the command, its options."""
    for path in TEXTS:
        text = path.read_text("utf-8").replace("\\\n", " ")
        code = re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL)
        for part in code:
            for match in SHOWN.finditer(part):
                words = tuple(match[1].split())
                while words and words not in KNOWN:
                    words = words[:-1]
                first = match[1].split()[0]
                yield (
                    path.name,
                    words or (first,),
                    set(re.findall(r"--[a-z-]+", match[2])),
                )


def test_the_documents_show_commands():
    assert len({words for _, words, _ in shown()}) > 6


def test_every_shown_command_exists():
    unknown = [(path, words) for path, words, _ in shown() if words not in KNOWN]
    assert unknown == []


def test_every_shown_option_exists():
    unknown = [
        (path, words, options - KNOWN[words])
        for path, words, options in shown()
        if words in KNOWN and options - KNOWN[words]
    ]
    assert unknown == []
