"""How Great Expectations' expectations are evaluated: along a plan that is made of a suite once.

GX derives from a suite which metrics its expectations need, and which of these need which. That depends on the suite alone,
and is most of what evaluating a suite over few rows takes: its `Validator` does it anew, twice, for each frame. Here the
plan stays, and serves for all frames; expectations, metrics and their order of computation are GX's. Imported with GX,
which is loaded late.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validation_graph import MetricEdge, ValidationGraph

_PLANS = 64
"""The suites, and as many sets of expectations that were not met."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an expectation. `found` is GX's result; `failure` says why it could not be evaluated."""

    is_met: bool
    found: dict[str, Any] = field(default_factory=dict)
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """An expectation, the metrics that it needs by the names under which it asks for them, and its settings."""

    expectation: Expectation
    metrics: dict[str, MetricConfiguration]
    runtime: dict[str, Any]


@dataclass(slots=True)
class _Plan:
    """A suite's steps by the expectation's id, what became of those that cannot be planned, and which metric needs which."""

    steps: dict[str, _Step] = field(default_factory=dict)
    failed: dict[str, Outcome] = field(default_factory=dict)
    edges: list[MetricEdge] = field(default_factory=list)


def evaluate(suite: dict[str, Any], frame: pd.DataFrame, result_format: str) -> dict[str, Outcome]:
    """What becomes of each expectation of a suite over a frame, by the id in its `meta`; raises nothing.

    `result_format` is GX's: BOOLEAN_ONLY, or COMPLETE for which rows do not meet it.
    """
    plan = _plan(json.dumps(suite["expectations"]), result_format)
    engine = PandasExecutionEngine(batch_data_dict={"batch": frame})
    metrics, aborted = ValidationGraph(engine, plan.edges).resolve(_runtime(result_format), show_progress_bars=False)
    return plan.failed | {each: _outcome(step, engine, metrics, aborted) for each, step in plan.steps.items()}


def _outcome(step: _Step, engine: PandasExecutionEngine, metrics: dict[Any, Any], aborted: dict[Any, Any]) -> Outcome:
    missing = [metric for metric in step.metrics.values() if metric.id not in metrics]
    if missing:
        return _failed(_why(missing[0], aborted) or f"no {missing[0].metric_name}")
    known = {name: metrics[metric.id] for name, metric in step.metrics.items()}
    try:
        result = step.expectation._validate(known, dict(step.runtime), engine)
    except Exception as error:
        return _failed(error)
    return Outcome(result["success"] is True, result.get("result") or {})


def _why(metric: MetricConfiguration, aborted: dict[Any, Any]) -> str:
    """What was raised where the metric, or one that it needs, was computed."""
    if metric.id in aborted:
        return str(aborted[metric.id]["exception_info"].exception_message)
    return next(filter(None, (_why(each, aborted) for each in metric.metric_dependencies.values())), "")


def _failed(why: object) -> Outcome:
    return Outcome(is_met=False, failure=str(why)[:300] or "exception")


def _runtime(result_format: str) -> dict[str, Any]:
    return {"result_format": {"result_format": result_format, "return_unexpected_index_query": False}}


@lru_cache(maxsize=_PLANS)
def _plan(expectations: str, result_format: str) -> _Plan:
    plan, runtime = _Plan(), _runtime(result_format)
    # Over no data, so that what is kept holds none.
    engine = PandasExecutionEngine(batch_data_dict={"batch": pd.DataFrame()})
    for each in json.loads(expectations):
        name = each["meta"]["id"]
        try:
            expectation = ExpectationConfiguration(**each).to_domain_obj()
            needs = expectation.get_validation_dependencies(engine, runtime)
            graph = ValidationGraph(engine)
            for metric in needs.get_metric_configurations():
                graph.build_metric_dependency_graph(metric, runtime)
        except Exception as error:
            plan.failed[name] = _failed(error)
        else:
            settings = runtime | {"result_format": needs.result_format}
            plan.steps[name] = _Step(expectation, needs.metric_configurations, settings)
            plan.edges += graph.edges
    return plan
