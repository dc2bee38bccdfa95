"""The project's own files, for tests that look at them, change a copy of them, or have make work on one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def list_files(*patterns: str) -> list[Path]:
    """Files of the project that git has or would take, relative to its root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [
        path for name in sorted(set(listed.split("\0")) - {""}) if (ROOT / (path := Path(name))).is_file()
    ]


def copy_project(folder: Path) -> Path:
    """Copy the files of the project into a folder that git looks after."""
    for path in list_files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, folder / path)
    run_git(folder, "init", "--quiet")
    run_git(folder, "add", "--all")
    return folder


def run_git(folder: Path, *words: str) -> None:
    """Let git work in a folder, with no settings but its own."""
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *words], cwd=folder, env=environment, check=True, capture_output=True)


def run_make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What a target of the Makefile says in a copy of the project, with the tools that these tests have."""
    environment = Path(sys.prefix)
    marks = [word for name in (".runtime", ".dev") for word in ("--old-file", str(environment / name))]
    return subprocess.run(
        ["make", "--no-print-directory", *marks, f"VENV={environment}", *words],
        cwd=folder,
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
