"""Every table and constraint, as SQLAlchemy Core. Names of constraints are fixed.

Instants are ``BIGINT`` microseconds since 1970 UTC, dates are ISO text, ids are text,
digests and sealed values are binary. What the database can hold as an invariant, it holds
(P2): unique, check, foreign key, not null.
"""

from sqlalchemy import MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
