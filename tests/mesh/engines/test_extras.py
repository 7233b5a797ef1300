import pytest

from mesh.engines.extras import MissingExtra, require


def test_what_is_installed_is_enough() -> None:
    require("an engine", "parley[embedded]", "grpc", "google.protobuf")


def test_what_is_missing_is_told_with_the_command_that_installs_it() -> None:
    with pytest.raises(MissingExtra) as caught:
        require("the embedded quill", "parley[embedded]", "grpc", "goose_feather", "ink")
    assert str(caught.value) == (
        "the embedded quill needs packages that are not installed: goose-feather, ink; "
        "install them with: pip install 'parley[embedded]'"
    )
