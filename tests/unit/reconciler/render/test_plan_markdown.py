"""A plan as a comment: bounded, and nobody's name in it is more than text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from pki.findings import Finding, Severity
from reconciler.plan.model import Selection
from reconciler.render.plan_markdown import MARK, code_block, escaped, plan_markdown
from tests.support import plans
from tests.support.plans import DIGEST, address, make

HOSTILE = "a|b```\n</details><script>@org/x #1 [x](y) ![i](j) \x1b[31m\u202e www.x.com http://e.com a@b.c `*_~"


def outside_code(markdown: str) -> str:
    return re.sub(r"^(`{3,})diff\n.*?^\1$", "", markdown, flags=re.DOTALL | re.MULTILINE)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the signature of HTMLParser
        self.found.append(tag)


def test_the_mark_and_the_bold_summary_are_first():
    lines = plan_markdown(plans.everything(), DIGEST).splitlines()

    assert lines[:3] == [
        MARK,
        "",
        "**Plan: 14 to create, 1 to rekey, 1 to revoke, 2 to refresh, 1 to move, 1 blocked, 12 unchanged.**",
    ]


def test_what_is_blocked_is_the_first_of_its_group():
    credentials = plan_markdown(plans.everything(), DIGEST).partition("<b>Credentials</b>")[2]

    assert credentials.splitlines()[4].startswith("| <code>x</code> | <code>credential/legacy-gateway</code> |")


def test_a_strangers_name_is_text_and_nothing_else():
    markdown = plan_markdown(plans.hostile(HOSTILE), DIGEST)
    prose = outside_code(markdown)
    tags = Tags()
    tags.feed(prose)

    assert set(tags.found) <= {"details", "summary", "b", "code", "br"}
    assert prose.count("</details>") == prose.count("<details") == 2
    assert re.findall(r"@|`{3}|\]\(|www\.|http:|\x1b|\u202e", prose.replace("`qpki plan`", "")) == []
    assert [line.count("|") for line in prose.splitlines() if line.startswith("| <code>")] == [5, 5]


def test_no_text_ends_its_code_block():
    assert code_block("a\n```\nb ````` c") == "``````diff\na\n```\nb ````` c\n``````"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("expires 2026-12-20 (26 days left, 93% elapsed)", "expires 2026-12-20 (26 days left, 93&#37; elapsed)"),
        ("a@b", "a&#64;<!-- -->b"),
        ("#12", "&#35;<!-- -->12"),
        ("a|b", "a&#124;b"),
        ("<b>", "&#60;b&#62;"),
        ("__x__", "&#95;&#95;x&#95;&#95;"),
        ("www.a.b", "www&#46;a.b"),
        ("http://x: y", "http&#58;//x: y"),
        ("été", "été"),
    ],
)
def test_what_markdown_or_a_forge_would_read_is_written_as_text(text, shown):
    assert escaped(text) == shown


@pytest.mark.parametrize("max_bytes", [2_000, 2_500, 4_000, 6_000, 9_000, 20_000, 60_000])
@pytest.mark.parametrize("kind", ["everything", "hostile", "fences", "many", "wordy"])
def test_it_is_never_longer_than_allowed_and_counts_what_it_leaves_out(max_bytes, kind):
    plan = {
        "everything": plans.everything(),
        "hostile": plans.hostile(HOSTILE * 5),
        "fences": plans.hostile("`" * 1000),
        "many": make(*(change for number in range(200) for change in (*plans.fleet(1), plans.created_ca()))),
        "wordy": make(
            *plans.fleet(1),
            warnings=(Finding(Severity.WARNING, "a.b", "w|" * 900),) * 50,
            unmanaged=tuple(address(f"ca/{'@' * 60}{number}") for number in range(99)),
            selection=Selection(only=("@" * 900,) * 9, exclude=("|" * 3000,), replace=("ca/x",) * 999),
        ),
    }[kind]
    markdown = plan_markdown(plan, DIGEST, max_bytes)
    (hidden,) = re.findall(r"^\*\*(\d+) changes? not shown\*\*", markdown, re.MULTILINE) or ["0"]
    shown = sum(map(int, re.findall(r"</b>: (\d+) changes?</summary>", markdown)))

    assert len(markdown.encode()) <= max_bytes
    assert int(hidden) + shown == len(plan.changes)


def test_most_of_the_room_is_used():
    changes = [change for number in range(500) for change in (*plans.fleet(1), plans.created_ca())]

    assert 55_000 < len(plan_markdown(make(*changes), DIGEST).encode()) <= 60_000


def test_a_large_group_is_folded_away():
    changes = [change for number in range(20) for change in (*plans.fleet(1), plans.created_ca())]
    markdown = plan_markdown(make(*changes, plans.created_ca()), DIGEST)

    assert "<details><summary><b>Certification authorities</b>: 21 changes" in markdown
    assert "<details open><summary><b>Credentials</b>: 20 changes" in markdown


def test_nothing_to_do_is_short():
    assert plan_markdown(make(unchanged=3), DIGEST) == (
        f"{MARK}\n\n**No changes. The PKI matches the manifests.**\n\n"
        f"digest <code>{DIGEST}</code><br>\n"
        "now 2026-11-23 09:00:00 UTC · horizon 1 day\n"
    )
