"""What stewards chose on their pages, and who changed what."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.clock import now
from hub.core.db import Base


class Setting(Base):
    """A setting that stewards chose; `value` is JSON, and sealed where it holds a password."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class SettingChange(Base):
    """That a setting was changed, and by whom (None: on the machine, or by somebody who left).

    The highest `id` tells every process whether it knows the newest settings.
    """

    __tablename__ = "setting_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id", ondelete="SET NULL"))
    at: Mapped[datetime] = mapped_column(default=now)
