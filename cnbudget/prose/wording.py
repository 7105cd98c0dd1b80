"""The words of a budget's prose: comparisons, reasons, uses, and what names each measure. New wording is a row here.

All patterns are for folded text (`sections.fold`): quotation marks are “, brackets and colons are ASCII, commas as printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cnbudget.model import ClaimMeasure

NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)*"
MONEY_UNIT = r"亿元|百万元|千元|万元|元"
YEAR = r"20\d\d"
RISE = "增加|增长|上升|提高|上浮|上调"
FALL = "减少|下降|降低|压减|下调|调减|下浮|缩减"
LEVEL = "持平|一致|相同|不变|没有变化|无变化|未发生变化|无增减变化|无增减变动|无增减|相等|一样"


def _change(number: int) -> str:
    """By how much: change and unit, as groups of this number."""
    return (
        rf"(?:额|率|幅度|幅|比例|金额)?[了为约共]{{0,2}}(?P<change{number}>{NUMBER})"
        rf"(?P<change{number}_unit>{MONEY_UNIT}|%)"
    )


_SPOKEN_OF = r"财政拨款|“三公“经费|三公经费|机关运行经费|部门|单位|年初|当年|同期|全年|支出|收入|安排|调整后?"
_COMPARE = (
    rf"(?:[比与较同和跟](?:(?P<year>{YEAR})年度?|上一?年度?|去年度?)|同比)"
    rf"(?:\([^()]{{0,40}}\))?(?:{_SPOKEN_OF}){{0,4}}"
    r"(?P<basis>预算执行数?|执行数?|决算数?|预算(?:安排)?数?)?(?:\([^()]{0,40}\))?"
    rf"(?:为?{NUMBER}(?:{MONEY_UNIT}))?(?:相比|比较)?[,，]?(?:略有|有所|基本|保持|总体|共计|共|均|各|预算){{0,2}}"
    rf"(?P<way>{RISE}|{FALL}|{LEVEL})(?:\([^()\d]{{1,8}}\))?"
    rf"(?:{_change(1)})?"
    rf"(?:[,，、(]{{0,2}}(?:同比|即|约)?(?:(?P<way2>{RISE}|{FALL}|增幅|降幅|升幅)|(?<=\())"
    rf"{_change(2)}\)?)?"
)
_UNTIL = r"(?:(?![,，]其中)[^;。])*"
_UNTIL_MORE = rf"(?:(?![,，](?:其中|主要原因|原因|[比与较同](?:{YEAR}年|上|去)))[^;。])*"
_NONE_OF = (
    r"机关运行经费|政府采购(?:项目)?(?:预算)?|因公出国(?:\(境\))?(?:费用?|经费)|公务接待费|公务用车(?:购置及运行(?:维护)?费|购置费"
    r"|运行(?:维护)?费)|“三公“经费(?:支出)?(?:预算)?(?=[。,，;安]|$)|购置车辆|车辆购置|购置单价\d+万元(?:\(含\))?以上设备"
)
TOKEN = re.compile(
    rf"(?P<compare>{_COMPARE})"
    rf"|(?P<why>(?:主要)?原因(?:主要原因)?(?:是|为)?:?(?P<reason>{_UNTIL}))"
    rf"|(?P<what_for>(?:主要)?(?:是)?(?:用于|反映|(?<=主要)安排)(?P<use>{_UNTIL_MORE}))"
    rf"|(?<=[,，。;(])(?P<because>主要(?:是(?:由于|因为|因)?|由于|因为|系|因)(?P<cause>{_UNTIL}))"
    rf"|(?P<none>(?:无|没有|未安排|不安排|不涉及)(?P<none_of>{_NONE_OF}))"
    rf"|(?<![\d.])(?P<number>{NUMBER})(?P<unit>{MONEY_UNIT}|辆|台\(套\)|台|套|个|家|项)"
    r"|(?<=[为是])(?P<zero>0)(?=[;。,，]|$)"
)
"""One thing that a passage says, from left to right."""

NONE_OF = {
    "机关运行": ClaimMeasure.AGENCY_OPERATING_EXPENSES,
    "政府采购": ClaimMeasure.PROCUREMENT_TOTAL,
    "因公出国": ClaimMeasure.OVERSEAS_TRAVEL,
    "公务接待": ClaimMeasure.OFFICIAL_RECEPTION,
    "公务用车购置及": ClaimMeasure.VEHICLE_TOTAL,
    "公务用车购置费": ClaimMeasure.VEHICLE_PURCHASE,
    "公务用车运行": ClaimMeasure.VEHICLE_OPERATION,
    "“三公": ClaimMeasure.THREE_PUBLIC_TOTAL,
    "购置车": ClaimMeasure.VEHICLES_PURCHASE,
    "车辆购置": ClaimMeasure.VEHICLES_PURCHASE,
    "购置单价": ClaimMeasure.EQUIPMENT_PURCHASE,
}
"""What is said not to be there, by its first words: as good as a stated 0."""

LEVELS = re.compile(r"\([类款项]\)")
_TAIL_WORD = r"\([类款项]\)|[类款项]级|科目|支出|预算|安排|总额|金额|经费|数|共计|合计|共|为|是"
ACCOUNT = re.compile(rf"“(?P<quoted>[^“]{{2,150}})“(?P<tail>(?:{_TAIL_WORD}|[类款项]){{0,6}})$")
_NAME = r"(?:[^()“,，;。:\d]|\((?![类款项]\))[^()]{1,8}\)){2,40}"
BARE_ACCOUNT = re.compile(rf"(?P<path>(?:{_NAME}\([类款项]\)){{1,3}})(?:{_TAIL_WORD}){{0,5}}$")
ACCOUNT_WORD = re.compile(r"(?P<name>[^()“]{2,40}?)科目(?:支出|预算|安排|金额|数|共计|合计|共|为){0,3}$")
BARE_AMOUNT = re.compile(r"(?:年初|本年|当年|全年)?预算")
"""The name of an amount that says nothing: its heading names it."""
HEADING = re.compile(r"[^。,，;:]{2,40}")
AMOUNT = re.compile(rf"(?<![\d.])(?P<number>{NUMBER})(?P<unit>{MONEY_UNIT})")
THRESHOLD = re.compile(r"(?:\(含\))?(?:及?以上|以下|以内)")
CLAUSE = re.compile(r"[^,，;。:、]*$")
LEAD = re.compile(
    rf"^(?:、|\([一二三四五六七八九十\d]{{1,3}}\)|\d{{1,2}}[.、]|其中|包括|共有|(?:主要)?用于|{YEAR}年度?)+"
)
TAIL = re.compile(r"(?:总额|数|金额|安排|共计|合计|共有|共|为|是|约|的)+$")
OF_YEAR = re.compile(rf"({YEAR})年(?:度|当年)?预算(执行数?|安排数?)")
AS_OF = re.compile(rf"截[至止]({YEAR})年(?:(\d{{1,2}})月(?:(\d{{1,2}})日|底|末)|(?:年)?[底末])")
VEHICLES_IN_REASON = re.compile(r"(新增|保有|更新|购置|报废|减少|处置|调拨)(?:了)?(\d+)辆")
UNITS_COVERED = re.compile(r"机关|(?:参公|参照公务员法?)(?:管理)?的?(?:事业)?单位|行政单位|事业单位")

Patterns = tuple[tuple[ClaimMeasure, re.Pattern[str]], ...]


def _patterns(rows: Iterable[tuple[ClaimMeasure, str]]) -> Patterns:
    return tuple((measure, re.compile(pattern)) for measure, pattern in rows)


_M = ClaimMeasure
NARRATIVE = _patterns(
    (
        (_M.REVENUE_FISCAL_APPROPRIATION, r"(?<!预算)(?<!基金)(?<!经营)财政拨款收入(?:预算)?$"),
        (_M.REVENUE_BUSINESS, r"经营收入(?:预算)?$"),
        (_M.REVENUE_PUBLIC_SERVICE, r"事业收入(?:预算)?$"),
        (_M.REVENUE_OTHER, r"其[他它]收入(?:预算)?$"),
        (_M.REVENUE_TOTAL, r"(?<!拨款)收入(?:总)?预算$|^收入总计$|^(?:本年)?收入$"),
        (_M.EXPENDITURE_GENERAL_PUBLIC_BUDGET, r"一般公共预算(?:财政)?(?:拨款)?支出(?:预算)?$"),
        (_M.EXPENDITURE_GOVERNMENT_FUND_BUDGET, r"政府性基金(?:预算)?(?:财政)?(?:拨款)?支出(?:预算)?$"),
        (_M.EXPENDITURE_STATE_CAPITAL_OPERATIONS_BUDGET, r"国有资本经营(?:预算)?(?:财政)?(?:拨款)?支出(?:预算)?$"),
        (_M.EXPENDITURE_FISCAL_APPROPRIATION, r"财政拨款支出(?:预算)?$"),
        (
            _M.EXPENDITURE_TOTAL,
            r"^(?!.*(?:基本|项目|经营|上缴|补助)支出).{0,60}支出(?:总)?预算$|^支出总计$|^(?:本年)?支出$",
        ),
    )
)
OTHER_NOTES = _patterns(
    (
        (_M.THREE_PUBLIC_TOTAL, r"“?三公“?经费(?:财政拨款)?(?:支出)?(?:预算)?$"),
        (_M.OVERSEAS_TRAVEL, r"因公出国(?:\(境\))?(?:费用?|经费)?(?:支出)?(?:预算)?$"),
        (_M.OFFICIAL_RECEPTION, r"公务接待(?:费用?|经费)?(?:支出)?(?:预算)?$"),
        (_M.VEHICLE_TOTAL, r"购置(?:费)?[及和与](?:公务用车)?运行(?:维护)?(?:费用?|经费)(?:支出)?(?:预算)?$"),
        (_M.VEHICLE_PURCHASE, r"车辆?购置(?:费用?|经费)(?:支出)?(?:预算)?$"),
        (_M.VEHICLE_OPERATION, r"车辆?运行(?:维护)?(?:费用?|经费)(?:支出)?(?:预算)?$"),
        (_M.AGENCY_OPERATING_EXPENSES, r"机关运行(?:经)?费(?:财政拨款)?(?:支出)?(?:预算)?$"),
        (_M.PROCUREMENT_GOODS, r"采购货物(?:类)?(?:预算|支出)*$|^货物类?(?:政府)?(?:采购)?(?:支出|预算)*$"),
        (_M.PROCUREMENT_WORKS, r"采购工程(?:类)?(?:预算|支出)*$|^工程类?(?:政府)?(?:采购)?(?:支出|预算)*$"),
        (_M.PROCUREMENT_SERVICES, r"采购服务(?:类)?(?:预算|支出)*$|^服务类?(?:政府)?(?:采购)?(?:支出|预算)*$"),
        (_M.PROCUREMENT_MICRO_RESERVED, r"(?:微型|(?<!中)小微)企业"),
        (_M.PROCUREMENT_SME_RESERVED, r"中小微?(?:型)?企业"),
        (_M.PROCUREMENT_TOTAL, r"政府采购(?:项目)?(?:支出)?(?:预算)?$"),
        (_M.PERFORMANCE_AMOUNT, r"项目(?:支出)?预算(?:资金)?$|涉及(?:项目)?(?:预算|财政)?(?:性)?(?:资金|支出)?$"),
    )
)
PERFORMANCE_COUNTS = _patterns(
    (
        (_M.PERFORMANCE_OVERALL_GOALS, r"整体(?:支出)?绩效目标$"),
        (_M.PERFORMANCE_POLICIES, r"政策(?:支出)?(?:绩效目标)?$|政策.*绩效目标$"),
        (_M.PERFORMANCE_PROJECTS, r"项目(?:支出)?(?:绩效目标)?(?:有)?$"),
    )
)
"""What a number of goals is of."""
