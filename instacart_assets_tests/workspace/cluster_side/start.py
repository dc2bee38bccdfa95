"""Makes a process look like a cluster to the code it is given, runs that code and writes down how it failed."""

import importlib.metadata
import json
import os
import sys
import traceback
import types
from pathlib import Path
from typing import Any

from .dbutils import DBUtils
from .engine import Engine
from .mounts import mount


def run() -> None:
    """Do the work that is described on standard input; exit with 1 if it raises."""
    del sys.path[0]
    work = json.load(sys.stdin)
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    do(work)


def do(work: dict[str, Any]) -> None:
    """Do some work in this process, and write down how it fails; exit with 1 if it does."""
    packages = work["site_packages"]
    sys.path[:] = [*(path for path in sys.path if path not in packages), work["libraries"], *packages]
    engine = Engine(work)
    engine.wait_for_pyspark()
    mount(work["mounts"])
    try:
        if work["script"]:
            _run_script(work, engine)
        else:
            _call_entry_point(work)
    except SystemExit as error:
        if error.code or work["is_serverless"]:
            _fail(error, work["outcome"])
    except BaseException as error:  # noqa: BLE001 - whatever ends the task is told
        _fail(error, work["outcome"])


def _run_script(work: dict[str, Any], engine: Engine) -> None:
    """Run a file as Databricks does: as ``__main__``, without ``__file__``, with its globals."""
    main = types.ModuleType("__main__")
    if work["has_globals"]:
        vars(main).update(dbutils=DBUtils(work["secrets"]), spark=engine.spark, sc=engine.context)
    elif work["is_connect"]:
        vars(main).update(spark=engine.spark)
    sys.modules["__main__"] = main
    sys.argv = [work["script"], *work["parameters"]]
    code = compile(Path(work["script"]).read_bytes(), work["script"], "exec")
    exec(code, vars(main))  # noqa: S102 - running what was submitted is the purpose


def _call_entry_point(work: dict[str, Any]) -> None:
    """Call an entry point of an installed distribution, in any of its groups."""
    sys.argv = [
        work["entry_point"],
        *work["parameters"],
        *(f"--{name}={value}" for name, value in work["named_parameters"].items()),
    ]
    distribution = importlib.metadata.distribution(work["package"])
    found = [point for point in distribution.entry_points if point.name == work["entry_point"]]
    if not found:
        raise ImportError(f"{work['package']} has no entry point {work['entry_point']}")
    entry = found[0].load()
    entry()


def _fail(error: BaseException, outcome: str) -> None:
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    error = error.with_traceback(trace)
    traceback.print_exception(error)
    told = {
        "error": "".join(traceback.format_exception_only(error)).strip(),
        "error_trace": "".join(traceback.format_exception(error)),
    }
    Path(outcome).write_text(json.dumps(told))
    sys.exit(1)
