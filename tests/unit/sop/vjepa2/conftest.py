# SPDX-License-Identifier: Apache-2.0
"""The tiny model, saved once for all tests of the embedder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.unit.sop.vjepa2.building import saved


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Keep a model this small from waiting for threads that have nothing to do."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("vjepa2"))
