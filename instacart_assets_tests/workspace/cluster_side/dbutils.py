"""The ``dbutils`` of a task: of the many things it has on Databricks, secrets."""


class Secrets:
    """Secrets of scopes."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def get(self, scope: str, key: str) -> str:
        """The value of a secret.

        Raises:
            ValueError: there is none.
        """
        if f"{scope}/{key}" not in self._values:
            raise ValueError(f"Secret does not exist with scope: {scope} and key: {key}")
        return self._values[f"{scope}/{key}"]


class DBUtils:
    """What Databricks puts into a script's globals under this name."""

    def __init__(self, secrets: dict[str, str]) -> None:
        self.secrets = Secrets(secrets)
