"""Wrong bundles, each with one fault: the check says in which file and at which key it lies."""

from dataclasses import dataclass

import pytest

from instacart_assets_tests.bundle.conftest import Copy

ROOT, SCHEMAS, VOLUMES = "databricks.yml", "resources/schemas.yml", "resources/volumes.yml"
COMPUTE, DASHBOARD, BOARD = (
    "resources/compute.yml",
    "resources/dashboard.yml",
    "resources/sales.lvdash.json",
)
SCOPE, EXTRA = "resources/secret_scope.yml", "resources/extra.yml"

JOB = """\
resources:
  jobs:
    extra:
      name: Extra
      run_as: { service_principal_name: robot }
      schedule: { quartz_cron_expression: "0 0 4 * * ?", timezone_id: UTC }
      parameters: [{ name: catalog, default: main }]
      environments:
        - environment_key: own
          spec: { environment_version: "4", dependencies: [../dist/instacart_assets-1.whl] }
      tasks:
        - task_key: first
          environment_key: own
          python_wheel_task:
            package_name: instacart_assets
            entry_point: instacart-task
            parameters: [--select, "{{job.parameters.catalog}}"]
        - task_key: second
          depends_on: [{ task_key: first }]
          run_job_task: { job_id: "${resources.jobs.instacart_lakehouse.id}" }
"""


@dataclass(frozen=True)
class Wrong:
    """A fault and where it is to be found.

    Attributes:
        file: the file that is spoiled.
        old: what stands there.
        new: what is put in its place.
        key: the key that the message must name.
        words: what it must say besides.
        told: the file that the message must name, where it is another.
    """

    file: str
    old: str
    new: str
    key: str
    words: str
    told: str | None = None


