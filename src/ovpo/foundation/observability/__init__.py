# SPDX-License-Identifier: Apache-2.0
"""What a running service tells about itself: log lines without secrets, and numbers for Prometheus."""
