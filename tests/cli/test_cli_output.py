"""What commands print is plain text: nothing that a remote system or a file says acts on the terminal."""

import pytest

from console.cli.output import print_error, print_table
from console.model.errors import BadFile

ESCAPE = "\x1b[31mred\x1b[0m"


def test_cells_hold_no_escapes_and_no_hidden_signs(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("NAME",), [(f"{ESCAPE} \u202eevil\n",)])
    out = capsys.readouterr().out
    assert out == "NAME\nred \\u202eevil\n"


def test_an_error_keeps_its_lines_and_nothing_else_that_acts(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(BadFile(f"shop.yaml:3: {ESCAPE}\nshop.yaml:4: found x", advice="Mend it."))
    assert capsys.readouterr().err == "shop.yaml:3: red\nshop.yaml:4: found x\nMend it.\n"
