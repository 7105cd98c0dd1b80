"""Rules on small cases of their own; what they find in whole documents is in test_parse.py."""

from cnbudget.cover import Contradiction, Cover
from cnbudget.forms import BY_ID
from cnbudget.identities import IDENTITIES
from cnbudget.model import Cause, Cell, CheckStatus, Finding, FormId, Measure, Severity
from cnbudget.recognise import OtherForm, PrintedAmount, Recognition, Statement, StatementRow, Unassigned
from cnbudget.rules import FORM_NAMES, RULES, Case, CheckOutcome, Suspect, findings_of

T3 = FormId.EXPENDITURE_SUMMARY


def row(number: int, label: str, amount: str | None = "1") -> StatementRow:
    amounts = [PrintedAmount(Measure.TOTAL, None, amount, Cell(1, 1, amount))] if amount else []
    return StatementRow(number, ("", "", ""), {None: label}, amounts)


def statement(form_id: FormId, *labels: str, page: int = 5, **fields: object) -> Statement:
    rows = [row(i, label) for i, label in enumerate(labels, 1)]
    return Statement(BY_ID[form_id], "t", rows, **{"unit": "元", "pages": [page], **fields})  # type: ignore[arg-type]


def whole(**changes: object) -> Recognition:
    """All nine forms, each with one row and its total."""
    statements = [statement(form_id, "甲", "合计", page=page) for page, form_id in enumerate(FormId, 5)]
    return Recognition(**{"statements": statements, "others": [], "unassigned": [], "titles": [], **changes})  # type: ignore[arg-type]


def found(recognition: Recognition, **case: object) -> list[Finding]:
    return findings_of(Case(Cover(), recognition, **case))  # type: ignore[arg-type]


def test_findings_of__nothing_is_wrong_with_nine_whole_forms() -> None:
    assert found(whole()) == []


def test_form_missing__names_the_form_and_holds() -> None:
    some = whole(statements=[s for s in whole().statements if s.form.form_id is not T3], titles=[(T3, "t", 2)])
    (finding,) = found(some)
    assert (finding.rule_id, finding.locus, finding.is_holding) == ("form_missing", "expenditure_summary", True)
    assert finding.found == "0 forms, title listed on page 2"


def test_total_row_missing__a_form_that_ends_without_totals_holds() -> None:
    cut = whole(
        statements=[
            *whole().statements[:7],
            statement(FormId.BASIC_EXPENDITURE_BY_ECONOMIC, "基本工资"),
            whole().statements[8],
        ]
    )
    (finding,) = found(cut)
    assert (finding.rule_id, finding.is_holding, finding.found) == ("total_row_missing", True, "基本工资")


def test_unit_missing__holds() -> None:
    statements = [s if s.form.form_id is not T3 else statement(T3, "甲", "合计", unit=None) for s in whole().statements]
    assert [f.rule_id for f in found(whole(statements=statements))] == ["unit_missing"]


def test_table_between_forms__without_a_title_holds_and_with_one_is_named() -> None:
    findings = found(
        whole(others=[OtherForm("", 7, 12), OtherForm("财政拨款项目支出预算表", 8, 3), OtherForm("", 19, 4)])
    )
    assert [(f.rule_id, f.page, f.is_holding) for f in findings] == [
        ("table_between_forms", 7, True),
        ("other_form", 7, False),
        ("other_form", 8, False),
        ("other_form", 19, False),
    ]


def test_number_unassigned__each_number_is_named_with_its_page() -> None:
    findings = found(whole(unassigned=[Unassigned("128,600", "it stands outside the table", 11)]))
    assert [(f.found, f.page, f.cause, f.is_holding) for f in findings] == [("128,600", 11, Cause.EXTRACTION, True)]


def test_zero_unassigned__is_named_and_does_not_hold() -> None:
    findings = found(whole(unassigned=[Unassigned("0", "it may be a or b", 11, is_open_zero=True)]))
    assert [(f.rule_id, f.found, f.severity, f.is_holding) for f in findings] == [
        ("zero_unassigned", "0", Severity.INFO, False)
    ]


def test_cover_contradicts_forms__holds() -> None:
    clash = Contradiction("fiscal_year", "2024", "2023", "revenue_summary", 8)
    (finding,) = found(whole(), contradictions=[clash])
    assert (finding.expected, finding.found, finding.page, finding.is_holding) == ("2024", "2023", 8, True)


def test_identity_broken__says_both_sides_and_the_difference() -> None:
    outcome = CheckOutcome(
        "T3_total", "total", CheckStatus.BROKEN, "1350.00", "1300.00", "50.00", Cause.PUBLISHER, page=9
    )
    (finding,) = found(whole(), outcomes=[outcome])
    assert "left 1,350.00 yuan, right 1,300.00 yuan, difference 50.00 yuan" in finding.message_en
    assert (finding.found, finding.expected, finding.difference) == ("1350.00", "1300.00", "50.00")
    assert (finding.cause, finding.is_holding, finding.page) == (Cause.PUBLISHER, True, 9)


def test_identity_not_checkable__is_said_but_does_not_hold() -> None:
    blank = CheckOutcome(
        "T1_balance", "total", CheckStatus.NOT_CHECKABLE, "0.00", "300.00", "-300.00", reason="the left side is blank"
    )
    (finding,) = found(whole(), outcomes=[blank])
    assert (finding.severity, finding.expected, finding.is_holding) == (Severity.WARNING, "300.00", False)


def test_figure_suspected__shows_what_identities_agree_on() -> None:
    suspect = Suspect(T3, 3, "培训支出", "total", "309", 2, "300.00", 9)
    (finding,) = found(whole(), suspects=[suspect])
    assert (finding.found, finding.expected, finding.is_holding) == ("309", "300.00", False)


def test_empty_note_under_filled_form__is_the_publishers() -> None:
    statements = [
        s if s.form.form_id is not T3 else statement(T3, "甲", "合计", notes=["注：故本表为空表"])
        for s in whole().statements
    ]
    (finding,) = found(whole(statements=statements))
    assert (finding.rule_id, finding.cause, finding.severity) == (
        "empty_note_under_filled_form",
        Cause.PUBLISHER,
        Severity.ERROR,
    )


def test_rules__every_form_and_identity_has_its_names() -> None:
    assert set(FORM_NAMES) == set(FormId)
    assert all(identity.zh and identity.en for identity in IDENTITIES)
    assert len({rule.rule_id for rule in RULES}) == len(RULES)
