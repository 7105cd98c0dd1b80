"""A budget -> its sections of text. Every figure comes from the budget; the sentences are our own.

Section titles, the opening formula of the narrative and the headings of the disclosures are the prescribed ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial

from cnbudget.model import PublisherKind, RevenueSource
from samples.budget import FISCAL_SOURCES, ZERO, Budget, Ledger, Project, ThreePublic, Wording
from samples.content import Section, grouped, ordinal

VEHICLE_KINDS = (
    "部级领导干部用车",
    "主要领导干部用车",
    "机要通信用车",
    "应急保障用车",
    "执法执勤用车",
    "特种专业技术用车",
    "离退休干部用车",
    "其他用车",
)


def cover(budget: Budget) -> list[str]:
    """Title, publisher and date as on the first page."""
    publisher = budget.publisher
    place = f"{publisher.jurisdiction}{budget.year}年{'市级' if publisher.is_municipal else '区级'}"
    if publisher.kind is PublisherKind.DEPARTMENT:
        return [f"{place}部门预算", f"预算主管部门：{publisher.name}", f"{budget.year}年{budget.month}月"]
    return [f"{place}单位预算", f"预算单位：{publisher.name}", f"{budget.year}年{budget.month}月"]


def contents(budget: Budget, form_titles: Sequence[str]) -> list[str]:
    """The entries of the contents page; forms are listed by number under their heading."""
    kind = _kind(budget)
    before = [f"{kind}主要职能", f"{kind}机构设置", "名词解释", f"{kind}预算编制说明", f"{kind}预算表"]
    after = ["其他相关情况说明", *(["项目经费情况说明"] if budget.projects else [])]
    entries = [f"{ordinal(number)}、{title}" for number, title in enumerate([*before, *after], start=1)]
    forms = [f"{number}. {title}" for number, title in enumerate(form_titles, start=1)]
    return [*entries[: len(before)], *forms, *entries[len(before) :]]


def sections(budget: Budget) -> tuple[list[Section], list[Section]]:
    """What stands before the forms, and what stands after them."""
    before = [_functions(budget), _institutions(budget), _glossary(budget), _narrative(budget)]
    return before, [_other(budget), *(_project(budget, project) for project in budget.projects)]


def _functions(budget: Budget) -> Section:
    name, kind = budget.publisher.name, _kind(budget)
    paragraphs = [
        f"{name}的主要职能包括：",
        "（一）落实国家和本市的有关政策，提出年度工作计划并推进实施。",
        "（二）管好用好各项财政资金，按规定公开预算，接受社会监督。",
        "（三）面向企业和居民提供公共服务，持续改进办事流程与服务质量。",
        "（四）指导所属单位的业务、人员与资产管理工作。",
        "（五）办理上级交办的其他事项。",
    ]
    return Section(f"{name}（{kind}）主要职能", paragraphs)


def _institutions(budget: Budget) -> Section:
    name, kind = budget.publisher.name, _kind(budget)
    if not budget.institutions:
        inner = f"{name}设有办公室、计划财务科、业务一科、业务二科4个内设机构。"
        if _is_free(budget):
            inner = f"{name}单位设四个内设机构，分别为办公室、计划财务科、业务一科和业务二科。"
        return Section(f"{name}（{kind}）机构设置", [inner])
    n_administrative = sum(institution.is_administrative for institution in budget.institutions)
    n_other = len(budget.institutions) - n_administrative
    paragraphs = [
        f"{name}部门预算由局本部以及下属{len(budget.institutions) - 1}家预算单位的收支汇总而成。",
        f"本部门中，行政单位{n_administrative}家，事业单位{n_other}家，具体包括：",
        *(f"{number}. {institution.name}" for number, institution in enumerate(budget.institutions, start=1)),
    ]
    if _is_free(budget):
        names = "、".join(institution.name for institution in budget.institutions)
        paragraphs[1:] = [f"本部门中，有{n_administrative}家行政单位、{n_other}家事业单位，分别是：{names}。"]
    return Section(f"{name}（{kind}）机构设置", paragraphs)


def _is_free(budget: Budget) -> bool:
    return budget.style.wording is Wording.FREE


def _glossary(budget: Budget) -> Section:
    level = "市级" if budget.publisher.is_municipal else "区级"
    paragraphs = [
        f"（一）财政拨款收入：{level}财政本年度拨给本{_kind(budget)}的资金，按来源分为三类预算。",
        "（二）事业收入：事业单位开展专业活动及与之相关的活动所得的收入。",
        "（三）其他收入：不属于财政拨款、事业收入和经营收入的收入。",
        "（四）基本支出预算：维持机构运转和日常工作的支出计划，由人员经费与公用经费组成。",
        "（五）项目支出预算：为特定任务在基本支出以外安排的支出计划。",
        "（六）“三公”经费：用财政拨款安排的因公出国（境）费、公务用车购置及运行费和公务接待费。",
        "（七）机关运行经费：行政单位和参公单位用一般公共预算安排的日常公用经费。",
    ]
    return Section("名词解释", paragraphs)


def _narrative(budget: Budget) -> Section:
    ledger = Ledger(budget.lines)
    year, name = budget.year, budget.publisher.name
    fiscal = ledger.amount(sources=FISCAL_SOURCES)
    own = {source: _wan(budget, ledger.amount(sources=[source])) for source in RevenueSource}
    funds = [_wan(budget, ledger.amount(sources=[source])) for source in FISCAL_SOURCES]
    change = _changed(budget, fiscal, budget.fiscal_before, partial(_wan, budget))
    paragraphs = [
        f"{year}年，{name}收入预算{_wan(budget, ledger.amount())}，其中：财政拨款收入{_wan(budget, fiscal)}，{change}；"
        f"事业收入{own[RevenueSource.PUBLIC_SERVICE]}；事业单位经营收入{own[RevenueSource.BUSINESS]}；"
        f"其他收入{own[RevenueSource.OTHER]}。",
        f"支出预算{_wan(budget, ledger.amount())}，其中：财政拨款支出预算{_wan(budget, fiscal)}，{change}。"
        f"财政拨款支出预算中，一般公共预算拨款支出预算{funds[0]}；政府性基金拨款支出预算{funds[1]}；"
        f"国有资本经营预算拨款支出预算{funds[2]}。",
        _reason(fiscal, budget.fiscal_before),
        "财政拨款支出主要内容如下：",
        *_main_items(budget, ledger),
    ]
    return Section(f"{year}年{_kind(budget)}预算编制说明", paragraphs)


def _main_items(budget: Budget, ledger: Ledger) -> list[str]:
    codes = ledger.codes(FISCAL_SOURCES, digits=[3])
    if budget.style.is_narrative_by_item:
        lines = {line.code for line in budget.lines}
        codes = [code for code in ledger.codes(FISCAL_SOURCES) if code in lines]
    paragraphs = []
    for number, code in enumerate(codes, start=1):
        amount = _wan(budget, budget.misstatements.get(code, ledger.amount(code, FISCAL_SOURCES)))
        use = f"主要用于{budget.names[code].removesuffix('支出')}方面的工作。"
        subject = _subject(budget, code)
        if _is_free(budget):
            subject = subject.replace("“", "").replace("”", "").removesuffix("科目") + "科目预算安排"
        paragraphs.append(f"{number}. {subject}{amount}，{use}")
    return paragraphs


def _subject(budget: Budget, code: str) -> str:
    if len(code) == 3:
        return f"“{budget.names[code]}”科目"
    levels = zip((code[:3], code[:5], code), "类款项", strict=True)
    path = dict.fromkeys(
        f"{budget.names[part]}（{level}）" for part, level in levels if len(code) == 7 or level != "项"
    )
    return f"“{''.join(path)}”"


def _other(budget: Budget) -> Section:
    paragraphs = [
        *_three_public(budget),
        "二、机关运行经费预算",
        _agency_operating(budget),
        "三、政府采购预算情况",
        _procurement(budget),
        "四、绩效目标设置情况",
        f"{budget.year}年度，本{_kind(budget)}{'编报项目绩效目标的' if _is_free(budget) else '编报绩效目标的项目'}"
        f"共{len(budget.projects)}个，涉及项目预算资金{_exact(sum((project.amount for project in budget.projects), ZERO))}。",
        "五、国有资产占有使用情况",
        *_assets(budget),
    ]
    return Section("其他相关情况说明", paragraphs)


def _three_public(budget: Budget) -> list[str]:
    now, before, year = budget.disclosures.three_public, budget.disclosures.three_public_before, budget.year

    def said(kind: str, verb: str = "") -> str:
        amount, earlier = _three_public_amount(now, kind), _three_public_amount(before, kind)
        return f"{verb}{_exact(amount)}，{_changed(budget, amount, earlier, _exact)}"

    if _is_free(budget):
        return [
            f"一、{year}年“三公”经费情况说明",
            f"{year}年财政拨款“三公”经费支出预算{said('total')}。其中：",
            f"（一）因公出国（境）费用。{year}年预算数{said('overseas_travel')}。",
            f"（二）公务用车购置和运行维护费。{year}年预算数{said('vehicle_total')}。其中：公务用车购置费预算{said('vehicle_purchase')}；"
            f"公务用车运行维护费预算{said('vehicle_operation')}。",
            "（三）公务接待费",
            f"{year}年预算数{said('official_reception')}。",
        ]
    return [
        f"一、{year}年“三公”经费预算情况说明",
        f"{year}年“三公”经费预算数{said('total', '为')}。其中：",
        f"（一）因公出国（境）费{said('overseas_travel')}。",
        f"（二）公务用车购置及运行费{said('vehicle_total')}。其中：公务用车购置费{said('vehicle_purchase')}；"
        f"公务用车运行费{said('vehicle_operation')}。",
        f"（三）公务接待费{said('official_reception')}。",
    ]


def _three_public_amount(spent: ThreePublic, kind: str) -> Decimal:
    amount: Decimal = getattr(spent, kind)
    return amount


def _agency_operating(budget: Budget) -> str:
    amount = budget.disclosures.agency_operating
    if not amount:
        return f"{budget.year}年{budget.publisher.name}无机关运行经费。"
    return f"{budget.year}年{budget.publisher.name}财政拨款的机关运行经费预算为{_exact(amount)}。"


def _procurement(budget: Budget) -> str:
    goods, works = budget.disclosures.procurement_goods, budget.disclosures.procurement_works
    services = budget.disclosures.procurement_services
    if _is_free(budget):
        return (
            f"{budget.year}年{budget.publisher.name}政府采购预算总额{_exact(goods + works + services)}，其中：货物类采购预算{_exact(goods)}、"
            f"工程类采购预算{_exact(works)}、服务类采购预算{_exact(services)}。"
        )
    return (
        f"{budget.year}年度本{_kind(budget)}政府采购预算{_exact(goods + works + services)}，其中："
        f"政府采购货物预算{_exact(goods)}、政府采购工程预算{_exact(works)}、政府采购服务预算{_exact(services)}。"
    )


def _assets(budget: Budget) -> list[str]:
    disclosures, year = budget.disclosures, budget.year
    return [
        f"截至{year - 1}年8月31日，{budget.publisher.name}共有车辆{disclosures.vehicles}辆，其中："
        f"{_vehicles(disclosures.vehicles)}；单价100万元（含）以上设备（不含车辆）{disclosures.equipment}台（套）。",
        f"{year}年{_kind(budget)}预算安排购置车辆{disclosures.vehicles_to_buy}辆，其中："
        f"{_vehicles(disclosures.vehicles_to_buy)}；{_kind(budget)}预算安排购置单价100万元（含）以上设备（不含车辆）0台（套）。",
    ]


def _vehicles(count: int) -> str:
    on_duty = count // 2
    counts = {"执法执勤用车": on_duty, "其他用车": count - on_duty}
    return "、".join(f"{kind}{counts.get(kind, 0)}辆" for kind in VEHICLE_KINDS)


def _project(budget: Budget, project: Project) -> Section:
    is_itemised = len(project.items) > 1
    items = [f"{number}. {item.name}{_exact(item.amount)}；" for number, item in enumerate(project.items, start=1)]
    items[-1] = items[-1].removesuffix("；") + "。"
    budgeted = f"{budget.year}年该项目预算{_exact(project.amount)}。{'其中：' if is_itemised else ''}"
    paragraphs = [
        "一、项目概述",
        f"围绕“{project.name}”安排的专项工作，按年度计划分步实施，资金专款专用。",
        "二、立项依据",
        f"1. 《{project.name}专项资金管理细则》（民保发〔{budget.year - 2}〕15号）",
        "三、实施主体",
        f"该项目由{project.implementer}负责实施。",
        "四、实施方案",
        "上半年完成方案论证与采购，下半年组织实施，年底前完成验收和绩效自评。",
        "五、实施周期",
        f"{budget.year}年1月1日至{budget.year}年12月31日",
        "六、年度预算安排",
        budgeted,
        *(items if is_itemised else []),
        "七、绩效目标",
        "见本项目的绩效目标表。",
    ]
    if _is_free(budget):
        paragraphs = [f"（{text[0]}）{text[2:]}：" if text[1] == "、" else text for text in paragraphs]
    return Section(f"{project.name}项目{'' if _is_free(budget) else '经费'}情况说明", paragraphs)


def _kind(budget: Budget) -> str:
    return "部门" if budget.publisher.kind is PublisherKind.DEPARTMENT else "单位"


def _wan(budget: Budget, yuan: Decimal) -> str:
    """`1,203.00万元` by item, `1,203万元` by class, `0万元` for nothing."""
    return f"{grouped(yuan / 10_000, 2 if budget.style.is_narrative_by_item else 0)}万元" if yuan else "0万元"


def _exact(yuan: Decimal) -> str:
    return f"{grouped(yuan / 10_000, 2)}万元" if yuan else "0万元"


def _changed(budget: Budget, now: Decimal, before: Decimal, said: Callable[[Decimal], str]) -> str:
    """The change against the year before, in the budget's wording."""
    if not _is_free(budget):
        return _change(budget.year, now, before, said)
    if now == before:
        return "同上年预算基本持平"
    way, back = ("增加", "上升") if now > before else ("减少", "下降")
    base = f"{said(before)}" if before else ""
    percent = f"（{back}{abs(now - before) / before * 100:.2f}%）" if before else ""
    return f"较{budget.year - 1}年年初预算数{base}{way}{said(abs(now - before))}{percent}"


def _change(year: int, now: Decimal, before: Decimal, said: Callable[[Decimal], str]) -> str:
    if now == before:
        return f"与{year - 1}年预算持平"
    return f"比{year - 1}年预算{'增加' if now > before else '减少'}{said(abs(now - before))}"


def _reason(now: Decimal, before: Decimal) -> str:
    if now == before:
        return "财政拨款收入支出与上年持平，主要原因是工作任务没有变化。"
    direction = "增加" if now > before else "减少"
    return f"财政拨款收入支出{direction}的主要原因是人员经费和专项工作任务相应{direction}。"
