"""The project's documents in Markdown: their headings, links, code and options."""

import re
import urllib.parse
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Set

ROOT = Path(__file__).resolve().parents[2]
# Folders that are not the project's text.
LEFT_OUT = {"build", ".git", "shared", "runs"}

_FENCE = re.compile(r"^\s*(```|~~~)")
_INLINE_CODE = re.compile(r"(`+)(.+?)\1")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\]\([^)]*\))*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z0-9]*(?:-[a-z0-9]+)*)(-…)?")


class Line(NamedTuple):
    """A line of a document; `fence` is the language of the code block that it is in, None outside of one."""

    number: int
    text: str
    fence: object


class Option(NamedTuple):
    """An option that a line names; with `is_prefix` only the beginning of its name."""

    name: str
    is_prefix: bool


def documents(root: Path = ROOT) -> List[Path]:
    """The Markdown files of the project, and the README of bundles."""
    found = [path for pattern in ("*.md", "README.txt") for path in root.rglob(pattern)
             if not LEFT_OUT & set(path.relative_to(root).parts[:-1])]
    return sorted(found)


def lines(path: Path) -> Iterator[Line]:
    """The lines of a document but for fences."""
    fence = None
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if _FENCE.match(text):
            fence = text.strip().lstrip("`~") if fence is None else None
            continue
        yield Line(number, text, fence)


def is_code(line: Line) -> bool:
    """Whether the line is part of a code block, fenced or indented."""
    return line.fence is not None or line.text.startswith("    ")


def links(path: Path) -> Iterator[tuple]:
    """Number of line and target of every link."""
    for line in lines(path):
        if not is_code(line):
            for match in _LINK.finditer(_INLINE_CODE.sub("code", line.text)):
                yield line.number, match.group(1)


def anchors(path: Path) -> Set[str]:
    """What links may name after '#', as GitHub makes it of headings."""
    seen: Dict[str, int] = {}
    found = set()
    for line in lines(path):
        heading = None if is_code(line) else _HEADING.match(line.text)
        if heading:
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(2)).replace("`", "")
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if slug in seen else slug)
            seen[slug] = seen.get(slug, 0) + 1
    return found


def broken_links(root: Path = ROOT) -> List[str]:
    """A line for every relative link whose file or heading is not there."""
    broken = []
    for path in documents(root):
        for number, target in links(path):
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            file, _, anchor = target.partition("#")
            where = (path.parent / urllib.parse.unquote(file)).resolve() if file else path
            place = f"{path.relative_to(root)}:{number}: {target}"
            if not where.exists():
                broken.append(f"{place}: no such file")
            elif anchor and (where.suffix != ".md" or urllib.parse.unquote(anchor) not in anchors(where)):
                broken.append(f"{place}: no such heading")
    return broken


def options(text: str) -> List[Option]:
    """The options that a text names."""
    return [Option(match.group(1), match.group(2) is not None) for match in _OPTION.finditer(text)]


def inline_code(path: Path) -> Iterator[tuple]:
    """Number of line and text of everything between backticks."""
    for line in lines(path):
        if not is_code(line):
            for match in _INLINE_CODE.finditer(line.text):
                yield line.number, match.group(2)


def commands(path: Path, language: str = "sh") -> List[str]:
    """The commands of the code blocks of a language, one a line; a line may go on behind a backslash."""
    found, so_far = [], ""
    for line in lines(path):
        if line.fence == language:
            so_far += line.text.rstrip("\\").strip() + " "
            if not line.text.endswith("\\"):
                found.append(so_far.strip())
                so_far = ""
    return [command for command in found if command]
