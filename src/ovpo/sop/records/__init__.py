# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL knows of videos, embeddings, adapters, definitions and scores: rows as frozen values, statements."""
