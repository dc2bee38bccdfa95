"""`make workflows` refuses workflows that are wrong or unsafe, and `make secrets` finds a secret."""

import shutil
from pathlib import Path

import pytest

from instacart_assets_tests.project_tree import ROOT, run_git, run_make

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The workflows, the commands of CI and the Makefile, in a repository of their own."""
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    shutil.copyfile(ROOT / "Makefile", tmp_path / "Makefile")
    run_git(tmp_path, "init", "--quiet")
    return tmp_path


def test_the_workflows_are_clean(repository: Path) -> None:
    done = run_make(repository, "workflows")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "good", "bad", "told"),
    [
        ("workflows/ci.yml", "    timeout-minutes: 15\n", "", "missing-timeout"),
        ("workflows/ci.yml", "  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
        ("workflows/ci.yml", "  push:\n    branches:", "  push:\n    branch:", "is not valid under"),
        ("workflows/ci.yml", "needs: [lint, tests,", "needs: [lint, test,", "job-needs"),
        ("workflows/ci.yml", "\n        with:\n          persist-credentials: false\n", "\n", "artipacked"),
        ("workflows/ci.yml", "${{ matrix.python }}", "${{ matrix.pythons }}", "undefined-property"),
        ("workflows/ci.yml", "permissions: {}\n\n", "permissions: write-all\n\n", "excessive-permissions"),
        ("workflows/ci.yml", f"uses: {CHECKOUT}", "uses: actions/checkout@v7", "unpinned-uses"),
        ("workflows/ci.yml", "run: make docs", "run: make ${{ github.head_ref }}", "template-injection"),
        ("workflows/deploy.yml", "environment: staging", "enviroment: staging", "enviroment"),
        ("workflows/deploy.yml", "needs.find.outputs.run", "needs.find.outputs.ran", "undefined-property"),
        ("actions/setup/action.yml", "using: composite", "using: composition", "is not valid under"),
        ("dependabot.yml", "package-ecosystem: docker\n", "package-ecosystem: dockers\n", "dockers"),
        ("dependabot.yml", "default-days: 7", "default-days: 0", "cooldown"),
    ],
)
def test_a_workflow_that_is_wrong_or_unsafe_is_refused(
    repository: Path, file: str, good: str, bad: str, told: str
) -> None:
    path = repository / ".github" / file
    text = path.read_text("utf-8")
    assert good in text
    path.write_text(text.replace(good, bad, 1), "utf-8")
    done = run_make(repository, "workflows")
    assert done.returncode != 0
    assert told in done.stdout + done.stderr


SECRETS = {
    "of a cloud": "AKIA" + "Z7Q4M2N8X1C5V9B3",
    "of a workspace": "dapi" + "0123456789abcdef" * 2,
    "in a setting": 'password = "' + "correct-horse-battery" + '"',
    "as a key": "-----BEGIN RSA " + "PRIVATE KEY-----",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_is_found(repository: Path, secret: str) -> None:
    assert run_make(repository, "secrets").returncode == 0
    (repository / "settings.toml").write_text(f"# a comment\n{secret}\n", "utf-8")
    done = run_make(repository, "secrets")
    assert done.returncode != 0
    assert "settings.toml:2" in done.stdout + done.stderr
