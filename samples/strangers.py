"""Documents that are not budgets of the nine forms: another city's budget, final accounts, a notice. All invented."""

from __future__ import annotations

from collections.abc import Sequence

from samples.content import Content, HeadCell, PrintedForm, Row, Section

CITY_BODY = "临溪市商务促进局"
DISTRICT_BODY = "上海市澄湖区商务促进委员会"


def other_city_budget() -> Content:
    """A department's budget in the layout of other cities: 收支总表, 公开01表, codes in one column."""
    tables = [
        _table(
            "部门收支总体情况表（公开01表）",
            ("收入项目", "预算数", "支出项目", "预算数"),
            [
                ("一、一般公共预算拨款收入", "1,286.40", "一、一般公共服务支出", "968.15"),
                ("二、政府性基金预算拨款收入", "", "二、社会保障和就业支出", "187.25"),
                ("三、事业收入", "", "三、卫生健康支出", "52.30"),
                ("四、其他收入", "30.00", "四、住房保障支出", "108.70"),
                ("本年收入合计", "1,316.40", "本年支出合计", "1,316.40"),
                ("上年结转", "", "年终结转", ""),
                ("收入总计", "1,316.40", "支出总计", "1,316.40"),
            ],
        ),
        _table("部门收入总体情况表（公开02表）", (*_CITY_CODES, "财政拨款", "其他收入"), _CITY_REVENUE),
        _table("部门支出总体情况表（公开03表）", (*_CITY_CODES, "基本支出", "项目支出"), _CITY_SPENDING),
        _table(
            "一般公共预算“三公”经费支出情况表（公开06表）",
            ("合计", "因公出国（境）费", "公务用车购置费", "公务用车运行费", "公务接待费"),
            [("6.80", "", "", "5.00", "1.80")],
        ),
    ]
    parts: list[Section | PrintedForm] = [
        Section("第一部分 部门概况", [f"{CITY_BODY}负责全市商务促进与市场秩序工作。"]),
        *tables,
        Section("第三部分 部门预算情况说明", ["2024年收入总计1,316.40万元，支出总计1,316.40万元。"]),
    ]
    contents = ["第一部分 部门概况", "第二部分 2024年部门预算表", "第三部分 部门预算情况说明", "第四部分 名词解释"]
    return Content(["2024年", f"{CITY_BODY}部门预算", "2024年2月"], contents, parts)


def final_accounts() -> Content:
    """The final accounts (决算) of a district department: other forms, other words, last year's money."""
    tables = [
        _table(
            "收入支出决算总表",
            ("项目", "决算数", "项目", "决算数"),
            [
                ("一、一般公共预算财政拨款收入", "842.17", "一、一般公共服务支出", "655.02"),
                ("二、政府性基金预算财政拨款收入", "", "二、社会保障和就业支出", "96.40"),
                ("三、其他收入", "", "三、卫生健康支出", "28.75"),
                ("", "", "四、住房保障支出", "62.00"),
                ("本年收入合计", "842.17", "本年支出合计", "842.17"),
                ("总计", "842.17", "总计", "842.17"),
            ],
        ),
        _table(
            "支出决算表",
            ("功能分类科目编码", "科目名称", "本年支出合计", "基本支出", "项目支出"),
            [
                ("", "合计", "842.17", "598.36", "243.81"),
                ("201", "一般公共服务支出", "655.02", "411.21", "243.81"),
                ("208", "社会保障和就业支出", "96.40", "96.40", ""),
                ("210", "卫生健康支出", "28.75", "28.75", ""),
                ("221", "住房保障支出", "62.00", "62.00", ""),
            ],
        ),
        _table(
            "财政拨款“三公”经费支出决算表",
            ("年初预算数", "全年预算数", "决算数", "其中：公务接待费"),
            [("3.20", "3.00", "1.15", "1.15")],
        ),
    ]
    parts: list[Section | PrintedForm] = [
        Section("第一部分 部门概况", [f"{DISTRICT_BODY}负责本区商务促进工作，部门决算由本级1家单位构成。"]),
        *tables,
        Section("第三部分 2023年度部门决算情况说明", ["2023年度收入总计842.17万元，支出总计842.17万元。"]),
    ]
    contents = ["第一部分 部门概况", "第二部分 2023年度部门决算表", "第三部分 2023年度部门决算情况说明"]
    return Content([f"{DISTRICT_BODY}", "2023年度部门决算", "2024年8月"], contents, parts)


def meeting_notice() -> Content:
    """A PDF that is no budget at all."""
    paragraphs = [
        "各科室、所属单位：",
        "定于2024年3月12日（星期二）下午2时在3号会议室召开第一季度工作例会，通报年度重点工作进展，部署二季度任务。",
        "请各单位主要负责人准时参加，并于3月8日前报送书面材料1份。联系人：办公室，电话分机8012。",
        "特此通知。",
    ]
    return Content(["会议通知", "办公室", "2024年3月4日"], [], [Section("关于召开第一季度工作例会的通知", paragraphs)])


_CITY_CODES = ("科目编码", "科目名称", "合计")
_CITY_REVENUE = [
    ("201", "一般公共服务支出", "968.15", "938.15", "30.00"),
    ("20113", "商贸事务", "968.15", "938.15", "30.00"),
    ("2011301", "行政运行", "702.15", "702.15", ""),
    ("2011308", "招商引资", "266.00", "236.00", "30.00"),
    ("208", "社会保障和就业支出", "187.25", "187.25", ""),
    ("210", "卫生健康支出", "52.30", "52.30", ""),
    ("221", "住房保障支出", "108.70", "108.70", ""),
    ("", "合计", "1,316.40", "1,286.40", "30.00"),
]
_CITY_SPENDING = [
    ("201", "一般公共服务支出", "968.15", "702.15", "266.00"),
    ("20113", "商贸事务", "968.15", "702.15", "266.00"),
    ("2011301", "行政运行", "702.15", "702.15", ""),
    ("2011308", "招商引资", "266.00", "", "266.00"),
    ("208", "社会保障和就业支出", "187.25", "187.25", ""),
    ("210", "卫生健康支出", "52.30", "52.30", ""),
    ("221", "住房保障支出", "108.70", "108.70", ""),
    ("", "合计", "1,316.40", "1,050.40", "266.00"),
]


def _table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> PrintedForm:
    columns = list(zip(*rows, strict=True))
    is_text = [not any("." in cell for cell in column) for column in columns]
    aligns = "".join("l" if text else "r" for text in is_text)
    head = [HeadCell(header, 0, column) for column, header in enumerate(headers)]
    widths = [3.0 if text else 2.0 for text in is_text]
    return PrintedForm(title, "", "单位：万元", head, aligns, widths, [Row(row) for row in rows])
