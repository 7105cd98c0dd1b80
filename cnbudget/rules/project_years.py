"""Years in the text of projects: the budget, its period, what is planned and what is cited."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from cnbudget.model import Severity
from cnbudget.prose.projects import Project
from cnbudget.rules.case import Case, Family, Found, rule
from cnbudget.rules.projects import PROJECTS, project_locus, project_title

_BUDGET_YEAR = re.compile(r"(20\d\d)年(?:度)?(?:该|本|此)?项目(?:年度)?预算")
_YEAR = re.compile(r"20\d\d(?=年|[.\-/]\d)")


@rule(
    Severity.ERROR,
    Family.PROJECTS,
    "项目预算的年度有误",
    "A project's budget of another year",
    rests_on=PROJECTS,
    example="2029年该项目预算30万元 in a budget of 2030.",
)
def project_year_wrong(case: Case) -> Iterator[Found]:
    """年度预算安排 speaks of the fiscal year, 实施周期 covers it (a warning)."""
    year = case.cover.fiscal_year
    for project in case.projects if year is not None else ():
        budget, period = project.budget or "", project.period or ""
        named = _BUDGET_YEAR.findall(budget)
        spans = [int(found) for found in _YEAR.findall(period)]
        if named and str(year) not in budget:
            yield _year_found(project, "budget", named[0], year or 0, budget[:40], None)
        elif spans and not min(spans) <= (year or 0) <= max(spans) and not re.search(r"每年|经常|长期|持续", period):
            yield _year_found(project, "period", str(spans[0]), year or 0, period[:40], Severity.WARNING)


def _year_found(project: Project, what: str, found: str, year: int, quote: str, severity: Severity | None) -> Found:
    part_zh, part_en = ("年度预算安排", "budget") if what == "budget" else ("实施周期", "period")
    return Found(
        f"{project_locus(project)}/{what}/year",
        f"项目“{project_title(project)}”的{part_zh}写{found}年，本预算为{year}年。请核对年份。",
        f"the {part_en} of the project {project_title(project)} says {found}, the budget is of {year}. Check the year.",
        expected=str(year),
        found=found,
        page=project.page,
        box=project.box,
        quote=quote,
        severity=severity,
    )


@rule(
    Severity.INFO,
    Family.PROJECTS,
    "沿用旧年度文字",
    "Words of an earlier year",
    rests_on=PROJECTS,
    example="拟于2025年 in a budget of 2030; a document number of the budget's own year, 〔2030〕99号.",
)
def project_words_of_other_year(case: Case) -> Iterator[Found]:
    """What is planned lies ahead, and what is cited lies behind: a plan of years ago, or a number of the budget's own year."""
    year = case.cover.fiscal_year or 0
    for project in case.projects:
        plan = re.search(r"拟(?:从|于|在)(20\d\d)年", f"{project.overview or ''}{project.plan or ''}")
        if plan and int(plan[1]) < year - 1:
            yield _words_found(project, plan[0], f"拟办事项的年份早于{year}年", f"is planned, long before {year}")
        for cited in json.loads(project.cited_documents or "[]"):
            number = cited.get("number") or ""
            issued = re.search(r"[〔\[【(（](20\d\d)", number)
            if year and issued and int(issued[1]) >= year:
                yield _words_found(
                    project, number, f"文号年份不早于{year}年预算", f"is not older than the budget of {year}"
                )


def _words_found(project: Project, quote: str, zh: str, en: str) -> Found:
    return Found(
        f"{project_locus(project)}/words/{quote}",
        f"项目“{project_title(project)}”写“{quote}”，{zh}。请核对年份。",
        f"the project {project_title(project)} says {quote}, which {en}. Check the year.",
        found=quote,
        page=project.page,
        box=project.box,
        quote=quote,
    )


RULES = (project_year_wrong, project_words_of_other_year)
