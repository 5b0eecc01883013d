# SPDX-License-Identifier: Apache-2.0
"""What can be said of many traces at once: what landed, how complete it is, what it adds up to, and whether it does."""
