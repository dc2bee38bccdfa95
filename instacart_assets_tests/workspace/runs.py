"""Runs: what was submitted is carried out, task after task, and can be looked at, cancelled and asked for its output.

Contains the states of runs and tasks as the Jobs API 2.2 gives them. How a task's process is made, its module says.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, Protocol

from instacart_assets_tests.workspace.answers import ApiError
from instacart_assets_tests.workspace.clusters import Cluster
from instacart_assets_tests.workspace.faults import RunFault
from instacart_assets_tests.workspace.people import CALLER
from instacart_assets_tests.workspace.workers import Outcome, Worker

SUCCESS = "SUCCESS"
FAILED = "FAILED"
CANCELLED = ("CANCELED", "Run cancelled.")

RUN_CONDITIONS: dict[str, Callable[[Sequence[str]], bool]] = {
    "ALL_SUCCESS": lambda results: all(result == SUCCESS for result in results),
    "ALL_DONE": lambda _: True,
    "NONE_FAILED": lambda results: not any(result == FAILED for result in results),
    "AT_LEAST_ONE_SUCCESS": lambda results: any(result == SUCCESS for result in results),
    "ALL_FAILED": lambda results: all(result == FAILED for result in results),
    "AT_LEAST_ONE_FAILED": lambda results: any(result == FAILED for result in results),
}
"""When a task runs, by the results of those it depends on."""


@dataclass
class State:
    """Where a run or a task is; ``result`` is empty until it has ended."""

    life_cycle: str
    result: str = ""
    message: str = ""

    def describe(self) -> dict[str, Any]:
        """As the Jobs API gives it."""
        result = {"result_state": self.result} if self.result else {}
        return {
            "life_cycle_state": self.life_cycle,
            **result,
            "state_message": self.message,
            "user_cancelled_or_timedout": self.result in ("CANCELED", "TIMEDOUT"),
        }


class Launch(Protocol):
    """Starts the process of a task."""

    def __call__(self, task: "TaskRun") -> Worker:
        """Start it.

        Whatever it raises ends the task, and is its message.
        """


@dataclass
class Times:
    """Moments of a run or a task, in milliseconds since 1970; 0 for what has not happened."""

    start: int = field(default_factory=lambda: int(time.time() * 1000))
    running: int = 0
    end: int = 0

    def describe(self) -> dict[str, int]:
        """As the Jobs API gives them."""
        running = self.running or self.end
        return {
            "start_time": self.start,
            "end_time": self.end,
            "setup_duration": max(running - self.start, 0),
            "execution_duration": max(self.end - running, 0),
            "cleanup_duration": 0,
        }


class TaskRun:
    """One task of a run.

    Attributes:
        definition: the task as it was submitted.
        run_id: of the task itself.
        cluster: that it runs on; nothing for serverless compute.
        dependencies: of its serverless environment.
    """

    def __init__(
        self, run_id: int, definition: Mapping[str, Any], cluster: Cluster | None, dependencies: Sequence[str]
    ) -> None:
        self.run_id = run_id
        self.definition = definition
        self.cluster = cluster
        self.dependencies = dependencies
        self.state = State("PENDING", message="Waiting for cluster")
        self.times = Times()
        self.worker: Worker | None = None
        self.outcome: Outcome | None = None
        self.ended = threading.Event()
        self._stopped: tuple[str, str] | None = None
        self._lock = threading.RLock()

    @property
    def key(self) -> str:
        """Its name in the run."""
        return str(self.definition["task_key"])

    @property
    def upstream(self) -> list[str]:
        """Keys of the tasks it depends on."""
        return [each["task_key"] for each in self.definition.get("depends_on", ())]

    def carry_out(self, upstream: Sequence["TaskRun"], launch: Launch, fault: RunFault | None) -> None:
        """Wait for what it depends on, run it, and keep how it ended."""
        if upstream:
            self._move_to(State("BLOCKED"))
        for task in upstream:
            task.ended.wait()
        if not self._is_wanted(upstream):
            return
        self._move_to(State("PENDING", message="Waiting for cluster"))
        limit_time(self, self.definition.get("timeout_seconds"))
        if not fault:
            self._run(launch)
        elif fault.life_cycle_state:
            self.end(State(fault.life_cycle_state, fault.result_state, fault.message))

    def _move_to(self, state: State) -> None:
        with self._lock:
            if not self.ended.is_set():
                self.state = state

    def _is_wanted(self, upstream: Sequence["TaskRun"]) -> bool:
        condition = self.definition.get("run_if") or "ALL_SUCCESS"
        if not upstream or RUN_CONDITIONS[condition]([task.state.result for task in upstream]):
            return not self.ended.is_set()
        result = "UPSTREAM_FAILED" if condition == "ALL_SUCCESS" else "EXCLUDED"
        self.end(State("TERMINATED", result, f"Task {self.key} was skipped: {condition} does not hold."))
        return False

    def _run(self, launch: Launch) -> None:
        try:
            with self._lock:
                if self.ended.is_set():
                    return
                self.worker = launch(self)
                self.times.running = int(time.time() * 1000)
                self.state = State("RUNNING", message="In run")
        except Exception as error:  # noqa: BLE001 - a run ends, also when the kit itself is at fault
            self.end(State("INTERNAL_ERROR", FAILED, str(error) or repr(error)))
            return
        self.outcome = self.worker.wait()
        self.end(_read_outcome(self.outcome))

    def stop(self, result: str, message: str) -> None:
        """End it before it ends by itself; what has ended stays as it is."""
        with self._lock:
            if self.ended.is_set():
                return
            self._stopped = (result, message)
            self.state = State("TERMINATING", message=message)
            if self.worker:
                self.worker.kill()
            else:
                self.end(State("TERMINATED", result, message))

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it came in time."""
        return self.ended.wait(seconds)

    def end(self, state: State) -> None:
        """Keep its last state; whoever stopped it has the last word."""
        with self._lock:
            if self.ended.is_set():
                return
            self.state = State("TERMINATED", *self._stopped) if self._stopped else state
            self.times.end = int(time.time() * 1000)
            self.ended.set()

    def describe(self) -> dict[str, Any]:
        """As ``tasks`` of ``runs/get`` have it."""
        place = {"cluster_instance": {"cluster_id": self.cluster.cluster_id}} if self.cluster else {}
        return {
            **self.definition,
            **place,
            **self.times.describe(),
            "run_id": self.run_id,
            "attempt_number": 0,
            "state": self.state.describe(),
        }


