"""The version that a program may ask for is the one that is installed."""

from importlib.metadata import PackageNotFoundError, version

import pytest

import l8nt


def test_the_version_is_the_one_of_the_installed_package() -> None:
    try:
        installed = version("l8nt")
    except PackageNotFoundError:
        pytest.skip("l8nt is not installed here: its sources are tested")
    assert l8nt.__version__ == installed
