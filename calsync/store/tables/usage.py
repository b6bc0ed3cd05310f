"""What was asked of providers, summed up by the day: quotas are counted there by the day, too."""

from datetime import date

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel


class UsageDay(SQLModel, table=True):
    """What one account cost on one day (UTC). A call is what the provider counts: each write of a batch is one."""

    __tablename__ = "usage_day"

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", ondelete="CASCADE")
    day: date
    requests: int = 0
    calls: int = 0
    limited: int = 0  # answers that asked us to wait

    __table_args__ = (UniqueConstraint("account_id", "day"), Index(None, "day"))
