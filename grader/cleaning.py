"""What IPython accepts and Python does not is blanked out of a cell, line for line.

The text returned has the same lines with the same numbers, so that every place found in it is a place
in the learner's notebook. All patterns are linear: possessive quantifiers, no nested repetition.
"""

from __future__ import annotations

import keyword
import re

from grader.syntax import parse

BLANK = "__blank__"  # what a `?` outside strings and comments becomes

TOKEN = re.compile(
    r"""
    (?P<space>[ \t\f]++|\\\n)
  | (?P<newline>\n)
  | (?P<comment>\#[^\n]*+)
  | (?P<string>\"{3}(?:[^"\\]++|\\[\s\S]|"(?!""))*+(?:\"{3}|\\?\Z)
             | '{3}(?:[^'\\]++|\\[\s\S]|'(?!''))*+(?:'{3}|\\?\Z)
             | "(?:[^"\\\n]++|\\[\s\S])*+"?
             | '(?:[^'\\\n]++|\\[\s\S])*+'?)
  | (?P<word>\w++)
  | (?P<open>[(\[{])
  | (?P<close>[)\]}])
  | (?P<blank>\?++)
  | (?P<other>[^ \t\f\n\#"'\w()\[\]{}?\\]++|\\)
    """,
    re.VERBOSE,
)
# A statement keyword at the start of a line never stands inside brackets: a bracket was left open.
STATEMENT = re.compile(r"[ \t]*+(?:def|class|import|return|with|while|try|async[ \t]+def)\b")
OPERAND = re.compile(r"""[ \t]*+(?:(?!(?:if|else|for|in|is|and|or|not|as|import|async|await)\b)\w|["'?])""")

CELL_MAGIC = re.compile(r"[ \t]*+%%([\w!]++)")
LINE_MAGIC = re.compile(r"[ \t]*+%{1,2}[A-Za-z_]")
SHELL = re.compile(r"[ \t]*+!")
ASSIGNED = re.compile(r"([^=!%\n\"'#()]++=[ \t]*+)(?:!(?!=)|%([A-Za-z_]\w*+))")
TIMED = re.compile(r"([ \t]*+)%{1,2}time[ \t]+(?=\S)")
HELP = re.compile(
    r"""[ \t]*+(?:\?{1,2}+[ \t]*+[%\w.*]++|%{0,2}+([\w.*]++)(?:\[[\w.\"' ]*+\])?+[\w.]*+\?{1,2}+)[ \t;]*+$"""
)
AUTOMAGIC = re.compile(
    r"(?:pip3?|conda|mamba|apt|apt-get|brew|git|wget|curl|unzip|tar|ls|cd|cp|mv|rm|mkdir|rmdir|cat|echo"
    r"|matplotlib|load_ext|tensorflow_version|autoreload|kaggle|gdown|python3?)[ \t]++[\w./~$'\"-]"
)
# Cell magics whose body is not Python, or is not run in the notebook.
FOREIGN = frozenset({
    "bash", "sh", "script", "cmd", "system", "sx", "shell", "!", "html", "HTML", "javascript", "js", "latex",
    "markdown", "svg", "writefile", "file", "writetemplate", "perl", "ruby", "R", "sql", "bigquery",
    "cython", "cuda", "cu", "julia", "python2", "pypy", "skip",
})  # fmt: skip


def clean(source: str) -> str:
    """Return the cell as Python where it can be made so; `?` blanks become the name BLANK."""
    text = _dedent(_normalise(source))
    text, foreign = _drop_cell_magics(text)
    if foreign:
        return "\n" * text.count("\n")
    parts: list[str] = []
    at = 0
    while at < len(text):
        stop = _line_end(text, at)
        line = text[at:stop]
        rewritten = _rewrite(line.rstrip("\n"))
        if rewritten is None:
            stop = logical_end(text, at)
            part = text[at:stop]
            parts.append(_fill_blanks(part) if "?" in part else part)
        else:
            while text[at:stop].endswith("\\\n") and stop < len(text):  # a command over several lines
                at, stop = stop, _line_end(text, stop)
                rewritten += "\n"
            parts.append(rewritten + ("\n" if text[at:stop].endswith("\n") else ""))
        at = stop
    return "".join(parts)


def logical_end(text: str, at: int) -> int:
    """Offset after the logical line that starts at `at`: brackets, strings and `\\` span lines."""
    depth = 0
    for token in TOKEN.finditer(text, at):
        kind = token.lastgroup
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(0, depth - 1)
        elif kind == "newline" and (depth == 0 or STATEMENT.match(text, token.end())):
            return token.end()
    return len(text)


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _normalise(source: str) -> str:
    text = source.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", " ").removeprefix("\ufeff")
    text = re.sub(r"^\f++", "", text, flags=re.MULTILINE)  # a page break; Python ignores it
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _dedent(text: str) -> str:
    """Drop the indentation of a cell that is indented as a whole, as IPython does."""
    lines = text.split("\n")
    code = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    indent = code[0][: len(code[0]) - len(code[0].lstrip(" \t"))] if code else ""
    if not indent or not all(line.startswith(indent) for line in code):
        return text
    return "\n".join(line.removeprefix(indent) for line in lines)


def _drop_cell_magics(text: str) -> tuple[str, bool]:
    """Blank the `%%` lines at the top of a cell; say whether what follows is not Python."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        magic = CELL_MAGIC.match(line)
        if magic is None:
            if line.strip() and not line.lstrip().startswith("#"):
                break
            continue
        if magic.group(1) in FOREIGN:
            return text, True
        lines[index] = ""
    return "\n".join(lines), False


def _rewrite(line: str) -> str | None:
    """What stands instead of a line that IPython understands and Python does not; None: keep it."""
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    if timed := TIMED.match(line):
        rest = timed.group(1) + line[timed.end() :]
        return rest if LINE_MAGIC.match(rest) is None and SHELL.match(rest) is None else indent + "pass"
    if LINE_MAGIC.match(line) or SHELL.match(line) or _is_help(line):
        return indent + "pass"
    if assigned := ASSIGNED.match(line):
        if assigned.group(2) == "time":
            return assigned.group(1) + line[assigned.end() :].lstrip()
        return indent + "pass"
    if AUTOMAGIC.match(line) and not _parses(line):
        return "pass"
    return None


def _is_help(line: str) -> bool:
    """`tf.norm?`, `??f`; but `return?` and a lone `?` are blanks to fill."""
    found = HELP.match(line)
    return found is not None and not keyword.iskeyword(found.group(1) or "")


def _parses(line: str) -> bool:
    try:
        parse(line[:500])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _fill_blanks(text: str) -> str:
    """Put the name BLANK for every `?`, with commas where it stands beside a value: `loss ?`."""
    parts: list[str] = []
    after_value = False
    for token in TOKEN.finditer(text):
        kind, part = token.lastgroup, token.group()
        if kind == "blank":
            before_value = OPERAND.match(text, token.end()) is not None
            part = (", " if after_value else "") + BLANK + (", " if before_value else "")
            after_value = not before_value
        elif kind == "word":
            after_value = not keyword.iskeyword(part) or part in ("None", "True", "False")
        elif kind not in ("space", "comment"):
            after_value = kind in ("string", "close")
        parts.append(part)
    return "".join(parts)
