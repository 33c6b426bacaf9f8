"""Draws coloured terminal output as an SVG: `python docs/picture.py TITLE < output > picture.svg`.

The README's picture is made so, from a real plan; a test makes it again and compares.
"""

import re
import sys
from collections.abc import Iterator
from html import escape

COLUMNS = 112
_COLOURS = {"31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "35": "#d2a8ff"}
_STYLE = (
    "text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    "white-space:pre;fill:#e6edf3}.bold{font-weight:bold}"
)
_CODE = re.compile(r"\x1b\[([0-9;]*)m")
_LINE, _TOP, _LEFT, _CHAR = 19, 62, 20, 8.05


def svg(text: str, title: str) -> str:
    """The picture of some output; lines longer than the picture end in an ellipsis."""
    lines = [_cut(line) for line in text.rstrip("\n").split("\n")]
    width = round(2 * _LEFT + COLUMNS * _CHAR)
    height = _TOP + _LINE * len(lines)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{width}" height="{height}" rx="9" fill="#0d1117"/>',
        *(
            f'<circle cx="{20 + 20 * at}" cy="20" r="6" fill="{fill}"/>'
            for at, fill in enumerate(_COLOURS.values())
        ),
        f'<text x="{width // 2}" y="25" text-anchor="middle" fill-opacity="0.6">{escape(title)}</text>',
    ]
    for number, line in enumerate(lines):
        y = _TOP + _LINE * number - 8
        parts.append(f'<text x="{_LEFT}" y="{y}">{"".join(_spans(line))}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _cut(line: str) -> str:
    plain = _CODE.sub("", line)
    return line if len(plain) <= COLUMNS else plain[: COLUMNS - 1] + "…"


def _spans(line: str) -> Iterator[str]:
    style = ""
    for at, part in enumerate(_CODE.split(line)):
        if at % 2:
            style = (
                ' class="bold"'
                if part == "1"
                else f' fill="{_COLOURS[part]}"'
                if part in _COLOURS
                else ""
            )
        elif part:
            yield f"<tspan{style}>{escape(part)}</tspan>"


if __name__ == "__main__":
    sys.stdout.write(svg(sys.stdin.read(), sys.argv[1]))
