# SPDX-License-Identifier: Apache-2.0
"""The groups of the graph: the first part of every asset key, and a folder of the lineage page."""

PLATFORM = "platform"
SOURCES = "sources"
TRACES = "traces"
VIDEOS = "videos"
EMBEDDINGS = "embeddings"
ADAPTERS = "adapters"
SCORES = "scores"
