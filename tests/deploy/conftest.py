"""Helm, and what it makes of the chart: once for all tests of this folder."""

import os
import shutil

import pytest

from tests.deploy.chart_files import CHART
from tests.deploy.rendering import FULL, Rendered, render


@pytest.fixture(scope="session")
def helm() -> str:
    """Give the path of helm."""
    places = f"{CHART.parents[2] / '.tools' / 'bin'}:{os.environ['PATH']}"
    found = shutil.which("helm", path=places)
    if found is None:
        pytest.skip("helm is not here: .ci/tools builds it")
    return found


@pytest.fixture(scope="session")
def default(helm: str) -> Rendered:
    """Give what the chart makes without values."""
    return render(helm)


@pytest.fixture(scope="session")
def full(helm: str) -> Rendered:
    """Give what it makes when everything is asked for."""
    return render(helm, "--values", str(FULL))


@pytest.fixture(scope="session", params=["default", "full"])
def rendered(request: pytest.FixtureRequest) -> Rendered:
    """Give each of the two in turn."""
    documents: Rendered = request.getfixturevalue(request.param)
    return documents
