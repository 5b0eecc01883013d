# SPDX-License-Identifier: Apache-2.0
"""Artifacts that traces refer to: links to them, thumbnails, and whether their bytes are what was said."""
