from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks, missing

PAGE = """\
```sh
one  # with a comment
```
```text
prints …
```

Prose.

```json
{"an": "illustration"}
```

<!-- not run: it needs a machine room -->
```sh
two
```

```python
# three.py
```

<!-- runs until: ready -->
```sh
four --port 1
# not a command
```

```go
// five.go
```

```js
const six = 6;
```
"""


@pytest.fixture
def found(tmp_path: Path) -> list[Block]:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    return blocks(page)


def test_finds_what_is_run_in_order(found: list[Block]) -> None:
    assert [(block.where, block.language) for block in found] == [
        ("page.md:2", "sh"),
        ("page.md:16", "sh"),
        ("page.md:20", "python"),
        ("page.md:25", "sh"),
        ("page.md:30", "go"),
    ]


def test_output_follows_directly(found: list[Block]) -> None:
    assert [block.prints for block in found] == ["prints …", None, None, None, None]


def test_a_comment_says_what_else_is_done(found: list[Block]) -> None:
    assert [block.is_plain for block in found] == [True, False, True, False, True]
    assert found[1].not_run == "it needs a machine room"
    assert (found[3].runs_until, found[3].commands) == ("ready", ["four --port 1"])


def test_a_file_has_its_name_in_its_first_line(found: list[Block]) -> None:
    assert [block.saved_as for block in found] == [None, None, "three.py", None, "five.go"]


def test_a_block_must_be_closed(tmp_path: Path) -> None:
    page = tmp_path / "open.md"
    page.write_text("```sh\none\n")
    with pytest.raises(AssertionError, match=r"open\.md is not closed"):
        blocks(page)


@pytest.mark.parametrize(
    ("shown", "fault"),
    [
        ("one\nthree", None),
        ("t…", None),
        ("  two 2", None),
        ("…2\n…", None),
        ("three\none", "one"),
        ("on", "on"),
        ("four", "four"),
    ],
)
def test_shown_lines_are_printed_in_their_order(shown: str, fault: str | None) -> None:
    assert missing(shown, "one\ntwo 2\nthree\n") == fault
