"""Rules whose findings are made where a document is read, before there is anything else to look at."""

from __future__ import annotations

from cnbudget.model import Severity
from cnbudget.rules.case import Family, Rule

INPUT = "处理限额与格式支持范围"


def _reading(rule_id: str, zh: str, en: str, explanation: str, example: str) -> Rule:
    return Rule(rule_id, Severity.ERROR, Family.READING, zh, en, explanation, INPUT, example, is_holding=True)


unreadable = _reading(
    "unreadable",
    "文件无法读取",
    "The document cannot be read",
    "The bytes can be read as what they say they are: not empty, not cut off, not encrypted, of a known format.",
    "A PDF that ends in the middle.",
)
limit_exceeded = _reading(
    "limit_exceeded",
    "超出处理限额",
    "A limit is exceeded",
    "A document takes no more pages, bytes, memory or time than one may.",
    "A workbook that unpacks to 4 GB.",
)
reader_died = _reading(
    "reader_died",
    "读取进程中断",
    "The reader died",
    "The process that reads a document lives to its end.",
    "The process was ended by the system while it read the file.",
)
reading_failed = _reading(
    "reading_failed",
    "读取出错",
    "Reading failed",
    "Reading ends without an error that nobody foresaw.",
    "A value that no format allows, deep in the file.",
)

RULES = (unreadable, limit_exceeded, reader_died, reading_failed)
