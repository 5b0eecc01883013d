# SPDX-License-Identifier: Apache-2.0
"""The compiled kernel of the alignment, and how it is made ready without anybody waiting for it."""
