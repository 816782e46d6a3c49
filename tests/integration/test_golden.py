"""What a hub says to other servers is what it said when somebody last looked at it.

A change that is meant is kept with `make golden`; its difference shows what peers will see.
"""

from __future__ import annotations

from tests.conftest import MakeHub
from tests.golden import making


async def test_a_hub_says_what_it_said_before(make_hub: MakeHub) -> None:
    made = await making.Making(await make_hub("hub.example")).everything()
    german = await make_hub("kiez.example", language="de")
    made |= await making.Making(german).a_little("de")
    if making.updating():
        making.keep(made)
    kept = making.texts()
    assert sorted(made) == sorted(kept), "run `make golden`"
    for name, document in made.items():
        assert making.settled(document) == kept[name], f"{name}: run `make golden` if this is meant"
