# SPDX-License-Identifier: Apache-2.0
"""How each part of the stack is prepared, started, asked whether it is ready, and stopped: one module a part."""
