# SPDX-License-Identifier: Apache-2.0
"""Videos as files: what they are, what is in them, and their pictures at the times that are asked for."""
