"""What a token of a Databricks workspace looks like, for `make secrets`: detect-secrets does not know it by itself."""

import re

from detect_secrets.plugins.base import RegexBasedDetector


class DatabricksTokenDetector(RegexBasedDetector):
    """Personal access tokens, and OAuth secrets of service principals."""

    secret_type = "Databricks Token"  # noqa: S105 - the name of a kind  # pragma: allowlist secret
    denylist = (re.compile(r"\bdapi[0-9a-f]{32}(?:-\d)?\b"), re.compile(r"\bdose[0-9a-f]{32}\b"))
