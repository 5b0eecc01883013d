# SPDX-License-Identifier: Apache-2.0
"""Which promises of the interface a broker can keep by itself. What is not listed here, every broker does."""

from enum import StrEnum


class Capability(StrEnum):
    """A promise that some brokers cannot keep; `docs/brokers.md` says what takes its place there."""

    DEDUPLICATION = "deduplication"
    """A message id that comes again within `Queue.remembers` is not stored a second time.

    Without it every consumer must write what it takes under a unique key, as OVPO's stores do.
    """

    SHARING = "sharing"
    """While consumers of one name join or leave, a message in the hands of one is given to no other.

    Without it such a message may come to two of them.
    """

    COUNTING = "counting"
    """`Consumer.waiting` says how many messages nobody has been given yet.

    Without it it says nothing, and the server's own tools have to be asked.
    """

    FORGETTING = "forgetting"
    """`Broker.forget` frees space when it is asked to.

    Without it `forget` does nothing, and the server frees space by age.
    """
