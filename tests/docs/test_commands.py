from pathlib import Path

from tests.docs.commands import Command, commands

PAGE = """\
Text with `code`.

```sh
# a comment
one   # with a comment

two --long \\
    --longer
```

```
a picture
```

```python
print("not this")
```

```sh
three
```
"""


def test_finds_what_is_to_be_typed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert list(commands(page)) == [
        Command(5, "one   # with a comment"),
        Command(7, "two --long     --longer"),
        Command(20, "three"),
    ]


def test_finds_other_languages(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert list(commands(page, "python")) == [Command(16, 'print("not this")')]
