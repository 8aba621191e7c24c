"""Every Python block of the README and the guide runs, page by page, as a reader would run it.

A page is one program with ``await`` at its top level, as in ``python -m asyncio``, started in an
empty folder. docs/testing.md is a test module instead, under the settings of its TOML block.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTING = ROOT / "docs" / "testing.md"
PROGRAMS = sorted({ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")} - {TESTING})

RUN = """
import ast, asyncio, sys

page, source = sys.argv[1], sys.stdin.read()
program = eval(compile(source, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
if program is not None:
    asyncio.run(program)
"""


@pytest.mark.parametrize("page", PROGRAMS, ids=lambda page: page.stem)
def test_a_pages_blocks_run_in_order(page: Path, tmp_path: Path) -> None:
    source = blocks(page, "python")
    answer = python("-W", "error", "-c", RUN, str(page), cwd=tmp_path, source=source)
    assert answer.returncode == 0, answer.stderr


def test_the_testing_pages_blocks_pass_as_tests(tmp_path: Path) -> None:
    (tmp_path / "test_page.py").write_text(blocks(TESTING, "python"))
    (tmp_path / "pyproject.toml").write_text(blocks(TESTING, "toml"))
    answer = python(
        "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "-p", "no:asyncio", cwd=tmp_path
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert " passed" in answer.stdout


def blocks(page: Path, language: str) -> str:
    """Blank out all but the page's blocks of a language, so that line numbers stay the page's."""
    inside = False
    lines: list[str] = []
    for line in page.read_text().splitlines():
        fence = re.match(r"```(\w*)", line)
        lines.append(line if inside and not fence else "")
        if fence:
            inside = not inside and fence.group(1) == language
    return "\n".join(lines) + "\n"


def python(*arguments: str, cwd: Path, source: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=cwd, input=source, capture_output=True, text=True, check=False
    )
