"""What adds up and what does not: identities, their terms, and findings."""

from __future__ import annotations

from cnbudget.model import Cause, CheckStatus, Severity
from cnbudget.schema.columns import (
    DOCUMENT_ID,
    FISCAL_YEAR,
    PLACE,
    YEAR_IF_KNOWN,
    Column,
    ColumnType,
    Dataset,
    flag,
    text,
    yuan,
)

IDENTITY_CHECKS = Dataset(
    "identity_checks",
    "One row per instance of an accounting identity: what was added up and how it came out.",
    "勾稽关系核对结果。",
    key=("check_id",),
    columns=(
        text("check_id", "document, identity and instance", "核对标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        text("identity_id", "which identity; see the identity reference", "勾稽关系", required=True),
        text("instance", "code, row or measure it was asked for", "对象", required=True),
        text("status", "exact, rounded, broken or not_checkable", "结果", required=True, allowed=CheckStatus),
        yuan("left_yuan", "left side", "左边"),
        yuan("right_yuan", "right side", "右边"),
        yuan("residual_yuan", "left minus right", "差额"),
        yuan("tolerance_yuan", "what rounding of the printed figures allows", "容差"),
        text("cause", "whose error a broken identity is", "原因", allowed=Cause),
        text("reason", "why it could not be checked", "无法核对的原因"),
    ),
)

IDENTITY_TERMS = Dataset(
    "identity_terms",
    "Which figures stand in which check, and with which sign.",
    "勾稽关系的各项。",
    key=("check_id", "fact_id"),
    columns=(
        text("check_id", "the check", "核对标识", required=True),
        text("fact_id", "the figure", "数字标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        Column(
            "sign",
            ColumnType.INTEGER,
            "1 on the left side, -1 on the right",
            "符号",
            is_nullable=False,
            minimum=-1,
            maximum=1,
        ),
    ),
)

FINDINGS = Dataset(
    "findings",
    "What is wrong, or could not be checked, with its place and what to do next.",
    "检查发现的问题。",
    key=("finding_id", "document_id"),
    columns=(
        text("finding_id", "budget, rule and locus: the same over runs", "问题标识", required=True),
        DOCUMENT_ID,
        YEAR_IF_KNOWN,
        text("rule_id", "which rule", "规则", required=True),
        text("severity", "error, warning or info", "严重程度", required=True, allowed=Severity),
        text("cause", "whose error it is", "原因", required=True, allowed=Cause),
        flag("is_holding", "keeps the document from being published", "是否暂缓发布"),
        text("locus", "the place, stable over runs", "位置", required=True),
        text("message_zh", "where, found, expected, difference, next step", "说明（中文）", required=True),
        text("message_en", "the same in English", "说明（英文）", required=True),
        text("expected", "what should stand there", "应为"),
        text("found", "what stands there", "实为"),
        text("difference", "by how much", "差额"),
        *PLACE,
        text("evidence_quote", "the printed words it speaks of", "原文"),
        text("evidence_sha256", "an acceptance expires when this changes", "原文摘要", required=True),
        text("accepted_by", "who accepted it", "接受人"),
        text("accepted_reason", "why", "接受理由"),
    ),
)
