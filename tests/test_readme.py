"""README's first service, copied literally, runs in an empty folder and answers as it is shown."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text()
ADDRESS = "http://127.0.0.1:8000"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The URL at which the file is served by uvicorn, as the README says to."""
    (command,) = [text.strip() for text in blocks("sh") if text.startswith("uvicorn ")]
    assert command == "uvicorn main:app --reload"
    (tmp_path / "main.py").write_text(blocks("python")[0])
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "uvicorn", "main:app", "--port", str(port)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        await_start(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=30)


def await_start(process: subprocess.Popen[str], port: int) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise AssertionError(process.communicate()[0])
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("it does not answer")


def ask(command: str, url: str) -> str:
    """Do what a curl command does; return the body."""
    words = shlex.split(command.replace(ADDRESS, url))
    method, headers, body, address = "GET", dict[str, str](), None, ""
    rest = iter(words[1:])
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(rest).encode()
        else:
            address = word
    request = Request(address, body, headers, method=method)
    try:
        with urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())
    except HTTPError as error:
        return error.read().decode()


def test_the_first_service_runs_and_answers_as_shown(served: str) -> None:
    (shown,) = blocks("console")
    lines = shown.splitlines()
    commands, answers = lines[::2], lines[1::2]
    assert len(commands) == len(answers) == 4
    for command, answer in zip(commands, answers, strict=True):
        assert command.startswith("$ curl ")
        assert ask(command.removeprefix("$ "), served) == answer
    assert f"<{ADDRESS}/docs>" in README
    with urlopen(f"{served}/docs", timeout=30) as page:
        assert page.status == 200
    with urlopen(f"{served}/openapi.json", timeout=30) as document:
        assert set(json.load(document)["paths"]) == {"/heroes", "/heroes/{id}"}
