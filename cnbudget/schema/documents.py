"""What there is: documents, and the objects they came in."""

from __future__ import annotations

from cnbudget.model import DocumentState, JurisdictionLevel, PublisherKind, RecognisedAs, Stage
from cnbudget.schema.columns import DOCUMENT_ID, YEAR_IF_KNOWN, Dataset, Origin, count, flag, text, time

DOCUMENTS = Dataset(
    "documents",
    "One row per document (distinct bytes), held and unsupported ones included, so that a gap is never silent.",
    "每份文件一行，含暂缓发布与不支持的文件。",
    key=("document_id",),
    columns=(
        DOCUMENT_ID,
        text("file_name", "name under which it was first seen", "首次出现时的文件名", required=True),
        text("media_type", "format, told from the bytes", "文件格式", required=True),
        count("n_bytes", "size in bytes", "字节数"),
        count("n_pages", "pages; 0 where the format has none", "页数"),
        text("publisher_id", "stable over spellings of the name", "公开主体标识"),
        text("publisher_name", "name as on the cover", "公开主体名称"),
        text("publisher_kind", "department or unit; never add the two", "部门或单位", allowed=PublisherKind),
        text("department_name", "for a unit: the department it belongs to, where stated", "主管部门"),
        text("jurisdiction_name", "whose treasury pays", "行政区划"),
        text("jurisdiction_level", "level of that treasury", "行政级次", allowed=JurisdictionLevel),
        text("jurisdiction_code", "GB/T 2260, null where unknown", "行政区划代码"),
        YEAR_IF_KNOWN,
        text("stage", "budget, adjusted budget or final accounts", "预算、调整预算或决算", allowed=Stage),
        text("budget_id", "jurisdiction, publisher, kind, year and stage: what revisions share", "预算标识"),
        count("revision", "1 for the first document of a budget, rising", "修订号", required=False, minimum=1),
        flag("is_current", "the latest published revision of its budget", "是否为当前版本"),
        text("recognised_as", "what the document is", "识别结果", required=True, allowed=RecognisedAs),
        text("state", "where it stands in its life", "状态", required=True, allowed=DocumentState),
        text("state_reason", "why, where it is not published", "状态原因"),
        text("approved_by", "who published it in spite of its findings", "批准人"),
        text("approval_reason", "the reason given", "批准理由"),
        time("first_seen_at", "when the first object with these bytes was seen", "首次出现时间"),
        time("published_at", "when it was first published", "发布时间"),
        text("extractor_version", "hash of the code and data that decide the result", "解析器版本", required=True),
        count("n_facts", "printed amounts read", "数字个数"),
        count("n_identities", "accounting identities instantiated", "勾稽关系数"),
        count("n_identities_broken", "of these, broken", "不成立数"),
        count("n_identities_not_checkable", "of these, not checkable", "无法核对数"),
        count(
            "n_numbers_unassigned",
            "numbers on form pages that no fact, header or note accounts for, zeros of open columns apart",
            "未归属数字",
        ),
        count("n_findings_error", "findings of severity error", "错误数"),
        count("n_findings_warning", "findings of severity warning", "警告数"),
    ),
)

DOCUMENT_SOURCES = Dataset(
    "document_sources",
    "One row per object version that holds a document: ten names of the same bytes are ten rows.",
    "文件的来源对象，每个对象版本一行。",
    key=("source_uri", "source_version"),
    columns=(
        DOCUMENT_ID,
        text("source_uri", "where the object stands", "来源地址", required=True),
        text("source_version", "object version, or its etag where the bucket keeps none", "对象版本", required=True),
        text("etag", "entity tag of the object", "ETag"),
        time("last_modified_at", "last-modified time of the object", "修改时间"),
        time("first_seen_at", "when it was first listed or announced", "首次出现时间", required=True),
        time("gone_at", "when it was found to be gone", "消失时间"),
    ),
    origin=Origin.LEDGER,
)
