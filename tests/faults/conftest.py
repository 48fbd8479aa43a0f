from pathlib import Path

import pytest

from tests.support.staged import Stage, build_stage


@pytest.fixture(scope="session")
def master_stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return build_stage(tmp_path_factory.mktemp("stage") / "towns")


@pytest.fixture
def stage(master_stage: Stage, tmp_path: Path) -> Stage:
    """Two towns of this test's own; one test of a process is up at a time."""
    return master_stage.copy(tmp_path / "towns")
