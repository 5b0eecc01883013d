# SPDX-License-Identifier: Apache-2.0
"""A small video pipeline that really makes a video, the ways in which it breaks, and a command that runs them."""
