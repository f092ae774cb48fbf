"""A sample of servers on sockets of loopback, if other clients are asked, too: none gets further than we say."""

from __future__ import annotations

import pytest

from tests.testing.truth.comparing import compare_all, sample

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_real_servers_nobody_gets_further_than_is_claimed(seed: int) -> None:
    compared = await compare_all(sample(seed, 10))
    faults = [f"{fault}\n  {each.server}" for each in compared for fault in each.faults]
    assert not faults, "\n".join(faults)
