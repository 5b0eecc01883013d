# SPDX-License-Identifier: Apache-2.0
"""Embeddings in the object store and their catalogue: made of a window's videos, adapted, searched for neighbours."""
