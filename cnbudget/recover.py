"""Columns that the text lost, found again through the identities.

Where empty cells are gone, a row of k numbers in m columns may stand in C(m, k) ways. Each row keeps its ways; the identities
strike out those that take part in no solution: the row's own sum, then parent = parts down the form, then the forms among one
another, then for T9 what the prose says. What is left is the set of all placements that no identity excludes, so a number with
one column left is proved and becomes a fact; every other number is unassigned, with its candidates. The search is exact, in
whole thousandths of a yuan, and gives up after `MAX_STEPS`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations

from cnbudget import classification, money, narrative
from cnbudget.flattened import TextForm, TextRow, Token, document_to_forms
from cnbudget.forms import BY_ID
from cnbudget.identities import ROW_SUMS
from cnbudget.model import Cell, Document, FormId, Measure, Paragraph, Provenance, Side
from cnbudget.placement_search import Equation, Placements, Variable
from cnbudget.recognise import (
    PrintedAmount,
    Recognition,
    Statement,
    StatementRow,
    Unassigned,
    read_head,
)
