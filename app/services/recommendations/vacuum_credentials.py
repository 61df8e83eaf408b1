"""After many changes of the catalogue at once: searching stays fast."""

from app.repositories import credentials, embeddings
from app.repositories.sql import Connection
from app.services.recommendations.search import EXACT_UP_TO


async def vacuum(conn: Connection, exact_up_to: int = EXACT_UP_TO) -> bool:
    """Removes what is old, has plans made for what is there, and builds the index over all vectors where there are more
    passages than so many and it is missing; returns whether it did. Outside of a transaction, on a connection whose
    time limit is lifted by it. Searches and writes go on."""
    await credentials.vacuum(conn)
    return await embeddings.is_index_missing(conn, exact_up_to) and await embeddings.build_index(conn)
