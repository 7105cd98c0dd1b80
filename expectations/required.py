"""An expectation of our own, added as Great Expectations lets one be: several columns have a value in every row.

One for a dataset and not one for a column, because GX takes 3 ms for each expectation, however few the rows are, and
half of all that the schema says is that a column may not be null. Imported with GX, which is loaded late.
"""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import MulticolumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import MulticolumnMapMetricProvider
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (
    multicolumn_condition_partial,
)


class AllPresent(MulticolumnMapMetricProvider):
    """Per row, whether no column of the list is null."""

    condition_metric_name: ClassVar[str] = "multicolumn_values.all_present"
    condition_domain_keys: ClassVar[tuple[str, ...]] = (
        *("batch_id", "table", "column_list"),
        *("row_condition", "condition_parser", "ignore_row_if"),
    )

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: Any, **_: Any) -> Any:
        return column_list.notna().all(axis=1)


class ExpectMulticolumnValuesToAllBePresent(MulticolumnMapExpectation):
    """Every column of `column_list` has a value in every row; a row in which one is null is unexpected."""

    map_metric: ClassVar[str] = "multicolumn_values.all_present"
    args_keys: ClassVar[tuple[str, ...]] = ("column_list",)
