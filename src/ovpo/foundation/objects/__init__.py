# SPDX-License-Identifier: Apache-2.0
"""Artifacts as objects under keys: in a folder, in Google Cloud Storage or in S3, behind one interface."""