class Run:
    """A submitted run: its tasks, each in a thread of its own until it has ended."""

    def __init__(
        self, run_id: int, job_id: int, submitted: Mapping[str, Any], tasks: Sequence[TaskRun]
    ) -> None:
        self.run_id = run_id
        self.job_id = job_id
        self.tasks = tasks
        self.fault: RunFault | None = None
        self._submitted = submitted
        self._started = int(time.time() * 1000)

    def start(self, launch: Launch, fault: RunFault | None) -> None:
        """Begin to carry its tasks out."""
        self.fault = fault
        by_key = {task.key: task for task in self.tasks}
        for task in self.tasks:
            upstream = [by_key[key] for key in task.upstream]
            threading.Thread(target=task.carry_out, args=(upstream, launch, fault), daemon=True).start()
        limit_time(self, self._submitted.get("timeout_seconds"))

    def stop(self, result: str, message: str) -> None:
        """End whatever of it has not ended."""
        for task in self.tasks:
            task.stop(result, message)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it came in time."""
        deadline = time.monotonic() + seconds
        return all(task.ended.wait(max(0.0, deadline - time.monotonic())) for task in self.tasks)

    @property
    def state(self) -> State:
        """What its tasks' states come to."""
        states = [task.state for task in self.tasks]
        if not all(task.ended.is_set() for task in self.tasks):
            return _sum_up_unfinished(states)
        if self.fault:
            return states[0]
        return self._sum_up()

    def _sum_up(self) -> State:
        for stopped in ("CANCELED", "TIMEDOUT"):
            for task in self.tasks:
                if task.state.result == stopped:
                    return State("TERMINATED", stopped, task.state.message)
        failed = [task for task in self.tasks if task.state.result == FAILED]
        if not failed:
            return State("TERMINATED", SUCCESS)
        needed = {key for task in self.tasks for key in task.upstream}
        if all(task.state.result == SUCCESS for task in self.tasks if task.key not in needed):
            return State("TERMINATED", "SUCCESS_WITH_FAILURES")
        first = failed[0]
        message = f"Task {first.key} failed with message: {first.state.message}"
        # so a run of several tasks says it, however many there are
        return State("INTERNAL_ERROR", FAILED, f"{message}. This caused all downstream tasks to get skipped.")

    def describe(self, host: str) -> dict[str, Any]:
        """As ``runs/get`` gives it."""
        return {
            **self._describe_frame(host, self.run_id),
            **Times(
                self._started,
                min((task.times.running for task in self.tasks if task.times.running), default=0),
                max(task.times.end for task in self.tasks) if self.wait(0) else 0,
            ).describe(),
            "state": self.state.describe(),
            "tasks": [
                {**task.describe(), "run_page_url": self._spell_page(host, task.run_id)}
                for task in self.tasks
            ],
        }

    def describe_task(self, host: str, task: TaskRun) -> dict[str, Any]:
        """As ``runs/get`` gives one of its tasks by the task's own id."""
        return {**task.describe(), **self._describe_frame(host, task.run_id)}

    def _describe_frame(self, host: str, run_id: int) -> dict[str, Any]:
        return {
            "job_id": self.job_id,
            "run_id": run_id,
            "job_run_id": self.run_id,
            "number_in_job": self.run_id,
            "original_attempt_run_id": run_id,
            "creator_user_name": CALLER,
            "run_name": self._submitted.get("run_name") or "Untitled",
            "run_type": "SUBMIT_RUN",
            "trigger": "ONE_TIME",
            "format": "MULTI_TASK",
            "run_page_url": self._spell_page(host, run_id),
        }

    def _spell_page(self, host: str, run_id: int) -> str:
        return f"{host}/?o=1#job/{self.job_id}/run/{run_id}"


