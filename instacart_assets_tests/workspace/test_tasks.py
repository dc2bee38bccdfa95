"""What a task finds around it: its files, its libraries, its globals, and nothing of the project."""

from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import jobs

from instacart_assets_tests.workspace.driving import (
    build_wheel,
    connect,
    describe_task,
    finish,
    read_output,
    read_results,
    run_script,
    submit,
    upload,
)
from instacart_assets_tests.workspace.emulator import EmulatedWorkspace

FOLDER = "/Volumes/main/landing/files"
SERVERLESS: dict[str, Any] = {"existing_cluster_id": None, "environment_key": "default"}
GREETING = """
    import sys
    def main():
        print("greetings from", __name__, sys.argv[1:])
"""


def describe_environment(*dependencies: str) -> jobs.JobEnvironment:
    spec = {"environment_version": "4", "dependencies": list(dependencies)}
    return jobs.JobEnvironment.from_dict({"environment_key": "default", "spec": spec})


def test_the_project_is_not_there(workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", str(root))
    for name in ("INSTACART_LAKE", "DATABRICKS_HOST", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "/somewhere")
    code = """
        import importlib, os, sys
        print(os.listdir("."))
        print(sorted(name for name in os.environ if name.startswith(("INSTACART", "DATABRICKS", "DAGSTER"))))
        for name in ("instacart_assets", "instacart_assets_tests", "cluster_side"):
            sys.modules.pop(name, None)
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:
                print(error)
        import dagster_databricks
        print("__file__" in globals(), __name__)
    """
    assert (run_script(workspace, code).logs or "").splitlines() == [
        "[]",
        "['DATABRICKS_RUNTIME_VERSION']",
        "No module named 'instacart_assets'",
        "No module named 'instacart_assets_tests'",
        "No module named 'cluster_side'",
        "False __main__",
    ]


@pytest.mark.parametrize(
    ("folder", "place"),
    [("/dbfs/own", "dbfs:/own"), (FOLDER, FOLDER), ("/Workspace/own", "/Workspace/own")],
    ids=["dbfs", "volume", "workspace"],
)
def test_python_reaches_the_files_of_the_workspace(
    workspace: EmulatedWorkspace, folder: str, place: str
) -> None:
    code = """
        import glob, gzip, os, shutil, sys, tempfile, zipfile
        from pathlib import Path
        root = Path(sys.argv[1])
        folder = root / "a" / "b"
        folder.mkdir(parents=True)
        (folder / "text").write_text("text")
        with gzip.open(folder / "packed.gz", "wb") as file:
            file.write(b"packed")
        with zipfile.ZipFile(folder / "code.zip", "w") as archive:
            archive.writestr("uploaded.py", "WORD = 'zipped'")
        (folder / "module.py").write_text("WORD = 'imported'")
        os.rename(folder / "text", folder / "renamed")
        shutil.copytree(folder, root / "copy")
        shutil.rmtree(root / "a")
        copy = root / "copy"
        assert not (root / "a").exists() and copy.is_dir()
        assert [path for path, _, _ in os.walk(root)] == [str(root), str(copy)], list(os.walk(root))
        names = ["code.zip", "module.py", "packed.gz", "renamed"]
        assert sorted(path.name for path in copy.iterdir()) == names
        assert sorted(copy.rglob("*")) == [copy / name for name in names]
        assert sorted(glob.glob(f"{copy}/*")) == [str(copy / name) for name in names]
        assert sorted(entry.path for entry in os.scandir(copy)) == [str(copy / name) for name in names]
        assert gzip.open(copy / "packed.gz").read() == b"packed"
        assert open(file=copy / "renamed").read() == "text" and os.stat(copy / "renamed").st_size == 4
        sys.path += [str(copy), str(copy / "code.zip")]
        import module, uploaded
        print(module.WORD, uploaded.WORD)
        with tempfile.TemporaryDirectory() as own:
            shutil.copy(copy / "renamed", own)
            print(os.listdir(own))
    """
    assert run_script(workspace, code, folder).logs == "imported zipped\n['renamed']\n"
    assert (workspace.folders.find(place) / "copy" / "renamed").read_text() == "text"
    assert not Path(folder).exists()


def test_a_script_has_its_globals(workspace: EmulatedWorkspace) -> None:
    code = """
        print(dbutils.secrets.get(scope="scope", key="key"), dbutils.secrets.get("scope", "other"))
    """
    output = run_script(workspace, code)
    assert output.error == "ValueError: Secret does not exist with scope: scope and key: other"
    for name in ("spark.range(1)", "sc.version", "SparkSession.builder.getOrCreate()"):
        output = run_script(workspace, f"from pyspark.sql import SparkSession; {name}")
        assert output.error is not None
        assert "this emulated workspace has no Spark" in output.error


def test_without_java_a_task_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with EmulatedWorkspace(tmp_path) as workspace:
        assert run_script(workspace, "print('no Spark in here')").logs == "no Spark in here\n"
        error = run_script(workspace, "spark.range(1)").error
    assert error == "cluster_side.engine.EngineError: this emulated workspace has no Spark: " + (
        "there is no Java on this machine"
    )


def test_a_script_may_lie_in_a_volume(workspace: EmulatedWorkspace, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("print('from a volume')")
    python = {"python_file": upload(workspace, script, FOLDER)}
    run = finish(workspace, submit(workspace, describe_task(workspace, "", spark_python_task=python)))
    assert read_output(workspace, run).logs == "from a volume\n"
    python = {"python_file": f"{FOLDER}/nowhere.py"}
    run = finish(workspace, submit(workspace, describe_task(workspace, "", spark_python_task=python)))
    assert "no such file" in (read_output(workspace, run).error or "")


@pytest.mark.parametrize("is_serverless", [False, True], ids=["cluster", "serverless"])
def test_an_entry_point_of_an_uploaded_wheel_runs(
    workspace: EmulatedWorkspace, tmp_path: Path, is_serverless: bool
) -> None:
    path = upload(workspace, build_wheel(tmp_path, "greeter", GREETING), FOLDER)
    compute: dict[str, Any] = SERVERLESS if is_serverless else {"libraries": [{"whl": path}]}
    task = describe_task(
        workspace,
        "",
        spark_python_task=None,
        python_wheel_task={"package_name": "greeter", "entry_point": "greeter", "parameters": ["hello"]},
        **compute,
    )
    settings = {"environments": [describe_environment(path)]} if is_serverless else {}
    run = finish(workspace, submit(workspace, task, **settings))
    assert read_output(workspace, run).logs == "greetings from greeter ['hello']\n"


def test_an_entry_point_takes_parameters_by_name_and_must_exist(
    workspace: EmulatedWorkspace, tmp_path: Path
) -> None:
    path = upload(workspace, build_wheel(tmp_path, "greeter", GREETING), FOLDER)
    wheel = {"package_name": "greeter", "named_parameters": {"word": "hello"}}
    logs = []
    for name in ("greeter", "other"):
        task = describe_task(
            workspace,
            "",
            spark_python_task=None,
            python_wheel_task={**wheel, "entry_point": name},
            libraries=[{"whl": path}],
        )
        logs.append(read_output(workspace, finish(workspace, submit(workspace, task))))
    assert logs[0].logs == "greetings from greeter ['--word=hello']\n"
    assert logs[1].error == "ImportError: greeter has no entry point other"


def test_what_cannot_be_installed_fails_the_run(workspace: EmulatedWorkspace, tmp_path: Path) -> None:
    needy = upload(workspace, build_wheel(tmp_path, "needy", "", requires="no-such-thing>=3"), FOLDER)
    build_wheel(workspace.folders.dbfs, "greeter", GREETING)
    dbfs_wheel = "dbfs:/greeter-1.0-py3-none-any.whl"
    for library, reason in (
        ({"pypi": {"package": "no-such-thing"}}, "no-such-thing (from versions: none)"),
        ({"pypi": {"package": "dagster==0.1"}}, "requirement dagster==0.1"),
        ({"pypi": {"package": "instacart-assets"}}, "instacart-assets (from versions: none)"),
        ({"whl": f"{FOLDER}/nowhere-1.0-py3-none-any.whl"}, "No such file"),
        ({"whl": needy}, "requirement no-such-thing>=3"),
        ({"whl": dbfs_wheel}, "not supported on DBR 15 or above"),
    ):
        run = finish(workspace, submit(workspace, describe_task(workspace, "", libraries=[library])))
        assert run.state is not None
        assert "DRIVER_LIBRARY_INSTALLATION_FAILURE" in (run.state.state_message or "")
        assert reason in (run.state.state_message or "")
        assert read_results(run) == {"main": "FAILED"}
    present = [{"pypi": {"package": "dagster>=1"}}]
    assert run_script(workspace, "print('installed')", libraries=present).logs == "installed\n"
    older = {"spark_version": "14.3.x-scala2.12", "node_type_id": "m5d.large", "num_workers": 0}
    code = "import greeter; greeter.main()"
    compute = {"existing_cluster_id": None, "new_cluster": older, "libraries": [{"whl": dbfs_wheel}]}
    assert run_script(workspace, code, **compute).logs == "greetings from greeter []\n"


def test_shared_and_serverless_compute_has_neither_globals_nor_dbfs(workspace: EmulatedWorkspace) -> None:
    workspace.clusters.add("shared", data_security_mode="USER_ISOLATION")
    code = """
        import os
        print([name for name in ("sc", "dbutils") if name in globals()])
        print([path for path in ("/dbfs", "/Volumes", "/Workspace") if os.path.exists(path)])
    """
    expected = "[]\n['/Volumes', '/Workspace']\n"
    assert run_script(workspace, code, existing_cluster_id="shared").logs == expected
    task = describe_task(workspace, code, **SERVERLESS)
    run = finish(workspace, submit(workspace, task, environments=[describe_environment()]))
    assert read_output(workspace, run).logs == expected


def test_without_a_dbfs_root_there_is_no_dbfs(tmp_path: Path) -> None:
    with EmulatedWorkspace(
        tmp_path, volumes=["main.landing.files"], is_dbfs_enabled=False, has_spark=False
    ) as workspace:
        (tmp_path / "Workspace" / "script.py").write_text("import os; print(os.path.exists('/dbfs'))")
        python = {"python_file": "/Workspace/script.py"}
        run = finish(workspace, submit(workspace, describe_task(workspace, "", spark_python_task=python)))
        assert read_output(workspace, run).logs == "False\n"


def test_warm_tasks_share_imports_and_nothing_else(tmp_path: Path) -> None:
    code = """
        import os, sys
        print("wave" in sys.modules, os.environ.get("COLOUR"), os.listdir("."), os.getpid() == os.getpgid(0))
        os.environ["COLOUR"] = "blue"
        open("left", "w").close()
        import greeter
        greeter.main()
        import instacart_assets
    """
    with EmulatedWorkspace(
        tmp_path, volumes=["main.landing.files"], has_spark=False, warm_modules=["wave"]
    ) as workspace:
        path = upload(workspace, build_wheel(tmp_path, "greeter", GREETING), FOLDER)
        for _ in range(2):
            output = run_script(workspace, code, "word", libraries=[{"whl": path}])
            assert output.error == "ModuleNotFoundError: No module named 'instacart_assets'"
            assert (output.logs or "").splitlines()[:2] == [
                "True None [] True",
                "greetings from greeter ['word']",
            ]


def test_warm_tasks_are_killed_like_others(tmp_path: Path) -> None:
    code = """
        import os, subprocess
        child = subprocess.Popen(["sleep", "600"])
        print(child.pid)
        os.kill(os.getpid(), 9)
    """
    with EmulatedWorkspace(tmp_path, has_spark=False, warm_modules=["wave"]) as workspace:
        run = finish(workspace, submit(workspace, describe_task(workspace, code)))
        assert read_results(run) == {"main": "FAILED"}
        assert run.state is not None
        assert "exit code 137" in (run.state.state_message or "")
        child = int(read_output(workspace, run).logs or "0")
        assert not Path(f"/proc/{child}/cmdline").exists() or not Path(f"/proc/{child}/cmdline").read_bytes()
        held = submit(workspace, describe_task(workspace, "import time; time.sleep(600)"))
        connect(workspace).jobs.cancel_run(held)
        assert read_results(finish(workspace, held)) == {"main": "CANCELED"}