WRONG = {
    # As the command line would tell, or would after a login.
    "an unknown key at the top": Wrong(ROOT, "artifacts:\n", "artefacts: {}\nartifacts:\n", "artefacts", "or write artifacts"),
    "an unknown key of the bundle": Wrong(ROOT, "  engine: direct", "  engin: direct", "bundle.engin", "or write engine"),
    "an unknown key of a target": Wrong(ROOT, "    default: true\n", "    defaults: true\n", "targets.dev.defaults", "there is no such key"),
    "an unknown preset": Wrong(ROOT, "      name_prefix:", "      prefix:", "targets.staging.presets.prefix", "or write name_prefix"),
    "an unknown kind of resource": Wrong(VOLUMES, "  volumes:", "  volume:", "resources.volume", "or write volumes"),
    "an unknown mode": Wrong(ROOT, "mode: development", "mode: dev", "targets.dev.mode", "development, production"),
    "a key given twice": Wrong(SCHEMAS, "    silver:\n", "    silver: {}\n    silver:\n", "resources.schemas.silver", "given twice"),
    "one key for two resources": Wrong(SCOPE, "    secrets:", "    silver:", "silver", "is taken by"),
    "files that are not there": Wrong(ROOT, "resources/*.yml", "resource/*.yml", "include[0]", "finds no file"),
    "a target's variable that nobody declared": Wrong(ROOT, "      catalog: instacart_prod\n", "      catalogue: instacart_prod\n", "targets.prod.variables.catalogue", "or write catalog"),
    "a variable that is not declared": Wrong(SCOPE, "${var.deployment}", "${var.deploiment}", "resources.secret_scopes.secrets.name", "no variable deploiment"),
    "a resource that is not there": Wrong(VOLUMES, "${resources.schemas.landing.name}", "${resources.schemas.lading.name}", "resources.volumes.landed_files.schema_name", "no resources.schemas.lading"),
    "a field that a resource does not have": Wrong(DASHBOARD, "schemas.gold.name", "schemas.gold.full_title", "resources.dashboards.sales.dataset_schema", "has no full_title"),
    "a resource of another target": Wrong(ROOT, "        lookup:\n          warehouse: Serverless Starter Warehouse\n", "        default: ${resources.sql_warehouses.warehouse.id}\n", "variables.warehouse_id.default", "(target dev)"),
    "a part of the bundle that is not known": Wrong(SCOPE, "${var.deployment}", "${bundle.targets}", "resources.secret_scopes.secrets.name", "there are bundle."),
    "a part of the workspace that is not known": Wrong(ROOT, "deployment: dev_${workspace.current_user.short_name}", "deployment: dev_${workspace.user.short_name}", "variables.deployment", "workspace.current_user.short_name"),
    "a reference of no kind": Wrong(SCOPE, "${var.deployment}", "${vars.deployment}", "resources.secret_scopes.secrets.name", "of no kind"),
    "a reference that is not closed": Wrong(SCOPE, "${var.deployment}", "${var.deployment", "resources.secret_scopes.secrets.name", "does not close"),
    "variables that refer to each other": Wrong(ROOT, "deployment: dev_${workspace.current_user.short_name}", "deployment: dev_${var.schema_prefix}", "deployment", "refers to itself"),
    "an address of the workspace by reference": Wrong(ROOT, "    mode: development\n", "    mode: development\n    workspace: { host: \"${var.catalog}\" }\n", "targets.dev.workspace.host", "DATABRICKS_HOST"),
    # As Databricks' library tells.
    "a field that its kind does not have": Wrong(VOLUMES, "      name: files", "      title: files\n      name: files", "resources.volumes.landed_files", "Unexpected field 'title'"),
    "a field that is missing": Wrong(SCOPE, "      name: instacart_${var.deployment}\n", "", "resources.secret_scopes.secrets", "'name'"),
    "a level that nobody can have": Wrong(DASHBOARD, "level: CAN_READ\n          group_name: ${var.analysts}", "level: CAN_REED\n          group_name: ${var.analysts}", "resources.dashboards.sales", "CAN_REED"),
    "a privilege that there is not": Wrong(SCHEMAS, "[USE_SCHEMA, SELECT, MODIFY]", "[USE_SCHEMA, SELEKT]", "resources.schemas.quarantine.grants[1].privileges[1]", "SELEKT"),
    "a privilege of another kind": Wrong(VOLUMES, "[READ_VOLUME]", "[SELECT]", "resources.volumes.landed_files.grants[0].privileges[0]", "cannot be granted on volumes"),
    # Jobs.
    "a dependency on no task": Wrong(EXTRA, "depends_on: [{ task_key: first }]", "depends_on: [{ task_key: zeroth }]", "resources.jobs.extra.tasks[1].depends_on[0]", "zeroth"),
    "tasks in a circle": Wrong(EXTRA, "- task_key: first\n", "- task_key: first\n          depends_on: [{ task_key: second }]\n", "resources.jobs.extra.tasks", "→"),
    "two tasks of one name": Wrong(EXTRA, "- task_key: second", "- task_key: first", "resources.jobs.extra.tasks[1].task_key", "two tasks first"),
    "an environment that the job does not have": Wrong(EXTRA, "          environment_key: own\n          python", "          environment_key: other\n          python", "resources.jobs.extra.tasks[0].environment_key", "own"),
    "a cluster that the job does not have": Wrong(EXTRA, "          environment_key: own\n          python", "          job_cluster_key: big\n          python", "resources.jobs.extra.tasks[0].job_cluster_key", "none"),
    "a task that runs on nothing": Wrong(EXTRA, "          environment_key: own\n          python", "          python", "resources.jobs.extra.tasks[0]", "runs on nothing"),
    "a parameter that the job does not have": Wrong(EXTRA, "{{job.parameters.catalog}}", "{{job.parameters.catalogue}}", "resources.jobs.extra.tasks[0].python_wheel_task.parameters[1]", "no parameter catalogue"),
    "a value that no run knows": Wrong(EXTRA, "{{job.parameters.catalog}}", "{{run.id}}", "resources.jobs.extra.tasks[0].python_wheel_task.parameters[1]", "no run knows {{run.id}}"),
    "a schedule and a trigger": Wrong(EXTRA, "      parameters: [{", "      trigger: { file_arrival: { url: /Volumes/a/b/c/ } }\n      parameters: [{", "resources.jobs.extra.trigger", "schedule and trigger"),
    "a cron expression of Unix": Wrong(EXTRA, '"0 0 4 * * ?"', '"0 4 * * *"', "resources.jobs.extra.schedule.quartz_cron_expression", "5 fields"),
    "a cron expression of no hour": Wrong(EXTRA, '"0 0 4 * * ?"', '"0 0 24 * * ?"', "resources.jobs.extra.schedule.quartz_cron_expression", "24 is no hour"),
    "a time zone that there is not": Wrong(EXTRA, "timezone_id: UTC", "timezone_id: Europe/Zuerich", "resources.jobs.extra.schedule.timezone_id", "Europe/Zuerich"),
    "a run that starts by itself in development": Wrong(EXTRA, "timezone_id: UTC", "timezone_id: UTC, pause_status: UNPAUSED", "resources.jobs.extra.schedule.pause_status", "in development"),
    "an alert of every developer": Wrong(ROOT, "      alert_pause_status: PAUSED\n", "", "resources.alerts.open_quarantine.schedule.pause_status", "in development", told="instacart_assets/databricks/quarantine_alert.py"),
    "a run that never starts in production": Wrong(EXTRA, "timezone_id: UTC", "timezone_id: UTC, pause_status: PAUSED", "resources.jobs.extra.schedule.pause_status", "never start"),
    # The wheel and other files.
    "another package": Wrong(EXTRA, "package_name: instacart_assets", "package_name: instacart", "resources.jobs.extra.tasks[0].python_wheel_task.package_name", "write instacart_assets"),
    "a command that the wheel does not have": Wrong(EXTRA, "entry_point: instacart-task", "entry_point: instacart_task", "resources.jobs.extra.tasks[0].python_wheel_task.entry_point", "instacart-task"),
    "a wheel that nothing builds": Wrong(ROOT, "source: dist/*.whl", "source: build/*.whl", "environments[0].spec.dependencies[0]", "no artifact builds", told="instacart_assets/databricks/native_job.py"),
    "a wheel of no name": Wrong(ROOT, "  instacart_assets:\n    type: whl", "  wheel:\n    type: whl", "artifacts", "name the artifact"),
    "a dashboard that is not there": Wrong(DASHBOARD, "sales.lvdash.json", "sale.lvdash.json", "resources.dashboards.sales.file_path", "resources/sale.lvdash.json"),
    "Python that is not there": Wrong(ROOT, "quarantine_alert:load_resources", "quarantine_alert:load_alerts", "python.resources[2]", "load_alerts"),
    # Dashboards and alerts.
    "a dashboard that is no JSON": Wrong(BOARD, '  "datasets": [', '  "datasets": ', "the file", "is no JSON"),
    "a table that no contract has": Wrong(BOARD, "FROM department_hourly_profile AS hours", "FROM department_hourly_profiles AS hours", "datasets[9]", "not found"),
    "a column that no contract has": Wrong(BOARD, "order_hour_of_day AS hour,", "order_hour AS hour,", "datasets[9]", "order_hour"),
    "a widget of no dataset": Wrong(BOARD, '"datasetName": "weekdays"', '"datasetName": "weekday"', "layout[13].widget.queries[0].query.datasetName", "no dataset weekday"),
    "a widget of no column": Wrong(BOARD, '"expression": "SUM(`effect`)"', '"expression": "SUM(`uplift`)"', "layout[10]", "no column uplift"),
    "a widget that shows what it does not ask for": Wrong(BOARD, '"fieldName": "change"', '"fieldName": "uplift"', "layout[18].widget.spec.encodings", "shows uplift"),
    # House rules.
    "production in a person's folder": Wrong(ROOT, "    mode: production\n    workspace:\n      root_path: /Workspace/Users/${var.principal}/.bundle/${bundle.name}/${bundle.target}\n    presets:\n      name_prefix", "    mode: production\n    workspace:\n      root_path: ~/.bundle\n    presets:\n      name_prefix", "targets.staging.workspace.root_path", "belongs to a person"),
    "production without a folder": Wrong(ROOT, "    mode: production\n    workspace:\n      root_path: /Workspace/Users/${var.principal}/.bundle/${bundle.name}/${bundle.target}\n    presets:\n      name_prefix", "    mode: production\n    presets:\n      name_prefix", "targets.staging.workspace.root_path", "copy of their own"),
    "production that runs as a person": Wrong(ROOT, "    run_as:\n      service_principal_name: ${var.principal}\n    permissions: &", "    run_as:\n      user_name: ada@example.org\n    permissions: &", "targets.staging.run_as", "service_principal_name"),
    "production that nobody else may look at": Wrong(ROOT, "    permissions: *operators\n", "", "targets.prod.permissions", "nobody but the deployer"),
    "production in mode development": Wrong(ROOT, "  prod:\n    mode: production", "  prod:\n    mode: development", "targets.prod.workspace.root_path", "not the developer's own"),
    "a right of a person": Wrong(DASHBOARD, "group_name: ${var.engineers}", "user_name: ada@example.org", "resources.dashboards.sales.permissions[1].user_name", "ada@example.org"),
    "secrets for everybody": Wrong(ROOT, "level: CAN_RUN", "level: CAN_VIEW", "permissions[1].level", "READ of its secret scopes"),
    "credentials in a dashboard": Wrong(DASHBOARD, "embed_credentials: false", "embed_credentials: true", "resources.dashboards.sales.embed_credentials", "run_as forbids"),
    "gold that may be removed": Wrong(ROOT, "        gold: *kept\n", "", "resources.schemas.gold.lifecycle.prevent_destroy", "targets.prod", told=SCHEMAS),
    "landed files that may be removed": Wrong(ROOT, "        landed_files: *kept", "        staging: *kept", "resources.volumes.landed_files.lifecycle.prevent_destroy", "targets.prod", told=VOLUMES),
    "one copy for all developers": Wrong(ROOT, "      deployment: dev_${workspace.current_user.short_name}\n", "      deployment: dev\n", "targets.dev.variables.deployment", "same for every developer"),
    "a schema that the code does not look for": Wrong(SCHEMAS, "name: ${var.schema_prefix}gold", "name: gold", "resources.schemas.gold.name", "the code looks for"),
    "a prefix of the command line's own": Wrong(ROOT, "  skip_name_prefix_for_schema: true", "  skip_name_prefix_for_schema: false", "experimental.skip_name_prefix_for_schema", "set it to true"),
    "a version that changes by itself": Wrong(COMPUTE, "spark_version: { type: fixed, value: 17.3.x-scala2.13 }", "spark_version: { type: fixed, value: auto:latest-lts }", "definition.spark_version.value", "changes by itself"),
    "another engine": Wrong(ROOT, "  engine: direct\n", "  engine: terraform\n", "bundle.engine", "write engine: direct"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_bundle_is_told_with_its_file_and_key(bundle: Copy, wrong: Wrong) -> None:
    bundle.add(EXTRA, JOB)
    bundle.replace(wrong.file, wrong.old, wrong.new)
    findings = bundle.check()
    meant = [
        line
        for line in findings
        if line.startswith(wrong.told or wrong.file) and wrong.key in line and wrong.words in line
    ]
    assert meant, "\n".join(findings) or "nothing was found"


def test_a_message_says_where_what_and_what_to_do(bundle: Copy) -> None:
    bundle.replace(VOLUMES, "[READ_VOLUME]", "[SELECT]")
    assert bundle.check() == [
        "resources/volumes.yml:10: resources.volumes.landed_files.grants[0].privileges[0]: SELECT cannot be granted on "
        "volumes; grant one of ALL_PRIVILEGES, APPLY_TAG, BROWSE, MANAGE, READ_VOLUME, WRITE_VOLUME"
    ]
