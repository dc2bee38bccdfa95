"""Great Expectations' Data Docs: pages that show what the suites expect and what was found.

Defines how suites are run so that their results can be shown, and how the pages are written. Building them
needs no network; a browser that shows them loads their styling from public addresses if it can.
"""

from collections.abc import Sequence
from pathlib import Path

from pyspark.sql import DataFrame

from instacart_assets.contracts.model import Contract, Rule
from instacart_assets.quality.expectations import add_verdicts, compile_suite, make_context, name_rule
from instacart_assets.quality.outcomes import SAMPLE_ROWS

SITE = "tables"


class DataDocs:
    """A site of pages, one per table, that grows with each validation.

    Args:
        folder: where the pages go.
    """

    def __init__(self, folder: Path) -> None:
        self._context = make_context()
        self._context.add_data_docs_site(
            SITE,
            {
                "class_name": "SiteBuilder",
                "store_backend": {
                    "class_name": "TupleFilesystemStoreBackend",
                    "base_directory": str(folder.absolute()),
                },
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            },
        )
        self._folder = folder

    def validate(self, rows: DataFrame, contract: Contract, rules: Sequence[Rule]) -> list[str]:
        """Run a table's suite over its rows and keep the result for the pages.

        Returns:
            Names of the rules that are broken.
        """
        import great_expectations as gx  # noqa: PLC0415 - it takes seconds

        source = self._context.data_sources.add_spark(name=contract.address, persist=False)
        asset = source.add_dataframe_asset(name=contract.address)
        batch = asset.add_batch_definition_whole_dataframe(contract.name)
        definition = self._context.validation_definitions.add(
            gx.ValidationDefinition(
                name=contract.address,
                data=batch,
                suite=self._context.suites.add(compile_suite(contract, rules)),
            )
        )
        result = definition.run(
            batch_parameters={"dataframe": add_verdicts(rows, rules)},
            result_format={
                "result_format": "SUMMARY",
                "unexpected_index_column_names": list(contract.key),
                "partial_unexpected_count": SAMPLE_ROWS,
            },
        )
        return [name_rule(entry) for entry in result.results if not entry.success]

    def build(self) -> Path:
        """Write the pages.

        Returns:
            The start page.
        """
        self._context.build_data_docs(site_names=[SITE])
        return self._folder / "index.html"
