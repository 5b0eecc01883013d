# SPDX-License-Identifier: Apache-2.0
"""The asset graph: what Dagster shows. An asset is a window, a domain call and metadata; logic lives in ovpo."""
