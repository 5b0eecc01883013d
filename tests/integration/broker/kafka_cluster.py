# SPDX-License-Identifier: Apache-2.0
"""A Kafka cluster of the test's own: the one that lives inside librdkafka, reached over TCP by any number of clients.

It is an imitation in memory. Python's client can start one but not stop its brokers, so the C library that the client
brings along is called. What the imitation cannot do stands in `limits`, each with its reason.
"""

import ctypes
from collections.abc import Mapping
from pathlib import Path

import confluent_kafka
import pytest

from ovpo.foundation.broker import kafka_member
from ovpo.foundation.broker.connect import open_broker
from ovpo.foundation.broker.interface import Broker
from ovpo.foundation.broker.kafka_wire import PARTITIONS, dead_of, topic_of
from ovpo.foundation.broker.message import Queue
from ovpo.foundation.settings import tree
from tests.integration.broker.limit import Limit

BROKER = 1
SESSION_MILLISECONDS = 1500


class KafkaCluster:
    """One broker; to kill it is to cut its connections, for it keeps nothing on disk that could outlive it."""

    kills = 3
    limits: Mapping[Limit, str] = {
        Limit.MOMENTS: "the imitation finds no offset for a time",
        Limit.DISK: "the imitation keeps its messages in memory: killed and restarted, only connections are tried",
    }

    def __init__(self, folder: Path) -> None:
        self._library = _library()
        self._cluster = 0
        self._up = False

    @property
    def running(self) -> bool:
        return self._up

    @property
    def address(self) -> str:
        return str(self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode())

    async def open(self) -> Broker:
        return await open_broker(tree.Broker(url=f"kafka://{self.address}"))

    def prepare(self, queue: Queue) -> None:
        """Make the topics, which the imitation does not do when a client asks for it."""
        for topic, partitions in ((topic_of(queue), PARTITIONS), (dead_of(queue), 1)):
            assert self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, 1) == 0

    def hasten(self, patch: pytest.MonkeyPatch, *, crashes: bool) -> None:
        """Shorten a session: after a member left a group, the imitation lets the next one in no sooner."""
        patch.setattr(kafka_member, "SESSION_MILLISECONDS", SESSION_MILLISECONDS)

    def start(self) -> None:
        """Start it once."""
        if not self._cluster:
            client = self._library.rd_kafka_new(0, self._library.rd_kafka_conf_new(), None, 0)
            self._cluster = self._library.rd_kafka_mock_cluster_new(client, 1)
            self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        self._library.rd_kafka_mock_broker_set_up(self._cluster, BROKER)
        self._up = True

    def kill(self) -> None:
        self._library.rd_kafka_mock_broker_set_down(self._cluster, BROKER)
        self._up = False


def _library() -> ctypes.CDLL:
    [path] = (Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs").glob("librdkafka-*.so*")
    library = ctypes.CDLL(str(path))
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    signatures: dict[str, tuple[object, list[object]]] = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_new": (pointer, [ctypes.c_int, pointer, text, ctypes.c_size_t]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, ctypes.c_int]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_topic_create": (ctypes.c_int, [pointer, text, ctypes.c_int, ctypes.c_int]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_broker_set_up": (ctypes.c_int, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_broker_set_down": (ctypes.c_int, [pointer, ctypes.c_int32]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