def limit_time(work: TaskRun | Run, seconds: float | None) -> None:
    """Stop a run or a task that has not ended in time; 0 and nothing are no limit."""

    def watch(seconds: float) -> None:
        if not work.wait(seconds):
            work.stop("TIMEDOUT", f"Run timed out after {seconds} seconds.")

    if seconds:
        threading.Thread(target=watch, args=(seconds,), daemon=True).start()


def _sum_up_unfinished(states: Sequence[State]) -> State:
    lives = [state.life_cycle for state in states]
    if "TERMINATING" in lives:
        return State("TERMINATING")
    if any(life not in ("PENDING", "BLOCKED") for life in lives):
        return State("RUNNING", message="In run")
    return State("PENDING", message="Waiting for cluster")


def _read_outcome(outcome: Outcome) -> State:
    if outcome.code == 0:
        return State("TERMINATED", SUCCESS)
    if outcome.error:
        return State("TERMINATED", FAILED, "Workload failed, see run output for details")
    how = f"exit code {outcome.code}" if outcome.code > 0 else f"exit code {128 - outcome.code}"
    return State(
        "TERMINATED", FAILED, f"Run failed with error message\n The Python process exited with {how}"
    )


def check_order(tasks: Sequence[TaskRun]) -> None:
    """Each task has a name of its own and depends on others of the run without a circle.

    Raises:
        ApiError: they do not.
    """
    keys = [task.key for task in tasks]
    if len(set(keys)) < len(keys):
        raise ApiError.invalid(f"Duplicate task keys: {', '.join(keys)}")
    for task in tasks:
        if unknown := set(task.upstream) - set(keys):
            raise ApiError.invalid(f"Task {task.key} depends on unknown tasks: {', '.join(sorted(unknown))}")
    try:
        TopologicalSorter({task.key: task.upstream for task in tasks}).prepare()
    except CycleError as error:
        raise ApiError.invalid(f"Tasks depend on each other in a circle: {error.args[1]}") from error
