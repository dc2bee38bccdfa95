"""The command ``python -m deploy.bundle_check``: every fault of the bundle, one a line; exits with 1 if there is one."""

import argparse
import sys
from pathlib import Path

from deploy.bundle_check.check import check_bundle
from deploy.bundle_check.files import BundleError


def main() -> None:
    """Check the bundle in a folder and print what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m deploy.bundle_check", description=__doc__)
    parser.add_argument("root", nargs="?", type=Path, default=Path(), help="folder of databricks.yml")
    try:
        report = check_bundle(parser.parse_args().root)
    except BundleError as error:
        sys.exit(str(error))
    for finding in report.findings:
        sys.stdout.write(f"{finding}\n")
    if report.findings:
        sys.exit(1)
    sys.stdout.write(f"The bundle is sound for {', '.join(report.targets)}.\n")


if __name__ == "__main__":
    main()
