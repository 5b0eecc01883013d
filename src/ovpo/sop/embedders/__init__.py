# SPDX-License-Identifier: Apache-2.0
"""What makes rows of numbers of pictures; one folder each, chosen by name."""
