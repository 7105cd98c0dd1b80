"""What rules and suites said, run by run."""

from __future__ import annotations

from cnbudget.model import ValidationOccasion
from cnbudget.schema.columns import Column, ColumnType, Dataset, Origin, count, flag, text, time

_RUN_ID = text("run_id", "the run", "运行编号", required=True)

VALIDATION_RUNS = Dataset(
    "validation_runs",
    "One row per run of rules and suites: over a batch that was read, or over what was read before.",
    "规则与数据校验的历次运行。",
    key=("run_id",),
    columns=(
        _RUN_ID,
        text(
            "occasion",
            "over a batch that was read, or over what was read before",
            "场合",
            required=True,
            allowed=ValidationOccasion,
        ),
        text("scope", "which documents", "范围", required=True),
        time("started_at", "when it began", "开始时间", required=True),
        time("ended_at", "when it was recorded", "结束时间", required=True),
        text("by", "who ran it", "执行者", required=True),
        text("extractor_version", "hash of the code that reads", "提取程序版本", required=True),
        text("rules_version", "hash of the rules", "规则版本", required=True),
        text("suites_version", "hash of the suites", "校验版本", required=True),
        count("n_documents", "documents looked at", "文件数"),
        count("n_held", "of them held", "暂缓发布数"),
        count("n_findings", "findings on them", "问题数"),
        count("n_expectations", "expectations asked", "校验要求数"),
        count("n_expectations_unmet", "of them not met by some document", "未满足的要求数"),
        count("n_new", "findings that were not there before", "新增问题数"),
        count("n_resolved", "findings that are gone", "已解决问题数"),
        count("n_changed", "findings that say something else than before", "变化问题数"),
    ),
    origin=Origin.RUN,
)

VALIDATION_RESULTS = Dataset(
    "validation_results",
    "One row per expectation and run: all of a re-validation; of a batch that was read, those that were not met.",
    "校验要求的结果。",
    key=("run_id", "dataset", "expectation_id"),
    columns=(
        _RUN_ID,
        text("dataset", "the dataset, or the frame made for the suite", "数据集", required=True),
        text("expectation_id", "which expectation", "校验要求", required=True),
        text("severity", "critical holds the document; warning or info", "严重程度", required=True),
        flag("is_met", "whether all documents meet it", "是否满足"),
        count("n_unexpected", "rows that do not", "不符行数"),
        count("n_documents", "documents that do not", "不符文件数"),
        Column(
            "document_ids",
            ColumnType.STRING,
            "their ids, up to fifty, with spaces between",
            "不符文件",
            is_nullable=False,
        ),
    ),
    origin=Origin.RUN,
)
