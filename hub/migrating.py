"""`python -m hub.migrating`: run the migrations on the database that the environment names.

With `back` as its argument they are taken back.
"""

from __future__ import annotations

import os
import sys

from alembic import command
from alembic.config import Config

from hub.schema import ADDRESS, BACK, UNTIL, folder


def config(database: str) -> Config:
    """Alembic's settings for a database."""
    made = Config()
    made.set_main_option("script_location", str(folder()))
    made.attributes["database"] = database
    return made


if __name__ == "__main__":
    run = command.downgrade if BACK in sys.argv else command.upgrade
    run(config(os.environ[ADDRESS]), os.environ.get(UNTIL, "head"))
